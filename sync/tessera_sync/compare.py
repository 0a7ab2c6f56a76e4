"""Two manifests compared block by block, reading no more columns than the rule needs.

A block is a row group of the source and the rows of the target between its cells; what one needs
is read into memory that the last one used, which is most of the speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog import grid
from tessera_catalog.arrays import to_mask, to_numpy
from tessera_catalog.errors import InputError
from tessera_catalog.fingerprint import FINGERPRINT
from tessera_catalog.store_manifest import Manifest, ascending
from tessera_sync import truth
from tessera_sync.parallel import ahead
from tessera_sync.row_tables import HASHES, SIZES, cells_of
from tessera_sync.selection import Selection

Ints = npt.NDArray[np.integer[Any]]

_MARK = FINGERPRINT.name


@dataclass(frozen=True)
class Rows:
    """Some selected tiles of one manifest in one year, ascending by cell."""

    manifest: Manifest
    year: int
    cells: npt.NDArray[np.int32]
    places: Ints
    """Where each stands among all the manifest's rows of the year."""
    numbers: dict[str, Ints]
    """The columns SIZES and _MARK, as far as the manifest knows any value of the year."""

    def __len__(self) -> int:
        return len(self.cells)

    def size(self, name: str) -> Ints | None:
        """Bytes of `embeddings_size` or `scales_size`, truth.UNKNOWN where not known."""
        return self.numbers.get(name)

    def side(self) -> truth.Side:
        """These rows as the rule wants them."""
        sizes = (self.size(SIZES[0]), self.size(SIZES[1]))
        return truth.Side(self.cells, sizes, self.numbers.get(_MARK))

    def part(self, first: int, last: int) -> Rows:
        """Rows from `first` to before `last`, as a view."""
        rows = slice(first, last)
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        return Rows(self.manifest, self.year, self.cells[rows], self.places[rows], numbers)

    def take(self, rows: Ints, columns: tuple[str, ...]) -> pa.Table:
        """Further columns of some of the rows, by their ascending numbers here."""
        return self.manifest.take(self.year, self.places[rows], columns)


@dataclass(frozen=True)
class Diff:
    """A block compared: a state for each row of the source, and which rows are extra."""

    year: int
    source: Rows
    target: Rows
    states: npt.NDArray[np.uint8]
    extra: npt.NDArray[np.bool_]

    def counts(self) -> dict[str, int]:
        """Tiles by state, `extra` included."""
        counts = {
            name: int(np.count_nonzero(self.states == state))
            for state, name in enumerate(truth.NAMES)
        }
        return counts | {"extra": int(np.count_nonzero(self.extra))}


def compare(source: Manifest, target: Manifest, selection: Selection) -> Iterator[Diff]:
    """Compare the selected tiles of two manifests, ascending by year and cell."""
    for ours, theirs in paired(source, target, selection):
        yield diff(ours, theirs)


def paired(source: Manifest, target: Manifest, selection: Selection) -> Iterator[tuple[Rows, Rows]]:
    """Blocks of both manifests that cover the same cells of the same year."""
    for year in selection.years(sorted({*source.years, *target.years})):
        theirs = _Stream(target, year, selection)
        block = None
        for following in ahead(read_rows(source, year, selection)):
            if block is not None:
                yield block, theirs.until(int(block.cells[-1]))
            block = following
        yield block or _none(source, year), theirs.until(grid.CELLS)


def diff(source: Rows, target: Rows) -> Diff:
    """Apply the rule to a block."""

    def hashes_differ(here: Ints, there: Ints) -> npt.NDArray[np.bool_]:
        ours, theirs = source.take(here, HASHES), target.take(there, HASHES)
        unlike = np.zeros(len(here), dtype=bool)
        for name in HASHES:
            pairs = pc.not_equal(ours.column(name), theirs.column(name))
            unlike |= to_mask(pairs)
        return unlike

    states, extra = truth.classify(source.side(), target.side(), hashes_differ)
    return Diff(source.year, source, target, states, extra)


def read_rows(manifest: Manifest, year: int, selection: Selection) -> Iterator[Rows]:
    """Keys, sizes and fingerprints of the selected tiles of a year; no block is empty."""
    known = [name for name in (*SIZES, _MARK) if manifest.knows(year, name)]
    first = 0
    before = -1
    for table in manifest.blocks(year, ["lon_i", "lat_i", *known]):
        cells = _cells(manifest, table, before)
        places = np.arange(first, first + len(cells), dtype=np.int32)
        first += len(cells)
        numbers = {
            name: to_numpy(table.column(name), 0 if name == _MARK else truth.UNKNOWN)
            for name in known
        }
        if len(cells):
            before = int(cells[-1])
        if selection.cells is not None:
            chosen = np.flatnonzero(selection.cells[cells])
            cells, places = cells[chosen], places[chosen]
            numbers = {name: values[chosen] for name, values in numbers.items()}
        if len(cells):
            yield Rows(manifest, year, cells, places, numbers)


class _Stream:
    """A manifest's blocks of a year, cut anew at the cells of another one's."""

    def __init__(self, manifest: Manifest, year: int, selection: Selection) -> None:
        self._blocks = ahead(read_rows(manifest, year, selection))
        self._rest = _none(manifest, year)

    def until(self, cell: int) -> Rows:
        """The rows not yet given, up to and with the cell."""
        parts = []
        while True:
            stop = int(np.searchsorted(self._rest.cells, np.int32(cell), side="right"))
            parts.append(self._rest.part(0, stop))
            if stop < len(self._rest):
                self._rest = self._rest.part(stop, len(self._rest))
                break
            following = next(self._blocks, None)
            if following is None:
                self._rest = self._rest.part(stop, stop)
                break
            self._rest = following
        return _joined(parts)


def _joined(parts: list[Rows]) -> Rows:
    """Consecutive rows as one."""
    filled = [part for part in parts if len(part)]
    if len(filled) < 2:
        return filled[0] if filled else parts[0]
    first = filled[0]
    numbers = {
        name: np.concatenate([part.numbers[name] for part in filled]) for name in first.numbers
    }
    cells = np.concatenate([part.cells for part in filled])
    places = np.concatenate([part.places for part in filled])
    return Rows(first.manifest, first.year, cells, places, numbers)


def _none(manifest: Manifest, year: int) -> Rows:
    return Rows(manifest, year, np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32), {})


def _cells(manifest: Manifest, table: pa.Table, before: int) -> npt.NDArray[np.int32]:
    """Cell numbers of rows; InputError when a row is no tile or out of order."""
    cells = cells_of(table)
    if len(cells) and not (
        ascending(cells) and cells[0] > before and cells[-1] < grid.CELLS and cells[0] >= 0
    ):
        raise InputError(f"{manifest.name}: its rows are not in order: ingest it again")
    return cells

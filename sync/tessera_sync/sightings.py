"""Files seen in a store, sorted out into tiles: the rows of a manifest.

Where the files come from (a bucket, a tree, a listing) does not matter here: batches of paths with
sizes and times come in, in any order, and what is no file of a tile is counted and shown.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog import grid
from tessera_catalog.arrays import text, to_arrow, to_mask, to_numpy, valid
from tessera_catalog.columns import MAX_SIZE
from tessera_catalog.store_manifest import ROWS
from tessera_sync.layout import CHECKSUMS

UNKNOWN = -1
"""A size or time nobody told."""

EXAMPLES = 5

DOUBTS = {
    "misfiled": "filed under another tile's directory",
    "off-grid": "of no tile of the grid",
    "absurd": "of a size no tile's file can have",
}
"""Kinds of files that look like a tile's and are not believed."""

KINDS = ("embeddings", "scales", "checksums", *DOUBTS, "other")

_COORDINATE = r"-?(?:0|[1-9]\d{0,2})\.\d\d"
_PARENT = (
    rf"^(?P<root>(?:.*/)?)(?P<year>\d{{4}})/grid_(?P<lon>{_COORDINATE})_(?P<lat>{_COORDINATE})$"
)
_TILE_FILE = rf"^grid_{_COORDINATE}_{_COORDINATE}(?:_scales)?\.npy$"

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Files as they were seen: directory, name, bytes, and microseconds since 1970."""

    parents: pa.Array
    """Without a slash at the end; empty at the top."""
    names: pa.Array
    sizes: _Numbers
    mtimes: _Numbers


@dataclass
class Sorted:
    """A batch sorted out: the files of tiles below each root, and what else there was."""

    tiles: dict[str, _Files] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Files by what they are, in the words of KINDS."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Paths of the first of those that are not believed."""


@dataclass(frozen=True)
class _Files:
    """Embeddings (kind 0) and scales (kind 1) of tiles, keys being year * CELLS + cell."""

    keys: _Numbers
    kinds: npt.NDArray[np.int8]
    sizes: _Numbers
    mtimes: _Numbers


def sort_out(batch: Batch) -> Sorted:
    """Find out which file of which tile each path is. Runs well in several threads at once."""
    directories = batch.parents.dictionary_encode()
    which = to_numpy(directories.indices)
    parents = _Parents(directories.dictionary)
    kinds = np.full(len(which), -1, dtype=np.int8)
    for kind, suffix in enumerate((".npy", "_scales.npy")):
        expected = parents.named(suffix).take(directories.indices)
        kinds[to_mask(pc.equal(batch.names, expected))] = kind
    tile, on_grid = parents.tile[which], parents.on_grid[which]
    checksums = to_mask(pc.equal(batch.names, text(CHECKSUMS)))
    misfiled = np.zeros(len(which), dtype=bool)
    left = np.flatnonzero(tile & (kinds < 0) & ~checksums)
    names = batch.names.take(to_arrow(left))
    misfiled[left] = to_mask(pc.match_substring_regex(names, _TILE_FILE))
    absurd = on_grid & (kinds >= 0) & ((batch.sizes > MAX_SIZE) | (batch.sizes < UNKNOWN))
    of_tile = on_grid & (kinds >= 0) & ~absurd
    what = {
        "embeddings": of_tile & (kinds == 0),
        "scales": of_tile & (kinds == 1),
        "checksums": on_grid & checksums,
        "misfiled": misfiled,
        "off-grid": tile & ~on_grid & (kinds >= 0),
        "absurd": absurd,
    }
    found = Sorted()
    found.counts.update({name: int(np.count_nonzero(mask)) for name, mask in what.items()})
    found.counts["other"] = len(which) - found.counts.total()
    for name in DOUBTS:
        rows = np.flatnonzero(what[name])[:EXAMPLES]
        found.examples[name] = [f"{batch.parents[int(i)]}/{batch.names[int(i)]}" for i in rows]
    keys, roots = parents.keys[which], parents.roots[which]
    for root in np.unique(roots[of_tile]):
        rows = np.flatnonzero(of_tile & (roots == root))
        files = _Files(keys[rows], kinds[rows], batch.sizes[rows], batch.mtimes[rows])
        found.tiles[parents.root_names[root]] = files
    return found


class _Parents:
    """The distinct directories of a batch, read."""

    def __init__(self, paths: pa.Array) -> None:
        # flatten() makes the parts of what does not match null; field() would make them empty.
        root, year, self._lon, self._lat = pc.extract_regex(paths, _PARENT).flatten()
        self.tile = valid(year)
        years, lon_i, lat_i = (_whole(part) for part in (year, self._lon, self._lat))
        self.on_grid = (
            self.tile
            & (np.abs(lon_i) <= -grid.WEST_I)
            & (np.abs(lat_i) <= grid.NORTH_I)
            & (lon_i % grid.SIZE == 5)
            & (lat_i % grid.SIZE == 5)
            & (years >= grid.YEARS.start)
            & (years < grid.YEARS.stop)
        )
        self.keys = years * grid.CELLS + grid.cell(lon_i, lat_i)
        roots = pc.fill_null(root, text("")).dictionary_encode()
        self.roots = to_numpy(roots.indices)
        self.root_names: list[str] = roots.dictionary.to_pylist()

    def named(self, suffix: str) -> pa.Array:
        """Name each directory's file of that suffix has to have; null where it is no tile's."""
        return pc.binary_join_element_wise(
            *(text("grid_"), self._lon, text("_"), self._lat, text(suffix)), text("")
        )


class Tally:
    """Collects sorted batches and makes the manifest's rows of them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._roots: dict[str, list[_Files]] = {}

    def add(self, found: Sorted) -> None:
        """Take in a batch."""
        self.counts.update(found.counts)
        for name, paths in found.examples.items():
            shown = self.examples.setdefault(name, [])
            shown += paths[: EXAMPLES - len(shown)]
        for root, files in found.tiles.items():
            self._roots.setdefault(tidy(root), []).append(files)

    def roots(self) -> dict[str, int]:
        """Directories that hold year directories with tiles, with the number of files."""
        return {root: sum(len(f.keys) for f in files) for root, files in self._roots.items()}

    def tiles(self, roots: list[str]) -> Tiles:
        """The tiles whose files are below those roots; the files are taken out of here."""
        files = [part for root in roots for part in self._roots.pop(root, [])]
        embeddings, scales = (_merged(files, kind) for kind in (0, 1))
        listed = sum(len(part.keys) for part in files)
        self.counts["repeated"] = listed - len(embeddings.keys) - len(scales.keys)
        return Tiles(np.union1d(embeddings.keys, scales.keys), embeddings, scales)


@dataclass(frozen=True)
class Tiles:
    """Tiles of which a file was seen. Of a file listed twice the last line counts."""

    _keys: _Numbers
    _embeddings: _Files
    _scales: _Files

    @property
    def years(self) -> list[int]:
        """Years with tiles, ascending."""
        years: list[int] = np.unique(self._keys // grid.CELLS).tolist()
        return years

    def rows(self, year: int, seen_at: dt.datetime) -> pa.Table:
        """A year's rows (ROWS), by cell. A file of the two that was not seen has size 0."""
        first, last = np.searchsorted(self._keys, (year * grid.CELLS, (year + 1) * grid.CELLS))
        return _rows(self._keys[first:last], [self._embeddings, self._scales], seen_at)


def tidy(root: str) -> str:
    """A directory as people write it in several ways: no `./`, doubled or trailing slash."""
    scheme, separator, rest = root.rpartition("://")
    parts = [part for part in rest.split("/") if part not in ("", ".")]
    lead = "/" if rest.startswith("/") and not separator else ""
    return f"{scheme}{separator}{lead}{'/'.join(parts)}"


def _merged(files: list[_Files], kind: int) -> _Files:
    """All files of a kind, ascending by key, each once: the one seen last."""
    nothing = np.zeros(0, dtype=np.int64)
    picked = [(part, part.kinds == kind) for part in files]
    keys = np.concatenate([nothing, *(part.keys[mask] for part, mask in picked)])
    sizes = np.concatenate([nothing, *(part.sizes[mask] for part, mask in picked)])
    mtimes = np.concatenate([nothing, *(part.mtimes[mask] for part, mask in picked)])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    last = order[np.append(keys[1:] != keys[:-1], True)] if len(keys) else order
    return _Files(np.unique(keys), np.zeros(0, dtype=np.int8), sizes[last], mtimes[last])


def _rows(keys: _Numbers, kinds: list[_Files], seen_at: dt.datetime) -> pa.Table:
    lon_i, lat_i = grid.cell_centre(keys % grid.CELLS)
    years = (keys // grid.CELLS).astype(np.int16)
    columns: dict[str, Any] = {
        "year": to_arrow(years),
        "lon_i": to_arrow(lon_i.astype(np.int16)),
        "lat_i": to_arrow(lat_i.astype(np.int16)),
    }
    for name, files in zip(("embeddings", "scales"), kinds, strict=True):
        rows = np.searchsorted(files.keys, keys).clip(max=max(len(files.keys) - 1, 0))
        there = files.keys[rows] == keys if len(files.keys) else np.zeros(len(keys), dtype=bool)
        sizes, mtimes = np.zeros(len(keys), dtype=np.int64), np.full(len(keys), UNKNOWN)
        sizes[there], mtimes[there] = files.sizes[rows[there]], files.mtimes[rows[there]]
        kind = ROWS.field(f"{name}_mtime").type
        columns[f"{name}_size"] = to_arrow(sizes, sizes < 0)
        columns[f"{name}_mtime"] = to_arrow(mtimes, mtimes < 0, kind)
    seen = round(seen_at.timestamp() * 1e6)
    columns["seen_at"] = to_arrow(np.full(len(keys), seen), kind=ROWS.field("seen_at").type)
    for field_ in ROWS:
        columns.setdefault(field_.name, pa.nulls(len(keys), field_.type))
    return pa.Table.from_arrays([columns[name] for name in ROWS.names], schema=ROWS)


def _whole(texts: pa.Array) -> _Numbers:
    """Digits with a decimal point as whole numbers; 0 where there is no text."""
    digits = pc.replace_substring(pc.fill_null(texts, text("0")), ".", "")
    return to_numpy(pc.cast(digits, pa.int64()))

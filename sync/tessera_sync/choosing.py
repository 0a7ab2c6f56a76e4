"""Which tiles of a manifest are verified: all, some places and years, a part, or some by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_sync.row_tables import SIZES, Row, cells_of
from tessera_sync.selection import Selection, in_shard

Places = dict[int, npt.NDArray[np.intp]]
"""Rows of a manifest by year: their ascending numbers within it."""


@dataclass(frozen=True)
class Which:
    """The tiles to verify, of those in the manifest."""

    selection: Selection = field(default_factory=Selection)
    subset: tuple[int, int] | None = None
    """Part i of n; the n parts together are all tiles, on every machine the same ones."""
    sample: int | None = None
    """So many tiles, by chance."""


def choose(manifest: Manifest, which: Which) -> Places:
    """Places of the chosen tiles among the manifest's rows, by year and ascending."""
    chosen = {}
    for year in which.selection.years(manifest.years):
        cells = cells_of(manifest.read(year, ["lon_i", "lat_i"]))
        wanted = np.ones(len(cells), dtype=bool)
        if which.selection.cells is not None:
            wanted &= which.selection.cells[cells]
        if which.subset is not None:
            wanted &= in_shard(np.full(len(cells), year), cells.astype(np.int64), which.subset)
        chosen[year] = np.flatnonzero(wanted)
    return chosen if which.sample is None else _sampled(chosen, which.sample)


def _sampled(chosen: Places, sample: int) -> Places:
    """So many of the places, by chance."""
    total = sum(len(places) for places in chosen.values())
    picked = np.random.default_rng().permutation(total)[:sample]
    first, sampled = 0, {}
    for year, places in chosen.items():
        inside = picked[(picked >= first) & (picked < first + len(places))] - first
        sampled[year] = places[np.sort(inside)]
        first += len(places)
    return sampled


def known_bytes(manifest: Manifest, chosen: Places) -> int:
    """Known bytes of the files of the chosen rows."""
    total = 0
    for year, places in chosen.items():
        sizes = manifest.take(year, places, SIZES)
        total += sum(pc.sum(column).as_py() or 0 for column in sizes.columns)
    return total


def rows_of(manifest: Manifest, chosen: Places) -> Iterator[Row]:
    """The chosen rows of the manifest, some of them in memory at a time."""
    for year, places in chosen.items():
        for first in range(0, len(places), 65_536):
            yield from manifest.take(year, places[first : first + 65_536], ROWS.names).to_pylist()

"""Files seen in a store, sorted out: which file of which tile each is, and what else there was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog import grid
from tessera_catalog.arrays import text, to_arrow, to_mask, to_numpy, valid
from tessera_catalog.columns import MAX_SIZE
from tessera_sync.batches import Batch, Numbers
from tessera_sync.layout import CHECKSUMS, are_tiles, key_of
from tessera_sync.truth import UNKNOWN

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

Mask = npt.NDArray[np.bool_]


@dataclass
class Sorted:
    """A batch sorted out: the files of tiles below each root, and what else there was."""

    tiles: dict[str, Files] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Files by what they are, in the words of KINDS."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Paths of the first of those that are not believed."""


@dataclass(frozen=True)
class Files:
    """Embeddings (kind 0) and scales (kind 1) of tiles, with the keys of layout.key_of."""

    keys: Numbers
    kinds: npt.NDArray[np.int8]
    sizes: Numbers
    mtimes: Numbers


def sort_out(batch: Batch) -> Sorted:
    """Find out which file of which tile each path is. Runs well in several threads at once."""
    directories = batch.parents.dictionary_encode()
    which = to_numpy(directories.indices)
    parents = _Parents(directories.dictionary)
    kinds = np.full(len(which), -1, dtype=np.int8)
    for kind, suffix in enumerate((".npy", "_scales.npy")):
        expected = parents.named(suffix).take(directories.indices)
        kinds[to_mask(pc.equal(batch.names, expected))] = kind
    what = _judged(batch, kinds, parents.tile[which], parents.on_grid[which])
    found = Sorted()
    found.counts.update({name: int(np.count_nonzero(mask)) for name, mask in what.items()})
    found.counts["other"] = len(which) - found.counts.total()
    for name in DOUBTS:
        rows = np.flatnonzero(what[name])[:EXAMPLES]
        found.examples[name] = [f"{batch.parents[int(i)]}/{batch.names[int(i)]}" for i in rows]
    of_tile = what["embeddings"] | what["scales"]
    keys, roots = parents.keys[which], parents.roots[which]
    for root in np.unique(roots[of_tile]):
        rows = np.flatnonzero(of_tile & (roots == root))
        files = Files(keys[rows], kinds[rows], batch.sizes[rows], batch.mtimes[rows])
        found.tiles[parents.root_names[root]] = files
    return found


def _judged(
    batch: Batch, kinds: npt.NDArray[np.int8], tile: Mask, on_grid: Mask
) -> dict[str, Mask]:
    """Which files are what, in the words of KINDS but `other`.

    `kinds` are those of the files that are named as they have to be, else negative; `tile` and
    `on_grid` say whether their directories are named like a tile's, and like one of the grid.
    """
    checksums = to_mask(pc.equal(batch.names, text(CHECKSUMS)))
    misfiled = np.zeros(len(kinds), dtype=bool)
    left = np.flatnonzero(tile & (kinds < 0) & ~checksums)
    names = batch.names.take(to_arrow(left))
    misfiled[left] = to_mask(pc.match_substring_regex(names, _TILE_FILE))
    absurd = on_grid & (kinds >= 0) & ((batch.sizes > MAX_SIZE) | (batch.sizes < UNKNOWN))
    of_tile = on_grid & (kinds >= 0) & ~absurd
    return {
        "embeddings": of_tile & (kinds == 0),
        "scales": of_tile & (kinds == 1),
        "checksums": on_grid & checksums,
        "misfiled": misfiled,
        "off-grid": tile & ~on_grid & (kinds >= 0),
        "absurd": absurd,
    }


class _Parents:
    """The distinct directories of a batch, read."""

    def __init__(self, paths: pa.Array) -> None:
        # flatten() makes the parts of what does not match null; field() would make them empty.
        root, year, self._lon, self._lat = pc.extract_regex(paths, _PARENT).flatten()
        self.tile = valid(year)
        years, lon_i, lat_i = (_whole(part) for part in (year, self._lon, self._lat))
        self.on_grid = self.tile & are_tiles(years, lon_i, lat_i)
        self.keys = key_of(years, grid.cell(lon_i, lat_i))
        roots = pc.fill_null(root, text("")).dictionary_encode()
        self.roots = to_numpy(roots.indices)
        self.root_names: list[str] = roots.dictionary.to_pylist()

    def named(self, suffix: str) -> pa.Array:
        """Name each directory's file of that suffix has to have; null where it is no tile's."""
        return pc.binary_join_element_wise(
            *(text("grid_"), self._lon, text("_"), self._lat, text(suffix)), text("")
        )


def _whole(texts: pa.Array) -> Numbers:
    """Digits with a decimal point as whole numbers; 0 where there is no text."""
    digits = pc.replace_substring(pc.fill_null(texts, text("0")), ".", "")
    return to_numpy(pc.cast(digits, pa.int64()))

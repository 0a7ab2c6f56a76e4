"""What the manifests hold, each by itself and one against the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from tessera_catalog.store_manifest import Manifest
from tessera_sync.compare import Rows, diff, paired, read_rows
from tessera_sync.row_tables import SIZES
from tessera_sync.selection import Selection
from tessera_sync.truth import UNKNOWN

_Numbers = npt.NDArray[np.integer[Any]]

HEADER = 128
"""Bytes before the numbers in a `.npy` file of ours."""

SCALES_PER_EMBEDDINGS = 32
"""Bytes of embeddings for one of scales: a pixel has 128 channels of int8 and one float32."""


@dataclass
class Facts:
    """Numbers of one manifest."""

    years: Counter[int] = field(default_factory=Counter)
    bytes: int = 0
    incomplete: int = 0
    """Tiles of which a file is lacking or has no bytes."""
    unsized: int = 0
    """Tiles of which a size is not known."""
    misfits: int = 0
    """Tiles whose embeddings and scales are not of one picture, by their sizes."""

    @property
    def tiles(self) -> int:
        """All tiles."""
        return self.years.total()


@dataclass(frozen=True)
class Bad:
    """A tile with a problem. Sizes are in bytes, -1 unknown."""

    year: int
    cell: int
    problem: str
    embeddings_size: int
    scales_size: int


def facts(manifest: Manifest, selection: Selection) -> Facts:
    """Count a manifest's tiles."""
    found = Facts()
    for rows in _rows(manifest, selection):
        embeddings, scales = _sizes(rows)
        found.years[rows.year] += len(rows)
        found.bytes += int(embeddings.clip(min=0).sum() + scales.clip(min=0).sum())
        found.incomplete += int(np.count_nonzero((embeddings == 0) | (scales == 0)))
        found.unsized += int(np.count_nonzero((embeddings < 0) | (scales < 0)))
        found.misfits += int(np.count_nonzero(_misfit(embeddings, scales)))
    return found


def bad_tiles(manifest: Manifest, selection: Selection, *, misfits: bool) -> Iterator[Bad]:
    """The tiles with a problem, in their order."""
    for rows in _rows(manifest, selection):
        embeddings, scales = _sizes(rows)
        problems = {"incomplete": (embeddings == 0) | (scales == 0)}
        if misfits:
            problems["misfit"] = _misfit(embeddings, scales)
        for row in np.flatnonzero(np.logical_or.reduce(list(problems.values()))):
            problem = next(name for name, mask in problems.items() if mask[row])
            sizes = int(embeddings[row]), int(scales[row])
            yield Bad(rows.year, int(rows.cells[row]), problem, *sizes)


def pairs(
    manifests: Mapping[str, Manifest], selection: Selection
) -> dict[tuple[str, str], Counter[str]]:
    """Tiles by state for each store as the source of each other one."""
    found: dict[tuple[str, str], Counter[str]] = {
        (a, b): Counter() for a in manifests for b in manifests if a != b
    }
    for a, b in combinations(manifests, 2):
        for ours, theirs in paired(manifests[a], manifests[b], selection):
            found[a, b].update(diff(ours, theirs).counts())
            found[b, a].update(diff(theirs, ours).counts())
    return found


def _rows(manifest: Manifest, selection: Selection) -> Iterator[Rows]:
    for year in selection.years(manifest.years):
        yield from read_rows(manifest, year, selection)


def _sizes(rows: Rows) -> tuple[_Numbers, _Numbers]:
    unknown = np.full(len(rows), UNKNOWN)
    sizes = (rows.size(name) for name in SIZES)
    embeddings, scales = (unknown if size is None else size for size in sizes)
    return embeddings, scales


def _misfit(embeddings: _Numbers, scales: _Numbers) -> npt.NDArray[np.bool_]:
    known = (embeddings > 0) & (scales > 0)
    unfit: npt.NDArray[np.bool_] = known & (
        embeddings - HEADER != SCALES_PER_EMBEDDINGS * (scales - HEADER)
    )
    return unfit

"""How two stores differ: numbers by state and year, and a few tiles of each state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tessera_catalog import grid
from tessera_catalog.store_manifest import Manifest
from tessera_sync import truth
from tessera_sync.compare import Diff, compare
from tessera_sync.selection import Selection

STATES = ("missing", "extra", "stale", "incomplete", "broken", "same")
"""In the order they are shown."""


@dataclass
class Differences:
    """What a comparison found."""

    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(STATES, 0)))
    years: dict[int, Counter[str]] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Paths of the first tiles of each state but `same`."""

    @property
    def to_do(self) -> int:
        """Tiles that a plan would copy or replace."""
        return sum(self.counts[name] for name in ("missing", "stale", "incomplete"))


def differences(
    source: Manifest, target: Manifest, selection: Selection, examples: int
) -> Differences:
    """Compare two manifests, with up to so many examples of each state."""
    found = Differences()
    for diff in compare(source, target, selection):
        counts = diff.counts()
        if sum(counts.values()):
            found.counts.update(counts)
            found.years.setdefault(diff.year, Counter()).update(counts)
            _collect(found.examples, diff, examples)
    return found


def tile_paths(year: int, cells: Any) -> list[str]:
    """Paths of tiles below a store's root."""
    lon_i, lat_i = grid.cell_centre(np.asarray(cells, dtype=np.int64))
    pairs = zip(lon_i.tolist(), lat_i.tolist(), strict=True)
    return [grid.tile_path(year, lon, lat) for lon, lat in pairs]


def _collect(examples: dict[str, list[str]], diff: Diff, most: int) -> None:
    for name in STATES[:-1]:
        shown = examples.setdefault(name, [])
        if len(shown) < most:
            if name == "extra":
                cells = diff.target.cells[diff.extra]
            else:
                cells = diff.source.cells[diff.states == truth.NAMES.index(name)]
            shown += tile_paths(diff.year, cells[: most - len(shown)])

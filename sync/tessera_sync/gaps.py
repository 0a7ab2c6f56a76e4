"""What is wrong with the stores, by their manifests alone, and what of it is worse than before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow.compute as pc

from tessera_catalog.store_manifest import Manifest
from tessera_sync import survey
from tessera_sync.differences import differences
from tessera_sync.selection import Selection

Kind = Literal["no manifest", "old manifest", "unverified", "missing", "stale", "incomplete"]

COMPARED: tuple[Kind, ...] = ("missing", "stale", "incomplete")
"""States of truth.NAMES that a plan from the primary would mend."""

Key = tuple[str, int | None, Kind]
"""Which problem: store, year (None: of the whole store), kind."""

Known = Mapping[Key, int]
"""Tiles of each problem that has been told."""


@dataclass(frozen=True)
class Limits:
    """How old a manifest or a verification may be; None: as old as it likes."""

    manifest: dt.timedelta | None = None
    verified: dt.timedelta | None = None


@dataclass(frozen=True)
class Gap:
    """One problem. `tiles` says how large it is; 0 where it is not one of tiles."""

    store: str
    year: int | None
    kind: Kind
    tiles: int = 0
    since: dt.datetime | None = None
    """Of an old manifest, when it was made; of unverified tiles, the oldest time known."""

    @property
    def key(self) -> Key:
        """What it is recognised by the next time."""
        return self.store, self.year, self.kind

    def is_worse(self, known: Known) -> bool:
        """Whether it is more than was known. An age grows by itself: it is told once."""
        if self.kind in COMPARED:
            return self.tiles > known.get(self.key, 0)
        return self.key not in known


def find(
    primary: str, loaded: Mapping[str, Manifest | None], limits: Limits, now: dt.datetime
) -> list[Gap]:
    """Compare each store with the primary; a store that is None has no manifest."""
    found: list[Gap] = []
    for name, manifest in loaded.items():
        if manifest is None:
            found.append(Gap(name, None, "no manifest"))
            continue
        found += _ages(name, manifest, limits, now)
        if name == primary:
            found += _lacking_in_itself(name, manifest)
        elif (right := loaded[primary]) is not None:
            found += _behind(right, name, manifest)
    return found


def remembered(gaps: Iterable[Gap], known: Known, *, told: bool) -> dict[Key, int]:
    """What is known after a run: what stands now, if all of it was told.

    Otherwise what was known, less what has closed: what shrank and grows again is to be told.
    """
    sizes = {gap.key: gap.tiles for gap in gaps}
    if told:
        return sizes
    return {key: min(size, sizes[key]) for key, size in known.items() if key in sizes}


def _lacking_in_itself(name: str, manifest: Manifest) -> Iterator[Gap]:
    """Incomplete tiles of the primary, which no other store is held against."""
    for year in manifest.years:
        bad = survey.bad_tiles(manifest, Selection(frozenset([year])), misfits=False)
        if tiles := sum(1 for _ in bad):
            yield Gap(name, year, "incomplete", tiles)


def _behind(primary: Manifest, name: str, manifest: Manifest) -> Iterator[Gap]:
    for year, counts in differences(primary, manifest, Selection(), examples=0).years.items():
        for kind in COMPARED:
            if counts[kind]:
                yield Gap(name, year, kind, counts[kind])


def _ages(name: str, manifest: Manifest, limits: Limits, now: dt.datetime) -> Iterator[Gap]:
    if limits.manifest is not None and now - manifest.about.made > limits.manifest:
        yield Gap(name, None, "old manifest", since=manifest.about.made)
    if limits.verified is None:
        return
    overdue, oldest = 0, None
    for year in manifest.years:
        times = manifest.read(year, ["verified_at"]).column("verified_at")
        before = pc.less(times, now - limits.verified)
        overdue += pc.sum(pc.fill_null(before, True)).as_py() or 0
        first = pc.min(times).as_py()
        oldest = first if oldest is None else min(oldest, first or oldest)
    if overdue:
        yield Gap(name, None, "unverified", overdue, oldest)

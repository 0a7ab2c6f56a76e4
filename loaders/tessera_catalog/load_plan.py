"""What a load has to do: which years differ from the database, and by how much.

Nothing here changes anything; tessera_catalog.load_years does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tessera_catalog import catalogue, items, tiles
from tessera_catalog.catalogue import Series
from tessera_catalog.database import Connection
from tessera_catalog.errors import Refused
from tessera_catalog.feed import Feed, Selection, Year
from tessera_catalog.progress import Progress
from tessera_catalog.stores import Stores
from tessera_catalog.tiles import Changes

MAX_PRUNED = 0.05
"""Share of the catalogue's tiles that --prune removes without being forced."""


@dataclass(frozen=True)
class Options:
    """What the user asked for; see the help of tessera-load."""

    stores: Stores
    holder: str
    dataset: str | None = None
    selection: Selection = field(default_factory=Selection)
    prune: bool = False
    force: bool = False
    allow_rejected: bool = False
    rejected_file: Path | None = None
    dry_run: bool = False

    @property
    def wanted_dataset(self) -> str:
        """The dataset to load: the configuration's unless the user named one."""
        return self.stores.dataset.id if self.dataset is None else self.dataset

    @property
    def prune_selection(self) -> Selection | None:
        """Where tiles that the registry lacks are removed; None: nowhere."""
        return self.selection if self.prune else None


@dataclass
class Summary:
    """What a load did."""

    feed: Feed
    dataset: str
    changes: Changes = field(default_factory=Changes)
    collections: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """One year's work: what is known of it, and what was fed."""

    series: Series
    fed: Year


@dataclass(frozen=True)
class Run:
    """What all steps of one load share."""

    options: Options
    summary: Summary
    progress: Progress
    conninfo: str
    synthetic: bool


def changed(connection: Connection, run: Run) -> list[Job]:
    """The years with something to do, the largest first; the others are counted as unchanged."""
    feed, options = run.summary.feed, run.options
    known = catalogue.series(connection, run.summary.dataset)
    jobs = []
    for year, fed in feed.years.items():
        series = known.get(year)
        if series is None:
            series = catalogue.new_series(options.stores, run.summary.dataset, year, options.holder)
        run.summary.collections.append(series.collection)
        if _is_current(connection, series, fed, options):
            run.summary.changes += Changes(unchanged=fed.rows)
        else:
            jobs.append(Job(series, fed))
    if options.prune:
        years = options.selection.years
        jobs += [
            Job(series, Year(year, Path(os.devnull)))
            for year, series in known.items()
            if year not in feed.years and series.tiles and (not years or year in years)
        ]
    return sorted(jobs, key=lambda job: -job.fed.rows)


def _is_current(connection: Connection, series: Series, fed: Year, options: Options) -> bool:
    """Whether a year needs nothing: same rows as were loaded last, items made of them and there."""
    if series.fingerprint != fed.fingerprint or series.holder != options.holder:
        return False
    if options.prune and series.tiles != fed.rows:
        return False
    return items.are_current(connection, series)


def preview(connection: Connection, run: Run, jobs: list[Job]) -> Changes:
    """What the jobs would change, changing nothing."""
    total = Changes()
    for job in jobs:
        if not tiles.exists(connection, job.series):
            total += Changes(inserted=job.fed.rows)
            continue
        with connection.transaction(force_rollback=True):
            total += tiles.compare(
                connection, job.series, job.fed.batches(), prune=run.options.prune_selection
            )
    return total


def check_prune(connection: Connection, run: Run, jobs: list[Job]) -> None:
    """Refuse to remove a large part of the catalogue, before anything is changed."""
    removed = preview(connection, run, jobs).removed
    held = sum(s.tiles for s in catalogue.series(connection, run.summary.dataset).values())
    if removed > MAX_PRUNED * held:
        raise Refused(
            f"--prune would remove {removed:,} of the {held:,} tiles of {run.summary.dataset}: "
            "is the registry whole? --force removes them"
        )

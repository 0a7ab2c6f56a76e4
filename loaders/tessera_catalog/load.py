"""Load a registry: its tiles into tessera.tile, their STAC items into pgSTAC, year by year.

Each year is one transaction, so it is there whole or as it was; a load that was killed is simply
run again, and passes over the years that are done.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tessera_catalog import catalogue, items, tiles
from tessera_catalog.catalogue import Series
from tessera_catalog.database import (
    Connection,
    connect,
    is_empty,
    migrate,
    wait_for_load_lock,
)
from tessera_catalog.errors import Failed, InputError, Refused
from tessera_catalog.feed import Feed, Selection, Year, read
from tessera_catalog.manifest import SYNTHETIC_KEY
from tessera_catalog.parallel import side_by_side
from tessera_catalog.progress import Progress
from tessera_catalog.registry import Registry, open_registry
from tessera_catalog.stores import DATASET_PATTERN, Stores
from tessera_catalog.tiles import Changes

MAX_REJECTED = 0.01
"""Share of rejected rows above which a file is refused unless the user allows it."""

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
class _Job:
    """One year's work: what is known of it, and what was fed."""

    series: Series
    fed: Year


@dataclass(frozen=True)
class _Run:
    """What all steps of one load share."""

    options: Options
    summary: Summary
    progress: Progress
    conninfo: str
    synthetic: bool


def load(path: Path, options: Options, progress: Progress, conninfo: str = "") -> Summary:
    """Load the registry at `path`; raises TesseraError, with nothing half done, when it cannot."""
    begun = time.monotonic()
    registry = open_registry(path)
    dataset = _dataset(registry, options)
    with _temporary_directory() as spool:
        with progress.task("reading", registry.rows) as advance:
            feed = read(
                registry,
                spool,
                dataset=dataset,
                selection=options.selection,
                rejected_file=options.rejected_file,
                advance=advance,
            )
        _judge(registry, feed, options)
        summary = Summary(feed, options.wanted_dataset)
        synthetic = SYNTHETIC_KEY in registry.metadata
        run = _Run(options, summary, progress, conninfo, synthetic)
        if options.dry_run:
            _foretell(run)
        else:
            migrate(conninfo)
            _write(run)
    summary.seconds = time.monotonic() - begun
    return summary


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """A directory for a `with` block; Failed when there is no room for it or in it."""
    try:
        with tempfile.TemporaryDirectory(prefix="tessera-load-") as path:
            yield Path(path)
    except OSError as error:
        what = str(error).splitlines()[0]
        raise Failed(f"temporary files: {what}; TMPDIR names another place for them") from error


def _dataset(registry: Registry, options: Options) -> str | None:
    """The one dataset of the file to load, None when the file names none.

    InputError when the file and the user do not agree on it.
    """
    wanted = options.wanted_dataset
    if re.fullmatch(DATASET_PATTERN, wanted) is None:
        raise InputError(
            f"'{wanted}' can be no dataset: letters, digits and . _ ~ - make up its id"
        )
    found = registry.datasets()
    if set(found) <= {None}:
        return None
    if wanted in found and (options.dataset or len(found) == 1):
        return wanted
    others = ", ".join(sorted(str(name or "unnamed") for name in found))
    raise InputError(
        f"{registry.path} is of dataset {others}, not {wanted} alone: "
        "name the one to load with --dataset"
    )


def _judge(registry: Registry, feed: Feed, options: Options) -> None:
    """Stop before the database is touched when the file is empty or too bad."""
    if feed.rows == 0:
        raise InputError(f"{registry.path} has no rows to load")
    rejected = feed.rejected.total()
    if rejected > MAX_REJECTED * feed.rows and not options.allow_rejected:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in feed.rejected.most_common())
        raise Refused(
            f"{registry.path}: {rejected:,} of {feed.rows:,} rows rejected ({reasons}; "
            f"{feed.shown[0]}); --allow-rejected loads the rest"
        )
    if feed.tiles == 0:
        raise InputError(f"{registry.path} has no tiles in the selection")


def _foretell(run: _Run) -> None:
    """Say what the load would change."""
    with connect(run.conninfo, autocommit=True) as connection:
        if is_empty(connection):
            feed, ids = run.summary.feed, run.options.stores.collection_id
            run.summary.changes += Changes(inserted=feed.tiles)
            run.summary.collections += [ids(run.summary.dataset, year) for year in feed.years]
            return
        wait_for_load_lock(connection, run.progress.tell)
        catalogue.check_ids(connection, run.options.stores)
        jobs = _changed(connection, run)
        run.summary.changes += _preview(connection, run, jobs)


def _write(run: _Run) -> None:
    """Bring the database into step with the feed."""
    options = run.options
    with connect(run.conninfo, autocommit=True) as connection:
        wait_for_load_lock(connection, run.progress.tell)
        # What a load that was killed may have left.
        items.drop_replaced(connection)
        catalogue.forget_counts(connection)
        with connection.transaction():
            catalogue.check_ids(connection, options.stores)
            catalogue.put_stores(connection, options.stores)
            catalogue.put_queryables(connection, options.stores)
            jobs = _changed(connection, run)
            if options.prune and not options.force:
                _check_prune(connection, run, jobs)
            # All of them here and in order: loaders that make partitions at once block each other.
            begun = [catalogue.begin_series(connection, options.stores, job.series) for job in jobs]
        for changes in _run_jobs(run, [_Job(s, j.fed) for s, j in zip(begun, jobs, strict=True)]):
            run.summary.changes += changes
            catalogue.forget_counts(connection)
        if jobs:
            items.drop_replaced(connection)
            catalogue.analyze_coverage(connection)


def _changed(connection: Connection, run: _Run) -> list[_Job]:
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
            jobs.append(_Job(series, fed))
    if options.prune:
        years = options.selection.years
        jobs += [
            _Job(series, Year(year, Path(os.devnull)))
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


def _preview(connection: Connection, run: _Run, jobs: list[_Job]) -> Changes:
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


def _check_prune(connection: Connection, run: _Run, jobs: list[_Job]) -> None:
    """Refuse to remove a large part of the catalogue, before anything is changed."""
    removed = _preview(connection, run, jobs).removed
    held = sum(s.tiles for s in catalogue.series(connection, run.summary.dataset).values())
    if removed > MAX_PRUNED * held:
        raise Refused(
            f"--prune would remove {removed:,} of the {held:,} tiles of {run.summary.dataset}: "
            "is the registry whole? --force removes them"
        )


def _run_jobs(run: _Run, jobs: list[_Job]) -> Iterator[Changes]:
    """Load the years side by side; yields what each has changed once it is committed."""
    total = sum(job.fed.rows for job in jobs)
    with run.progress.task("loading", 2 * total) as advance:
        works = [partial(_load_year, run, job, alone=len(jobs) == 1) for job in jobs]
        yield from side_by_side(works, advance)


def _load_year(run: _Run, job: _Job, step: Callable[[int], None], *, alone: bool) -> Changes:
    """One year's transaction: its tiles, its items, its collection."""
    options, series = run.options, job.series
    with connect(run.conninfo) as connection:
        # Others build indexes beside: workers would get in the way of each other.
        if not alone:
            connection.execute("SET max_parallel_maintenance_workers = 0")
        is_new = not tiles.exists(connection, series)
        if is_new:
            rows = tiles.create(connection, series, options.holder, job.fed.batches(), step)
            changes = Changes(inserted=rows)
        else:
            changes = tiles.compare(
                connection, series, job.fed.batches(), step, prune=options.prune_selection
            )
            tiles.apply(connection, series, options.holder)
        facts = catalogue.facts(connection, series)
        if facts.tiles == 0:
            items.remove(connection, series)
        elif is_new or _are_outdated(connection, run, series, changes):
            items.rebuild(connection, series, step)
        else:
            items.patch(connection, series, tiles.CHANGED)
            step(job.fed.rows)
        if is_new:
            tiles.attach(connection, series)
        catalogue.finish_series(
            connection,
            options.stores,
            series,
            facts,
            job.fed.fingerprint,
            synthetic=run.synthetic,
        )
    run.progress.tell(f"{series.collection}: {_told(changes)}")
    return changes


def _are_outdated(connection: Connection, run: _Run, series: Series, changes: Changes) -> bool:
    """Whether so many items changed, or no one knows which, that all are made anew."""
    return (
        changes.total > items.REBUILD_ABOVE * series.tiles
        # Void when others changed tiles: then items may be missing, or left over.
        or series.fingerprint is None
        or series.holder != run.options.holder
        or not items.are_current(connection, series)
    )


def _told(changes: Changes) -> str:
    return (
        f"{changes.inserted:,} new, {changes.updated:,} changed, "
        f"{changes.unchanged:,} unchanged, {changes.removed:,} removed"
    )

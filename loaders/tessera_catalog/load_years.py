"""Bring years of the database into step with what was fed: each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from tessera_catalog import catalogue, items, tiles
from tessera_catalog.catalogue import Series
from tessera_catalog.database import Connection, connect
from tessera_catalog.load_plan import Job, Run
from tessera_catalog.parallel import side_by_side
from tessera_catalog.tiles import Changes


def load_years(run: Run, jobs: list[Job]) -> Iterator[Changes]:
    """Load the years side by side; yields what each has changed once it is committed."""
    total = sum(job.fed.rows for job in jobs)
    with run.progress.task("loading", 2 * total) as advance:
        works = [partial(_load_year, run, job, alone=len(jobs) == 1) for job in jobs]
        yield from side_by_side(works, advance)


def _load_year(run: Run, job: Job, step: Callable[[int], None], *, alone: bool) -> Changes:
    """One year's transaction: its tiles, its items, its collection."""
    options, series = run.options, job.series
    with connect(run.conninfo) as connection:
        # Others build indexes beside: workers would get in the way of each other.
        if not alone:
            connection.execute("SET max_parallel_maintenance_workers = 0")
        # Small files of a new year go to the log, which is synced once, and are not synced each.
        connection.execute("SET wal_skip_threshold = '64MB'")
        is_new = not tiles.exists(connection, series)
        changes = (_created if is_new else _changed)(connection, run, job, step)
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
        items.commit(connection)
    run.progress.tell(f"{series.collection}: {_told(changes)}")
    return changes


def _created(connection: Connection, run: Run, job: Job, step: Callable[[int], None]) -> Changes:
    """Make the tiles of a year that is not there yet."""
    batches = job.fed.batches()
    rows = tiles.create(connection, job.series, run.options.holder, batches, step)
    return Changes(inserted=rows)


def _changed(connection: Connection, run: Run, job: Job, step: Callable[[int], None]) -> Changes:
    """Bring the tiles of a year into step."""
    options, series, batches = run.options, job.series, job.fed.batches()
    changes = tiles.compare(connection, series, batches, step, prune=options.prune_selection)
    tiles.apply(connection, series, options.holder)
    catalogue.drop_retired(connection, series)
    return changes


def _are_outdated(connection: Connection, run: Run, series: Series, changes: Changes) -> bool:
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

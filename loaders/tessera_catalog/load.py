"""Load a registry: its tiles into tessera.tile, their STAC items into pgSTAC, year by year.

Each year is one transaction, so it is there whole or as it was; a load that was killed is simply
run again, and passes over the years that are done.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from tessera_catalog import catalogue, items
from tessera_catalog.database import connect, wait_for_load_lock
from tessera_catalog.errors import InputError, Refused
from tessera_catalog.feed import Feed, read
from tessera_catalog.load_plan import Job, Options, Run, Summary, changed, check_prune, preview
from tessera_catalog.load_years import load_years
from tessera_catalog.manifest import SYNTHETIC_KEY
from tessera_catalog.migrations import is_empty, migrate
from tessera_catalog.nameless import nameless_files
from tessera_catalog.normal_form import BAD_ROWS
from tessera_catalog.progress import Progress
from tessera_catalog.registry import Registry, open_registry
from tessera_catalog.stores import DATASET_PATTERN
from tessera_catalog.tiles import Changes


def load(path: Path, options: Options, progress: Progress, conninfo: str = "") -> Summary:
    """Load the registry at `path`; raises TesseraError, with nothing half done, when it cannot."""
    begun = time.monotonic()
    registry = open_registry(path)
    dataset = _dataset(registry, options)
    with nameless_files() as spool:
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
        run = Run(options, summary, progress, conninfo, synthetic)
        if options.dry_run:
            _foretell(run)
        else:
            migrate(conninfo)
            _write(run)
    summary.seconds = time.monotonic() - begun
    return summary


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
        if options.prune and options.force:
            return  # so is a dataset retired
        raise InputError(f"{registry.path} has no rows to load")
    rejected = feed.rejected.total()
    if rejected > BAD_ROWS * feed.rows and not options.allow_rejected:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in feed.rejected.most_common())
        raise Refused(
            f"{registry.path}: {rejected:,} of {feed.rows:,} rows rejected ({reasons}; "
            f"{feed.shown[0]}); --allow-rejected loads the rest"
        )
    if feed.tiles == 0:
        raise InputError(f"{registry.path} has no tiles in the selection")


def _foretell(run: Run) -> None:
    """Say what the load would change."""
    with connect(run.conninfo, autocommit=True) as connection:
        if is_empty(connection):
            feed, ids = run.summary.feed, run.options.stores.collection_id
            run.summary.changes += Changes(inserted=feed.tiles)
            run.summary.collections += [ids(run.summary.dataset, year) for year in feed.years]
            return
        wait_for_load_lock(connection, run.progress.warn)
        catalogue.check_ids(connection, run.options.stores)
        jobs = changed(connection, run)
        run.summary.changes += preview(connection, run, jobs)


def _write(run: Run) -> None:
    """Bring the database into step with the feed."""
    options = run.options
    with connect(run.conninfo, autocommit=True) as connection:
        wait_for_load_lock(connection, run.progress.warn)
        # What a load that was killed may have left.
        items.drop_replaced(connection)
        catalogue.forget_counts(connection)
        with connection.transaction():
            catalogue.check_ids(connection, options.stores)
            catalogue.put_stores(connection, options.stores)
            catalogue.put_queryables(connection, options.stores)
            jobs = changed(connection, run)
            if options.prune and not options.force:
                check_prune(connection, run, jobs)
            # All of them here and in order: loaders that make partitions at once block each other.
            begun = [catalogue.begin_series(connection, options.stores, job.series) for job in jobs]
        for changes in load_years(run, [Job(s, j.fed) for s, j in zip(begun, jobs, strict=True)]):
            run.summary.changes += changes
            catalogue.forget_counts(connection)
        if jobs:
            items.drop_replaced(connection)
            catalogue.forget_stores(connection)
            catalogue.analyze_coverage(connection)

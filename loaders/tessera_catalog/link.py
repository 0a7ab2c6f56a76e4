"""Bring replicas, tiles and items into step with the manifests of the stores.

A link looks only at what changed: where a manifest's year differs from what was linked last, the
rows that differ are sent, or all of them when the manifest of then is not at hand. Each year is one
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tessera_catalog import catalogue, items
from tessera_catalog.catalogue import Series
from tessera_catalog.database import Connection, connect, query, wait_for_load_lock
from tessera_catalog.errors import InputError
from tessera_catalog.link_plan import Run, Told, jobs_of, unlisted
from tessera_catalog.link_years import Linked, link_years, vacuum
from tessera_catalog.migrations import is_empty, migrate
from tessera_catalog.progress import Progress
from tessera_catalog.stores import Stores


def link(
    told: Mapping[str, Told],
    stores: Stores,
    dataset: str,
    progress: Progress,
    conninfo: str = "",
    *,
    dry_run: bool = False,
) -> Linked:
    """Link the manifests of `told`, by store.

    With `dry_run` everything is worked out and nothing kept. InputError when no tiles are loaded.
    """
    run = Run(stores, told, conninfo, dry_run)
    result = Linked()
    with connect(conninfo, autocommit=True) as connection:
        series = _begin(connection, run, dataset, progress)
        with connection.transaction(force_rollback=dry_run):
            catalogue.put_stores(connection, stores)
            if not dry_run:
                catalogue.put_queryables(connection, stores)
            jobs = jobs_of(connection, run, series)
        for part in link_years(run, jobs, progress):
            result.add(part)
        for store, unknown in connection.execute(query("unknown_tiles"), [dataset]):
            result.unknown[str(store)] = int(str(unknown))
        result.unknown += unlisted(run, series)
        if not dry_run:
            _finish(connection, run, dataset)
            _settle(connection, [j.series for j in jobs if j.series.collection in result.rewritten])
    result.collections.sort()
    return result


def _begin(connection: Connection, run: Run, dataset: str, progress: Progress) -> list[Series]:
    """Take the lock and read the years of a dataset.

    InputError when there is none; nothing is installed in a database that is not ours.
    """
    ours = not is_empty(connection, older=not run.dry_run)
    if ours and not run.dry_run:
        migrate(run.conninfo)
    wait_for_load_lock(connection, progress.warn)
    series = list(catalogue.series(connection, dataset).values()) if ours else []
    if not any(one.tiles for one in series):
        raise InputError(f"no tiles of dataset {dataset} are loaded: run tessera-load first")
    if not run.dry_run:
        items.drop_replaced(connection)
    return series


def _finish(connection: Connection, run: Run, dataset: str) -> None:
    """Note of all years that they agree with the manifests, and clean up."""
    for name, told in run.told.items():
        connection.execute(
            query("confirm_links"),
            {
                "dataset": dataset,
                "store": name,
                "manifest_digest": told.manifest.digest,
                "manifest_made": told.manifest.about.made,
            },
        )
    catalogue.forget_counts(connection)
    catalogue.forget_stores(connection)
    items.drop_replaced(connection)


def _settle(connection: Connection, rewritten: Sequence[Series]) -> None:
    """Do at once what the server would do minutes later, beside whoever comes then."""
    for series in rewritten:
        vacuum(connection, series)
    if rewritten:
        catalogue.analyze_coverage(connection)

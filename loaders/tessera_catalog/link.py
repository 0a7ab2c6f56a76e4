"""Bring replicas, tiles and items into step with the manifests of the stores.

A link looks only at what changed: each year of each manifest has a digest, kept in the database
when it was linked. Where it differs, the rows that differ from the manifest linked last are sent,
or all of them when that one is not at hand. Each year is one transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from psycopg import sql

from tessera_catalog import catalogue, items
from tessera_catalog.catalogue import Series
from tessera_catalog.database import (
    Connection,
    composed,
    connect,
    query,
    wait_for_load_lock,
)
from tessera_catalog.errors import InputError
from tessera_catalog.migrations import is_empty, migrate
from tessera_catalog.parallel import side_by_side
from tessera_catalog.progress import Progress
from tessera_catalog.said import Rows, copy_said
from tessera_catalog.store_manifest import Manifest
from tessera_catalog.stores import Stores

_CHANGED = "SELECT count(*) FROM pg_temp.changed"
_CHANGED_OR_FREED = (
    "SELECT count(*) FROM (SELECT id FROM pg_temp.changed UNION SELECT id FROM pg_temp.freed) AS u"
)


@dataclass(frozen=True)
class Told:
    """One store's manifest, and the one that was linked last if it is still at hand."""

    manifest: Manifest
    previous: Manifest | None = None


@dataclass
class Linked:
    """What a link did, or would do."""

    copies: Counter[str] = field(default_factory=Counter)
    """Copies whose record changed, by store."""
    tiles: int = 0
    """Tiles whose stores or verification changed: their items are rewritten."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Tiles that a manifest has and the registry has not, by store: not catalogued."""
    collections: list[str] = field(default_factory=list)
    """Collections that changed."""
    rewritten: set[str] = field(default_factory=set)
    """Those of them whose items were all made anew."""

    def add(self, part: Linked) -> None:
        """Add what was done in a year."""
        self.copies += part.copies
        self.tiles += part.tiles
        self.collections += part.collections
        self.rewritten |= part.rewritten


@dataclass(frozen=True)
class _Run:
    stores: Stores
    told: Mapping[str, Told]
    conninfo: str
    dry_run: bool


@dataclass(frozen=True)
class _Job:
    """One year: the digests that its manifests have now, of the stores to be looked at."""

    series: Series
    digests: dict[str, bytes]
    known: dict[str, bytes]


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
    run = _Run(stores, told, conninfo, dry_run)
    result = Linked()
    with connect(conninfo, autocommit=True) as connection:
        series = _begin(connection, run, dataset, progress)
        with connection.transaction(force_rollback=dry_run):
            catalogue.put_stores(connection, stores)
            if not dry_run:
                catalogue.put_queryables(connection, stores)
            jobs = _jobs(connection, run, series)
        with progress.task("linking", sum(job.series.tiles for job in jobs)) as advance:
            for part in side_by_side([partial(_link_year, run, job) for job in jobs], advance):
                result.add(part)
        for store, unknown in connection.execute(query("unknown_tiles"), [dataset]):
            result.unknown[str(store)] = int(str(unknown))
        if not dry_run:
            _finish(connection, run, dataset)
            _settle(connection, [j.series for j in jobs if j.series.collection in result.rewritten])
    result.collections.sort()
    return result


def _begin(connection: Connection, run: _Run, dataset: str, progress: Progress) -> list[Series]:
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


def _jobs(connection: Connection, run: _Run, years: Sequence[Series]) -> list[_Job]:
    """The years with something to do, the largest first."""
    found = (_job(connection, run, one) for one in years if one.tiles)
    jobs = [job for job in found if job is not None]
    return sorted(jobs, key=lambda job: -job.series.tiles)


def _finish(connection: Connection, run: _Run, dataset: str) -> None:
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
        connection.execute(composed("vacuum_tiles", **_names(series)))
    if rewritten:
        catalogue.analyze_coverage(connection)


def _job(connection: Connection, run: _Run, series: Series) -> _Job | None:
    """What a year needs: the stores whose manifest changed, all of them when tiles did."""
    known = {
        str(store): bytes(digest)  # type: ignore[call-overload]  # a bytea column
        for store, digest in connection.execute(query("linked"), [series.collection])
    }
    digests = {
        name: bytes.fromhex(told.manifest.year_digest(series.year))
        for name, told in run.told.items()
    }
    unsettled = connection.execute(query("has_unsettled"), [series.first_id] * 2).fetchone()
    if unsettled == (False,) and items.are_current(connection, series):
        digests = {name: digest for name, digest in digests.items() if known.get(name) != digest}
    return _Job(series, digests, known) if digests else None


def _link_year(run: _Run, job: _Job, step: Callable[[int], None]) -> Linked:
    """One year's transaction: replicas, then the tiles' stores, then the items."""
    series, result = job.series, Linked()
    names = _names(series)
    with connect(run.conninfo) as connection:
        if run.dry_run:
            catalogue.put_stores(connection, run.stores)
        connection.execute(composed("begin_link", **names))
        freed = catalogue.drop_retired(connection, series)
        for name in job.digests:
            _tell(connection, run, job, name)
        connection.execute(composed("settle_replicas", **names))
        for store, count in connection.execute("SELECT * FROM pg_temp.moved_by_store"):
            result.copies[str(store)] = int(str(count))
        connection.execute(composed("place_tiles", **names))
        ((changed,),) = connection.execute(_CHANGED_OR_FREED if freed else _CHANGED).fetchall()
        result.tiles = int(str(changed))
        if run.dry_run:
            connection.rollback()
        else:
            if _project(connection, run.stores, series, result.tiles, freed=freed):
                result.rewritten.add(series.collection)
            connection.commit()
            connection.autocommit = True
            items.empty_replaced(connection)
    if result.tiles:
        result.collections.append(series.collection)
    step(series.tiles)
    return result


def _names(series: Series) -> dict[str, sql.Composable]:
    return {
        "tiles": series.table,
        "replicas": series.replicas,
        "collection": sql.Literal(series.collection),
    }


def _project(
    connection: Connection, stores: Stores, series: Series, changed: int, *, freed: bool
) -> bool:
    """Bring what is made of the tiles into step with them; pg_temp.changed names those changed.

    Not those that were `freed` of retired stores: then, and when most tiles changed, everything is
    made anew. Returns whether it was.
    """
    few = changed <= items.REBUILD_ABOVE * series.tiles and not freed
    current = not freed and items.are_current(connection, series)
    if few:
        catalogue.move_placements(connection, series)
    else:
        catalogue.count_placements(connection, series)
    if not few or not current:
        items.rebuild(connection, series)
    elif changed:
        items.patch(connection, series, sql.Identifier("pg_temp", "changed"))
    if not current:
        catalogue.renew_collection(connection, stores, series)
    catalogue.finish_link(connection, series)
    return not few


def _tell(connection: Connection, run: _Run, job: _Job, name: str) -> None:
    """COPY into pg_temp.said what a manifest says now, and note that it was linked.

    It is all of the year's rows, or those that changed where the manifest linked last is at hand.
    """
    manifest, series = run.told[name].manifest, job.series
    ((store_id,),) = connection.execute(
        "SELECT store_id FROM tessera.store WHERE name = %s", [name]
    ).fetchall()
    rows = Rows(manifest, series.year)
    previous = _previous(run, job, name, rows)
    gone = np.zeros(0, dtype=np.int64)
    if previous is None:
        present = np.arange(len(rows.cells))
        connection.execute(query("tell_whole"), [store_id])
    else:
        present, gone = rows.differing(previous)
        # Tiles that a load changed, which the manifest may have had all along.
        unsettled = connection.execute(query("unsettled"), [series.first_id] * 2).fetchall()
        asked = np.array([int(str(i)) - series.first_id for (i,) in unsettled], dtype=np.int64)
        had, lacking = rows.among(asked)
        present, gone = np.union1d(present, had), np.union1d(gone, lacking)
    copy_said(connection, int(str(store_id)), series, manifest, rows.cells, present, gone)
    connection.execute(
        query("remember_link"),
        {
            "collection": series.collection,
            "store_id": store_id,
            "digest": job.digests[name],
            "rows": len(rows.cells),
            "manifest_digest": manifest.digest,
            "manifest_made": manifest.about.made,
            **rows.verified(),
        },
    )


def _previous(run: _Run, job: _Job, name: str, now: Rows) -> Rows | None:
    """The rows that the database was linked with; None when they are not at hand."""
    if job.known.get(name) == job.digests[name]:
        return now
    previous = run.told[name].previous
    if previous is None or name not in job.known:
        return None
    if bytes.fromhex(previous.year_digest(job.series.year)) != job.known[name]:
        return None
    return Rows(previous, job.series.year)

"""Bring years of the database into step with manifests: each in a transaction of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from psycopg import sql

from tessera_catalog import catalogue, items
from tessera_catalog.catalogue import Series
from tessera_catalog.database import Connection, composed, connect, query
from tessera_catalog.link_plan import Job, Run, previous_rows
from tessera_catalog.parallel import side_by_side
from tessera_catalog.progress import Progress
from tessera_catalog.said import Rows, copy_said
from tessera_catalog.stores import Stores

_CHANGED = "SELECT count(*) FROM pg_temp.changed"
_CHANGED_OR_FREED = (
    "SELECT count(*) FROM (SELECT id FROM pg_temp.changed UNION SELECT id FROM pg_temp.freed) AS u"
)


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


def link_years(run: Run, jobs: Sequence[Job], progress: Progress) -> Iterator[Linked]:
    """Link the years side by side; yields what each has changed once it is committed."""
    with progress.task("linking", sum(job.series.tiles for job in jobs)) as advance:
        yield from side_by_side([partial(_link_year, run, job) for job in jobs], advance)


def vacuum(connection: Connection, series: Series) -> None:
    """Do at once with a year that was rewritten what the server would do minutes later."""
    connection.execute(composed("vacuum_tiles", **_names(series)))


def _link_year(run: Run, job: Job, step: Callable[[int], None]) -> Linked:
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
            items.commit(connection)
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


def _tell(connection: Connection, run: Run, job: Job, name: str) -> None:
    """COPY into pg_temp.said what a manifest says now, and note that it was linked.

    It is all of the year's rows, or those that changed where the manifest linked last is at hand.
    """
    manifest, series = run.told[name].manifest, job.series
    ((store_id,),) = connection.execute(
        "SELECT store_id FROM tessera.store WHERE name = %s", [name]
    ).fetchall()
    rows = Rows(manifest, series.year)
    previous = previous_rows(run, job, name, rows)
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

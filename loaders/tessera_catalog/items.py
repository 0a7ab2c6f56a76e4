"""Bringing a collection's STAC items in pgSTAC into step with its tiles.

Two ways, both in the caller's transaction, so that readers see the old items or the new ones:
`rebuild` makes all items of a collection in a new table and puts it in the place of the old;
`patch` rewrites single items in place. Many changes are cheaper rebuilt, few are cheaper patched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import sql

from tessera_catalog.catalogue import Series, has_retired, projection
from tessera_catalog.database import Connection, composed, statistics_target
from tessera_catalog.errors import Failed
from tessera_catalog.grid import CELLS

REBUILD_ABOVE = 0.2
"""Share of changed tiles above which a collection is rebuilt; patching costs about five times
as much a tile, for every index must be kept as it goes."""

_STEP_TILES = 30_000
"""Tiles rendered by one statement, about: half a second, so that planning it does not count."""

_SWAP_SECONDS = 300
_ATTEMPT = "SET LOCAL lock_timeout = '2s'"


def are_current(connection: Connection, series: Series) -> bool:
    """Whether the items are there, untouched by others, and were made as they would be now.

    They are not while the tiles they are made of name stores that are no longer configured.
    """
    if has_retired(connection, series):
        return False
    row = connection.execute(
        "SELECT to_regclass('pgstac._items_' || key)::text FROM pgstac.collections WHERE id = %s",
        [series.collection],
    ).fetchone()
    if row is None or row[0] is None or series.projection is None:
        return False
    return series.projection == projection(connection, series.collection)


def rebuild(
    connection: Connection, series: Series, advance: Callable[[int], None] = lambda _: None
) -> None:
    """Render the items of all the series' tiles and swap them in.

    The table is made and filled in one transaction, so a server with wal_level=minimal writes no
    log for it, and indexed once it is full. Only the swap at the end locks out readers, for
    milliseconds; when a reader is slow the swap steps back and tries again, for five minutes.
    `advance` is told the items of each step.
    """
    collection = series.collection
    name = _partition_name(connection, collection)
    fresh = f"{name}_new"
    table = sql.Identifier("pgstac", fresh)
    connection.execute(
        composed(
            "create_items",
            table=table,
            collection=sql.Literal(collection),
            of_time=sql.Identifier(f"{name}_dt"),
            year=sql.Literal(series.year),
            start=sql.Literal(f"{series.year}-01-01 00:00:00+00"),
            end=sql.Literal(f"{series.year}-12-31 23:59:59+00"),
        )
    )
    count = _fill(connection, series, table, advance)
    _index(connection, collection, fresh, count)
    _swap(connection, name, fresh, collection)


def _fill(
    connection: Connection, series: Series, table: sql.Identifier, advance: Callable[[int], None]
) -> int:
    """Render the items of all tiles into an empty table; how many there are."""
    ((rows,),) = connection.execute(
        sql.SQL("SELECT count(*) FROM {}").format(series.table)
    ).fetchall()
    count = int(str(rows))
    # The placements are few, whatever the planner thinks: to sort tiles by them is in vain.
    connection.execute("SET LOCAL enable_mergejoin = off")
    step = CELLS // (count // _STEP_TILES + 1) + 1
    for first in range(series.first_id, series.first_id + CELLS, step):
        tiles = sql.SQL("(SELECT * FROM {} WHERE id >= {} AND id < {})").format(
            series.table, sql.Literal(first), sql.Literal(first + step)
        )
        insert = sql.SQL("INSERT INTO {} ").format(table) + _rendered(series.collection, tiles)
        advance(connection.execute(insert).rowcount)
    return count


def _index(connection: Connection, collection: str, fresh: str, count: int) -> None:
    """Give the filled table `fresh` its indexes, its trigger and its statistics."""
    table = sql.Identifier("pgstac", fresh)
    for (statement,) in connection.execute("SELECT tessera.items_indexes(%s)", [fresh]).fetchall():
        connection.execute("SET LOCAL search_path = pgstac, public")
        connection.execute(str(statement).encode())
    connection.execute(
        sql.SQL("CREATE UNIQUE INDEX {} ON {} (id)").format(sql.Identifier(f"{fresh}_pk"), table)
    )
    connection.execute(composed("watch_items", table=table, collection=sql.Literal(collection)))
    connection.execute(
        composed(
            "analyze_items",
            table=table,
            target=statistics_target(count, 10),
            closer_target=statistics_target(count, 30),
        )
    )


def patch(connection: Connection, series: Series, changed: sql.Identifier) -> None:
    """Make the items of the tiles named in `changed` anew.

    `changed` is a relation with a column `id` of tile ids; the item of a tile that is there no
    more is deleted.
    """
    partition = sql.Identifier("pgstac", _partition_name(connection, series.collection))
    connection.execute(composed("patch_source", tiles=series.table, changed=changed))
    connection.execute(composed("delete_gone_items", partition=partition, changed=changed))
    connection.execute(
        composed(
            "upsert_items",
            partition=partition,
            items=_rendered(series.collection, sql.Identifier("patch_source")),
        )
    )
    connection.execute("DROP TABLE pg_temp.patch_source")


def _rendered(collection: str, tiles: sql.Composable) -> sql.Composed:
    return composed("render_items", source=tiles, collection=sql.Literal(collection))


def remove(connection: Connection, series: Series) -> None:
    """Remove all items of a series, and its collection."""
    statement = composed("remove_items", collection=sql.Literal(series.collection))
    _patiently(connection, statement)


def _partition_name(connection: Connection, collection: str) -> str:
    """Name that pgSTAC gives the collection's one partition (it is not divided by time)."""
    row = connection.execute(
        "SELECT '_items_' || key FROM pgstac.collections WHERE id = %s", [collection]
    ).fetchone()
    if row is None:
        raise Failed(f"collection {collection} vanished from pgSTAC: load again")
    return str(row[0])


def drop_replaced(connection: Connection) -> None:
    """Drop the tables that rebuilds have replaced; the connection is in autocommit mode.

    Called before and after rebuilding, so that nothing stays behind when one was killed between.
    """
    _patiently(connection, composed("replaced_items", action=sql.Literal("DROP TABLE")))


def commit(connection: Connection) -> None:
    """Commit a rebuild, and give free the room of what it replaced, where nobody reads it.

    Otherwise all years would need it twice. For who is at work on other years beside: to drop a
    table would lock those of all collections. The connection is in autocommit mode then.
    """
    connection.commit()
    connection.autocommit = True
    with suppress(psycopg.errors.LockNotAvailable):
        statement = composed("replaced_items", action=sql.Literal("TRUNCATE"))
        _patiently(connection, statement, seconds=0)


def _swap(connection: Connection, name: str, fresh: str, collection: str) -> None:
    """Put the table `fresh` in the place of the partition `name`, if there is one."""
    statement = composed(
        "swap_items",
        old=sql.Identifier("pgstac", name),
        fresh=sql.Identifier("pgstac", fresh),
        new_name=sql.Identifier(name),
        old_name=sql.Identifier(f"{name}_replaced"),
        fresh_key=sql.Identifier("pgstac", f"{fresh}_pk"),
        key=sql.Identifier(f"{name}_pk"),
        key_path=sql.Identifier("pgstac", f"{name}_pk"),
        old_key=sql.Identifier(f"{name}_replaced_pk"),
        collection=sql.Literal(collection),
        path=sql.Literal(f"pgstac.{name}"),
        partition=sql.Literal(name),
    )
    _patiently(connection, statement)


def _patiently(
    connection: Connection, statement: sql.Composed | bytes, seconds: float = _SWAP_SECONDS
) -> None:
    """Run a statement that wants locks, stepping back from whoever holds them, for some minutes.

    While it waits for a lock all others queue up behind it: so it waits for two seconds at most.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            with connection.transaction():
                connection.execute(_ATTEMPT)
                connection.execute(statement)
                connection.execute("SET LOCAL lock_timeout = 0")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if time.monotonic() > until:
                raise
            time.sleep(1)
        else:
            return

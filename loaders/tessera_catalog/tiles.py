"""The tiles of one year in tessera.tile: made at one go, or compared and changed row by row.

All functions work in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pgpq
import pyarrow as pa
from psycopg import sql

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow, to_numpy
from tessera_catalog.box import hundredths
from tessera_catalog.catalogue import Series
from tessera_catalog.database import Connection, composed, statistics_target
from tessera_catalog.feed import Selection
from tessera_catalog.manifest import TILES

_ROWS = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        # Older releases of pgpq, the last ones for arm64, know no binary of fixed size.
        *(
            field.with_type(pa.binary()) if pa.types.is_fixed_size_binary(field.type) else field
            for field in TILES
            if field.name != "year"
        ),
    ]
)
"""A tile on its way into the database; year and dataset are the partition's defaults."""

CHANGED = sql.Identifier("pg_temp", "changed")
"""Temporary table that `compare` leaves: ids, what becomes of each, and its new values."""


@dataclass(frozen=True)
class Changes:
    """How many tiles of a year a load adds, alters, leaves alone and takes away."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.removed + other.removed,
        )

    @property
    def total(self) -> int:
        """Tiles that become other than they were."""
        return self.inserted + self.updated + self.removed


def exists(connection: Connection, series: Series) -> bool:
    """Whether the series has its partition."""
    row = connection.execute(
        "SELECT to_regclass(%s) IS NOT NULL", [series.table.as_string(connection)]
    ).fetchone()
    return row == (True,)


def create(
    connection: Connection,
    series: Series,
    holder: str,
    batches: Iterable[pa.RecordBatch],
    advance: Callable[[int], None],
) -> int:
    """Make the series' table of tiles, filled and indexed but not yet a partition; see `attach`."""
    names = _names(series)
    connection.execute(
        composed("create_tiles", **names, holder=sql.Literal(holder), **_literals(series))
    )
    rows = _copy(connection, series, series.table, batches, advance)
    target = statistics_target(rows, 30)
    connection.execute(composed("index_tiles", **names, **_literals(series), target=target))
    return rows


def attach(connection: Connection, series: Series) -> None:
    """Make the tables of `create` partitions.

    Done last in a transaction: the parents stay locked against other loads until its end.
    """
    connection.execute(composed("attach_tiles", **_names(series), **_literals(series)))


def compare(
    connection: Connection,
    series: Series,
    batches: Iterable[pa.RecordBatch],
    advance: Callable[[int], None] = lambda _: None,
    *,
    prune: Selection | None,
) -> Changes:
    """Set the fed tiles against the table's; leaves CHANGED, changes nothing else.

    A value that the registry does not know stays as it was, unless the file it belongs to has
    changed. With `prune`, tiles of that selection that were not fed are to be removed.
    """
    connection.execute("CREATE TEMPORARY TABLE fed (LIKE tessera.tile) ON COMMIT DROP")
    for column in ("dataset", "year", "lon", "lat", "stores", "store_count", "geom"):
        connection.execute(sql.SQL("ALTER TABLE fed DROP COLUMN {}").format(sql.Identifier(column)))
    rows = _copy(connection, series, sql.Identifier("fed"), batches, advance)
    connection.execute("ANALYZE fed")
    box = prune.bbox if prune else None
    connection.execute(
        composed(
            "compare_tiles",
            tiles=series.table,
            prune=sql.Literal(prune is not None),
            box=sql.Literal(list(hundredths(box)) if box else None),
        )
    )
    counts: dict[object, int] = {
        becomes: int(str(count))
        for becomes, count in connection.execute(
            "SELECT becomes, count(*) FROM pg_temp.changed GROUP BY becomes"
        )
    }
    inserted, updated = counts.get("new", 0), counts.get("other", 0)
    return Changes(inserted, updated, rows - inserted - updated, counts.get("gone", 0))


def apply(connection: Connection, series: Series, holder: str) -> None:
    """Carry out what `compare` found; `holder` is the store whose registry was fed."""
    connection.execute(
        composed(
            "apply_changes",
            **_names(series),
            collection=sql.Literal(series.collection),
            holder=sql.Literal(holder),
        )
    )
    if series.holder != holder:
        connection.execute(
            composed(
                "change_holder",
                tiles=series.table,
                collection=sql.Literal(series.collection),
                holder=sql.Literal(holder),
            )
        )


def _copy(
    connection: Connection,
    series: Series,
    table: sql.Identifier,
    batches: Iterable[pa.RecordBatch],
    advance: Callable[[int], None],
) -> int:
    """Write tiles into a table by binary COPY; returns their number."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder(_ROWS)
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in _ROWS.names)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(table, columns)
    rows = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encoder.write_header())
        for batch in batches:
            lon_i, lat_i = (to_numpy(batch.column(n)).astype(np.int64) for n in ("lon_i", "lat_i"))
            ids = to_arrow(series.first_id + grid.cell(lon_i, lat_i))
            values = [ids, *(batch.column(f.name).cast(f.type) for f in list(_ROWS)[1:])]
            copy.write(encoder.write_batch(pa.RecordBatch.from_arrays(values, schema=_ROWS)))
            rows += batch.num_rows
            advance(batch.num_rows)
        copy.write(encoder.finish())
    return rows


def _names(series: Series) -> dict[str, sql.Composable]:
    return {"tiles": series.table, "replicas": series.replicas}


def _literals(series: Series) -> dict[str, sql.Composable]:
    return {
        "collection": sql.Literal(series.collection),
        "dataset": sql.Literal(series.dataset),
        "year": sql.Literal(series.year),
        "first": sql.Literal(series.first_id),
        "end": sql.Literal(series.first_id + 10_000_000),
    }

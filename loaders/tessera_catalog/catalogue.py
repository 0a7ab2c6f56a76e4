"""What a load keeps in the database beside tiles and items: stores, collections, queryables.

All functions work in the caller's transaction.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tessera_catalog import collections as stac
from tessera_catalog.database import Connection, composed, query
from tessera_catalog.stores import Stores


@dataclass(frozen=True)
class Series:
    """A dataset's year as the database has it: one STAC collection, one partition of tiles."""

    collection: str
    dataset: str
    dataset_no: int
    year: int
    tiles: int
    fingerprint: bytes | None
    projection: bytes | None

    @property
    def first_id(self) -> int:
        """The smallest id a tile of it can have; see tessera.tile_id."""
        return (self.dataset_no * 10000 + self.year) * 10_000_000

    @property
    def table(self) -> sql.Identifier:
        """Its partition of tessera.tile."""
        return sql.Identifier("tessera", f"tile_{self.dataset_no}_{self.year}")

    @property
    def replicas(self) -> sql.Identifier:
        """Its partition of tessera.replica."""
        return sql.Identifier("tessera", f"replica_{self.dataset_no}_{self.year}")


def put_stores(connection: Connection, stores: Stores) -> None:
    """Make tessera.store agree with the configuration; a store gone from it keeps its row."""
    connection.execute(
        query("put_stores"),
        [Jsonb([{"name": s.name, "title": s.title, "url": s.url} for s in stores.stores])],
    )


def put_queryables(connection: Connection, stores: Stores) -> None:
    """Make pgSTAC's queryables agree with ours; writes, and so indexes, only what differs."""
    wanted = stac.queryables(stores)
    rows = [{"name": q.name, "definition": q.definition, "index": q.index} for q in wanted]
    connection.execute("SET LOCAL search_path = pgstac, public")
    connection.execute(query("put_queryables"), [Jsonb(rows)])
    connection.execute("SET LOCAL search_path = public")


def series(connection: Connection, dataset: str) -> dict[int, Series]:
    """The years of a dataset that the database knows, loaded or not."""
    with connection.cursor(row_factory=class_row(Series)) as cursor:
        return {s.year: s for s in cursor.execute(query("series"), [dataset])}


def new_series(stores: Stores, dataset: str, year: int) -> Series:
    """A year that the database does not know yet, as it will be called."""
    return Series(stores.collection_id(dataset, year), dataset, 0, year, 0, None, None)


def begin_series(connection: Connection, stores: Stores, holder: str, new: Series) -> Series:
    """Register a series and give it its STAC collection, empty at first, if it has none.

    `holder` is the store whose registry is loaded.
    """
    connection.execute(query("begin_series"), [new.dataset, new.collection, new.year, holder])
    row = connection.execute(
        "SELECT 1 FROM pgstac.collections WHERE id = %s", [new.collection]
    ).fetchone()
    if row is None:
        empty = stac.Facts(0, -180, -90, 180, 90, None, None)
        document = stac.collection(stores, new.dataset, new.year, empty, synthetic=False)
        connection.execute("SELECT pgstac.create_collection(%s)", [Jsonb(document)])
    return series(connection, new.dataset)[new.year]


def finish_series(
    connection: Connection,
    stores: Stores,
    of: Series,
    fingerprint: bytes | None,
    *,
    synthetic: bool,
) -> None:
    """Write the STAC collection anew from its tiles, and mark tiles and items as in step.

    A series without tiles loses its collection; its row stays, so that the revision goes on.
    """
    with connection.cursor(row_factory=class_row(stac.Facts)) as cursor:
        (facts,) = cursor.execute(composed("collection_facts", tiles=of.table)).fetchall()
    if facts.tiles:
        document = stac.collection(stores, of.dataset, of.year, facts, synthetic=synthetic)
        connection.execute("SELECT pgstac.upsert_collection(%s)", [Jsonb(document)])
    else:
        connection.execute("SELECT pgstac.delete_collection(%s)", [of.collection])
    connection.execute(
        query("finish_series"),
        [facts.tiles, fingerprint, projection(connection, of.collection), of.collection],
    )


def finish_link(connection: Connection, of: Series, *, changed: bool) -> None:
    """Mark tiles and items as in step with the replicas."""
    connection.execute(
        query("finish_link"),
        {
            "collection": of.collection,
            "projection": projection(connection, of.collection),
            "changed": changed,
        },
    )


def projection(connection: Connection, collection: str) -> bytes:
    """Digest of all that shapes a collection's items besides its tiles."""
    row = connection.execute(query("projection_inputs"), [collection]).fetchone()
    inputs = json.dumps([row, stac.ITEM_ASSETS], sort_keys=True, default=str).encode()
    return hashlib.sha256(inputs + query("render_items")).digest()

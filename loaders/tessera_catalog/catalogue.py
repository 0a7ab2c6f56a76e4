"""What a load keeps in the database beside tiles and items: stores, collections, queryables.

All functions work in the caller's transaction.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tessera_catalog import collections as stac
from tessera_catalog.database import Connection, composed, query
from tessera_catalog.errors import InputError
from tessera_catalog.queryables import queryables
from tessera_catalog.stores import Stores


@dataclass(frozen=True)
class Series:
    """A dataset's year as the database has it: one STAC collection, one partition of tiles."""

    collection: str
    dataset: str
    dataset_no: int
    year: int
    holder: str
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
    """Make tessera.store agree with the configuration.

    A store gone from it keeps its row, without a preference, until nothing names it any more.
    """
    connection.execute(
        query("put_stores"),
        [Jsonb([{"name": s.name, "title": s.title, "url": s.url} for s in stores.stores])],
    )
    # Too few rows for the server to look at by itself, and then it expects hundreds.
    connection.execute("ANALYZE tessera.store")


def has_retired(connection: Connection, of: Series) -> bool:
    """Whether something still names stores that are no longer configured."""
    row = connection.execute(query("has_retired"), {"collection": of.collection}).fetchone()
    return row == (True,)


def drop_retired(connection: Connection, of: Series) -> bool:
    """Take such stores off tiles, replicas and links; returns whether there were any.

    Leaves pg_temp.freed, the ids of the tiles that named one, if so. Items and counts are then the
    caller's to renew.
    """
    if not has_retired(connection, of):
        return False
    connection.execute(
        composed(
            "drop_retired",
            tiles=of.table,
            replicas=of.replicas,
            collection=sql.Literal(of.collection),
        )
    )
    return True


def forget_stores(connection: Connection) -> None:
    """Drop the stores that are no longer configured and that nothing names any more."""
    connection.execute(query("forget_stores"))


def put_queryables(connection: Connection, stores: Stores) -> None:
    """Make pgSTAC's queryables agree with ours; writes, and so indexes, only what differs."""
    rows = [asdict(one) for one in queryables(stores)]
    connection.execute("SET LOCAL search_path = pgstac, public")
    connection.execute(composed("put_queryables", queryables=sql.Literal(Jsonb(rows))))
    connection.execute("SET LOCAL search_path = public")


def series(connection: Connection, dataset: str) -> dict[int, Series]:
    """The years of a dataset that the database knows, loaded or not."""
    with connection.cursor(row_factory=class_row(Series)) as cursor:
        return {s.year: s for s in cursor.execute(query("series"), [dataset])}


def new_series(stores: Stores, dataset: str, year: int, holder: str) -> Series:
    """A year that the database does not know yet, as it will be called."""
    return Series(stores.collection_id(dataset, year), dataset, 0, year, holder, 0, None, None)


def begin_series(connection: Connection, stores: Stores, new: Series) -> Series:
    """Register a series and give it its STAC collection, empty at first, if it has none.

    What a collection says of the assets of all its items is renewed here, before new items rely
    on it.
    """
    connection.execute(
        query("begin_series"),
        {
            "dataset": new.dataset,
            "collection": new.collection,
            "year": new.year,
            "holder": new.holder,
        },
    )
    empty = stac.Facts(0, -180, -90, 180, 90, None, None)
    document = stac.collection(stores, new.dataset, new.year, empty, synthetic=False)
    connection.execute(query("put_item_assets"), {"collection": Jsonb(document)})
    return series(connection, new.dataset)[new.year]


def check_ids(connection: Connection, stores: Stores) -> None:
    """InputError when the configuration calls a collection that is there by another id."""
    rows = connection.execute(query("collection_ids")).fetchall()
    for collection, dataset, year in rows:
        wanted = stores.collection_id(str(dataset), int(str(year)))
        if collection != wanted:
            raise InputError(
                f"the database calls {year} of dataset {dataset} {collection}, and this "
                f"configuration {wanted}: the id in [dataset] is not the one it was made with"
            )


def facts(connection: Connection, of: Series) -> stac.Facts:
    """What the collection is to say of its tiles."""
    with connection.cursor(row_factory=class_row(stac.Facts)) as cursor:
        (row,) = cursor.execute(composed("collection_facts", tiles=of.table)).fetchall()
    return row


def put_collection(
    connection: Connection, stores: Stores, of: Series, told: stac.Facts, *, synthetic: bool
) -> None:
    """Write the STAC collection anew."""
    document = stac.collection(stores, of.dataset, of.year, told, synthetic=synthetic)
    connection.execute("SELECT pgstac.upsert_collection(%s)", [Jsonb(document)])


def renew_collection(connection: Connection, stores: Stores, of: Series) -> None:
    """Write the STAC collection anew with the stores that are configured now."""
    row = connection.execute(
        "SELECT coalesce((content ->> 'tessera:synthetic')::boolean, false) "
        "FROM pgstac.collections WHERE id = %s",
        [of.collection],
    ).fetchone()
    put_collection(connection, stores, of, facts(connection, of), synthetic=row == (True,))


def finish_series(
    connection: Connection,
    stores: Stores,
    of: Series,
    told: stac.Facts,
    fingerprint: bytes | None,
    *,
    synthetic: bool,
) -> None:
    """Write the STAC collection anew, if tiles are left, and mark tiles and items as in step.

    The series of a removed collection keeps its row, so that the revision goes on, but not its
    links: no later link looks at it.
    """
    if told.tiles:
        put_collection(connection, stores, of, told, synthetic=synthetic)
    else:
        connection.execute("DELETE FROM tessera.link WHERE collection = %s", [of.collection])
    connection.execute(
        query("finish_series"),
        [told.tiles, fingerprint, projection(connection, of.collection), of.collection],
    )
    count_placements(connection, of)


def forget_counts(connection: Connection) -> None:
    """Drop pgSTAC's counts of past searches, which it would keep for a day."""
    connection.execute("DELETE FROM pgstac.search_wheres")


def analyze_coverage(connection: Connection) -> None:
    """Tell the planner of squares that were counted anew."""
    connection.execute("ANALYZE tessera.coverage")


def count_placements(connection: Connection, of: Series) -> None:
    """Count anew how many of the tiles are where."""
    connection.execute(
        "SELECT tessera.count_placements(%(of)s), tessera.count_coverage(%(of)s)",
        {"of": of.collection},
    )


def move_placements(connection: Connection, of: Series) -> None:
    """Bring these counts into step with pg_temp.changed of queries/place_tiles.sql."""
    connection.execute(composed("move_placements", collection=sql.Literal(of.collection)))
    connection.execute(composed("move_coverage"))


def finish_link(connection: Connection, of: Series) -> None:
    """Mark tiles and items as in step with the replicas."""
    connection.execute(
        query("finish_link"),
        {"collection": of.collection, "projection": projection(connection, of.collection)},
    )


def projection(connection: Connection, collection: str) -> bytes | None:
    """Digest of all that shapes a collection's items besides its tiles.

    None when the collection is not there or says other things of the assets than we do: then items
    made now must be made anew once a load has written the collection.
    """
    row = connection.execute(query("projection_inputs"), [collection]).fetchone()
    if row is None or row[-1] != stac.ITEM_ASSETS:
        return None
    inputs = json.dumps(row, sort_keys=True, default=str).encode()
    return hashlib.sha256(inputs + query("render_items")).digest()

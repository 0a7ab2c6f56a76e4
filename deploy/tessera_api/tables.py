"""The tables that are served as features, as tipg knows collections.

tipg finds tables out by functions that it makes in the database, which a session that reads only,
and a standby, refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

import asyncpg
from cql2 import Expr
from fastapi import Path, Request
from pydantic import PrivateAttr
from stac_fastapi.types.errors import NotFoundError
from tipg.collections import Collection, CollectionList, Column, Feature, PgCollection
from tipg.model import Extent, Temporal

from tessera_api.caching import REVISION
from tessera_api.catalogue import Connection, Recent
from tessera_api.filters.columns import Columns
from tessera_api.filters.properties import Kind
from tessera_api.queries import query

SERVED = ("tile", "coverage")

SCHEMAS: dict[str, tuple[Kind, dict[str, str]]] = {
    "smallint": (Kind.NUMBER, {"type": "integer"}),
    "integer": (Kind.NUMBER, {"type": "integer"}),
    "bigint": (Kind.NUMBER, {"type": "integer"}),
    "double precision": (Kind.NUMBER, {"type": "number"}),
    "text": (Kind.TEXT, {"type": "string"}),
    "text[]": (Kind.ARRAY, {"type": "array"}),
    "timestamptz": (Kind.TIME, {"type": "string", "format": "date-time"}),
    # Without a type: only then does QGIS send spatial filters.
    "geometry": (Kind.GEOMETRY, {"$ref": "https://geojson.org/schema/Polygon.json"}),
}
"""Of the types of columns that filters can name: what values they are, and their JSON schema."""


@dataclass(frozen=True)
class Page:
    """Some of the features that match."""

    matched: int
    """How many there are on all pages."""

    features: list[Feature]
    more: bool
    """Whether there are others behind these."""


class Table(PgCollection):
    """A table of features, whose time is the year they are of; for as long as nothing changes."""

    years: tuple[int, int] | None
    """The first and the last; None when there are no features."""

    _counts: Recent[int] = PrivateAttr(default_factory=Recent)
    """Matches by condition."""

    @property
    def extent(self) -> Extent:
        """Where and when there are features."""
        place = super().extent
        extent = Extent(spatial=place.spatial if place else None)
        if self.years:
            first, last = self.years
            extent.temporal = Temporal(
                interval=[[f"{first:04}-01-01T00:00:00Z", f"{last:04}-12-31T23:59:59Z"]]
            )
        return extent

    @property
    def filterable(self) -> Columns:
        """The columns a filter can name."""
        return Columns({c.name: SCHEMAS[c.type][0] for c in self._filterable})

    @property
    def sortable(self) -> list[str]:
        """The columns that features can be sorted by."""
        ordered = (Kind.NUMBER, Kind.TEXT, Kind.TIME)
        return [c.name for c in self._filterable if SCHEMAS[c.type][0] in ordered]

    @property
    def queryables(self) -> dict[str, dict[str, str]]:
        """JSON schemas of the columns a filter can name."""
        return {
            column.name: SCHEMAS[column.type][1]
            | {"title": column.name}
            | ({"description": column.description} if column.description else {})
            for column in self._filterable
        }

    @property
    def _filterable(self) -> list[Column]:
        return [column for column in self.properties if column.type in SCHEMAS]

    def count_known(self, total: int) -> None:
        """Remember how many features there are."""
        self._counts.put("", total)

    async def page(
        self,
        connection: Connection,
        where: Expr | None,
        *,
        after: int | None,
        limit: int,
        **how: Any,
    ) -> Page:
        """At most `limit` features that match, of those with an id behind `after`.

        `how` are the other arguments of tipg's for the rows of a page.
        """
        matched = await self._features_count_query(connection, where=where, function_parameters={})
        if after is not None:
            behind = Expr({"op": ">", "args": [{"property": "id"}, after]})
            where = behind if where is None else where + behind
        rows = self._features_query(
            connection, where=where, limit=limit + 1, function_parameters={}, **how
        )
        features = [row async for row in rows]
        return Page(matched, features[:limit], len(features) > limit)

    async def _features_count_query(
        self, conn: Connection, *, where: Expr | None = None, **given: Any
    ) -> int:
        condition = "" if where is None else where.to_sql()
        known = self._counts.find(condition)
        if known is not None:
            return known
        counted = await super()._features_count_query(conn, where=where, **given)
        return self._counts.put(condition, counted)


async def tables(request: Request) -> dict[str, Table]:
    """The tables as they are now, by their ids; read anew when the catalogue has changed."""
    state = request.app.state
    revision: str | None = request.scope.get(REVISION)
    known: tuple[str | None, dict[str, Table]] | None = getattr(state, "tables", None)
    if known is None or known[0] != revision:
        async with state.get_connection(request, "r") as connection:
            columns = await connection.fetch(query("feature_columns"), SERVED)
            extent = await connection.fetchrow(query("feature_extent"))
        read = (_table(list(rows), extent) for _, rows in groupby(columns, itemgetter(0)))
        known = state.tables = revision, {table.id: table for table in read}
    return known[1]


def _table(rows: list[asyncpg.Record], extent: asyncpg.Record) -> Table:
    name = rows[0]["table_name"]
    columns = {row["name"]: _column(row, extent) for row in rows}
    empty = extent["first_year"] is None
    table = Table(
        type="Table",
        id=f"tessera.{name}",
        schema="tessera",
        table=name,
        description=rows[0]["about"],
        table_columns=list(columns.values()),
        properties=list(columns.values()),
        id_column=columns["id"],
        geometry_column=columns["geom"],
        years=None if empty else (extent["first_year"], extent["last_year"]),
    )
    table.count_known(extent[name])
    return table


def _column(row: asyncpg.Record, extent: asyncpg.Record) -> Column:
    column = Column(name=row["name"], type=row["type"], description=row["description"])
    if column.is_geometry:
        column.geometry_type, column.srid = "Polygon", 4326
        column.bounds = extent["bounds"] or [-180, -90, 180, 90]
    return column


async def all_tables(request: Request) -> CollectionList:
    """All of them, as tipg lists them: on one page."""
    found: list[Collection] = list((await tables(request)).values())
    return CollectionList(collections=found, matched=len(found), next=None, prev=None)


async def one_table(
    request: Request,
    collection_id: Annotated[str, Path(alias="collectionId", description="Id of a collection")],
) -> Table:
    """The one that a path names; NotFoundError when there is none."""
    found = (await tables(request)).get(collection_id)
    if found is None:
        raise NotFoundError(f"Collection {collection_id[:60]} does not exist.")
    return found

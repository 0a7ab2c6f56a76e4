"""`/features`: the tables of tiles and of their coverage, by OGC API Features.

The landing page, the descriptions and the statements are tipg's. The routes of features are ours:
what they are asked passes the checks of the STAC API, and no filter reaches the SQL without.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from cql2 import Expr
from fastapi import Depends, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.errors import NotFoundError
from stac_fastapi.types.search import Limit
from starlette.datastructures import URL
from tipg import model
from tipg.collections import Collection
from tipg.dependencies import OutputType, QueryablesOutputType
from tipg.factory import OGCFeaturesFactory
from tipg.resources.enums import MediaType

from tessera_api import geometries, times
from tessera_api.errors import InvalidParameter
from tessera_api.extensions import CQL2
from tessera_api.filters.columns import condition
from tessera_api.filters.operands import Json
from tessera_api.filters.parse import Language
from tessera_api.searches import filter_of_get
from tessera_api.settings import DEFAULT_LIMIT
from tessera_api.tables import Page, Table, all_tables, one_table

PATH = "/features"

TITLE = "Tiles and coverage as features"

MAX_OFFSET = 10_000_000
"""Features that may be passed over; PostgreSQL reads all of them."""

MEDIA_TYPES = {
    "geojson": "application/geo+json",
    "json": "application/geo+json",
    "csv": "text/csv",
    "geojsonseq": "application/geo+json-seq",
}
"""What features can be written as, by the names `f` has for them."""

QUERYABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/queryables"

_ID = re.compile("[0-9]{1,15}")

CONFORMS_TO = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landingPage",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    *CQL2,
]
"""Not HTML, for tipg's pages load from other hosts, and not OpenAPI 3.0: ours is 3.1."""


class ItemsQuery(BaseModel):
    """What features are asked for, and how they are to be written."""

    model_config = ConfigDict(extra="allow")

    f: Literal["geojson", "json", "csv", "geojsonseq"] = Field("geojson", description="Format")
    ids: str | None = Field(None, description="Ids, with commas")
    bbox: str | None = Field(None, description="West, south, east, north")
    datetime: str | None = Field(
        None, description="An instant or an interval of RFC 3339: features of its years"
    )
    properties: str | None = Field(None, description="The properties to send, with commas")
    filter_expr: str | None = Field(None, alias="filter", description="A CQL2 filter")
    filter_lang: Language | None = Field(None, alias="filter-lang")
    filter_crs: str | None = Field(None, alias="filter-crs")
    sortby: str | None = Field(None, description="Properties, `-` before those that descend")
    limit: Limit = DEFAULT_LIMIT
    offset: int = Field(0, ge=0, le=MAX_OFFSET, description="Features to pass over")
    after: int | None = Field(
        None, ge=0, lt=10**15, description="An id: the features behind it, in the order of ids"
    )

    def where(self, request: Request, table: Table) -> Expr | None:
        """What holds for the features; InvalidParameter when that cannot be told."""
        parts = [_equal(name, value, table) for name, value in (self.model_extra or {}).items()]
        if self.ids is not None:
            ids = [int(each) for each in _split(self.ids) if _ID.fullmatch(each)]
            parts.append({"op": "in", "args": [{"property": "id"}, ids]})
        if self.bbox is not None:
            box = geometries.geojson(geometries.box(_numbers(self.bbox)))
            parts.append({"op": "s_intersects", "args": [{"property": "geom"}, box]})
        if self.datetime is not None:
            parts += _years(times.interval(self.datetime))
        given = filter_of_get(
            request,
            filter_expr=self.filter_expr,
            filter_lang=self.filter_lang,
            filter_crs=self.filter_crs,
        )
        if given is not None:
            parts.append(given)
        return condition({"op": "and", "args": parts}, table.filterable) if parts else None

    def order(self, table: Table) -> str:
        """The order as tipg takes it, in which each feature has a place of its own."""
        if self.sortby is not None and self.after is not None:
            raise InvalidParameter("after and sortby exclude each other: it goes by the id")
        names = _split(self.sortby or "")
        for name in names:
            if re.sub("^[-+]", "", name) not in table.sortable:
                known = ", ".join(table.sortable)
                raise InvalidParameter(f"sortby cannot order by '{name[:60]}', but by {known}")
        return ",".join([*names, "id"])

    def wanted(self, table: Table) -> list[str] | None:
        """The properties to send; None for all."""
        if self.properties is None:
            return None
        names = _split(self.properties)
        unknown = set(names) - set(table.columns())
        if unknown:
            raise InvalidParameter(f"there is no property '{min(unknown)[:60]}' to send")
        return names


@dataclass
class FeaturesFactory(OGCFeaturesFactory):
    """tipg's routes, with our own for features and for what is conformed to."""

    def _conformance_route(self) -> None:
        @self.router.get("/conformance", response_model=model.Conformance, tags=["OGC Common"])
        def conformance() -> model.Conformance:
            """What of OGC's standards holds."""
            return model.Conformance(conformsTo=CONFORMS_TO)

    def _additional_collection_tiles_links(
        self, request: Request, collection: Collection
    ) -> list[model.Link]:
        """Not to tiles, of which there are none, but to what QGIS knows by this name alone."""
        href = self.url_for(request, "queryables", collectionId=collection.id)
        return [model.Link(rel=QUERYABLES_REL, type=MediaType.schemajson, href=href)]

    def _items_route(self) -> None:
        @self.router.get(
            "/collections/{collectionId}/items",
            response_class=Response,
            responses={200: {"content": {each: {} for each in MEDIA_TYPES.values()}}},
            tags=["OGC Features API"],
        )
        async def items(
            request: Request,
            table: Annotated[Table, Depends(one_table)],
            asked: Annotated[ItemsQuery, Query()],
        ) -> Response:
            """Features by place, time, properties and CQL2.

            The name of any property is a parameter too: `year=2024`. The link to the next page is
            in the header `Link` as well, for formats that have no links.
            """
            where, wanted = asked.where(request, table), asked.wanted(table)
            order = asked.order(table)
            async with request.app.state.get_connection(request, "r") as connection:
                page = await table.page(
                    connection,
                    where,
                    after=asked.after,
                    limit=asked.limit,
                    offset=asked.offset,
                    sortby=order,
                    properties=wanted,
                    geom_as_wkt=asked.f == "csv",
                )
            links = [
                *_links_of_page(request.url, asked, page),
                self._link_to_collection(request, table),
            ]
            content = _written(asked.f, table.columns(wanted), page, links)
            following = [each["href"] for each in links if each["rel"] == "next"]
            headers = {"Link": f'<{following[0]}>; rel="next"'} if following else {}
            return Response(content, headers=headers, media_type=MEDIA_TYPES[asked.f])

    def _item_route(self) -> None:
        @self.router.get(
            "/collections/{collectionId}/items/{itemId}",
            response_class=Response,
            responses={200: {"content": {MEDIA_TYPES["geojson"]: {}}}},
            tags=["OGC Features API"],
        )
        async def item(
            request: Request,
            table: Annotated[Table, Depends(one_table)],
            item_id: Annotated[str, Path(alias="itemId", description="Id of a feature")],
        ) -> Response:
            """One feature, as GeoJSON."""
            found = None
            if _ID.fullmatch(item_id):
                async with request.app.state.get_connection(request, "r") as connection:
                    found = await table.features(connection, ids_filter=[item_id])
            if not found or not found["items"]:
                raise NotFoundError(f"{table.id} has no feature {item_id[:60]}.")
            links = [_link(request.url, "self"), self._link_to_collection(request, table)]
            content = orjson.dumps({**found["items"][0], "links": links})
            return Response(content, media_type=MEDIA_TYPES["geojson"])

    def _link_to_collection(self, request: Request, table: Table) -> dict[str, str]:
        href = self.url_for(request, "collection", collectionId=table.id)
        return {"rel": "collection", "type": "application/json", "href": href}


def add(app: FastAPI, prefix: str) -> None:
    """Serve the features under `prefix` and PATH."""
    factory = FeaturesFactory(
        title=TITLE,
        router_prefix=f"{prefix}{PATH}",
        # FastAPI awaits them.
        collection_dependency=one_table,  # type: ignore[arg-type]
        collections_dependency=all_tables,  # type: ignore[arg-type]
    )
    app.include_router(factory.router, prefix=f"{prefix}{PATH}")
    app.dependency_overrides |= {OutputType: _as_json, QueryablesOutputType: _as_json}


def _as_json(f: Literal["json", "schemajson"] = "json") -> None:
    """Nothing, which makes tipg answer in JSON, whatever is said to be accepted."""


def _links_of_page(url: URL, asked: ItemsQuery, page: Page) -> Iterator[dict[str, str]]:
    yield _link(url, "self")
    if page.more and asked.sortby is None:
        last = page.features[-1]["id"]
        yield _link(url.remove_query_params("offset").include_query_params(after=last), "next")
    elif page.more:
        yield _link(url.include_query_params(offset=asked.offset + asked.limit), "next")
    if asked.offset:
        offset = max(asked.offset - asked.limit, 0)
        yield _link(url.include_query_params(offset=offset), "prev")


def _link(href: URL, rel: str) -> dict[str, str]:
    return {"rel": rel, "type": MEDIA_TYPES["geojson"], "href": str(href)}


def _written(
    form: str, columns: Sequence[str], page: Page, links: Sequence[dict[str, str]]
) -> bytes:
    """A page of features in one of the formats; `columns` are those of CSV."""
    if form == "csv":
        return _csv(columns, page.features)
    if form == "geojsonseq":
        return b"".join(b"\x1e%s\n" % orjson.dumps(each) for each in page.features)
    return orjson.dumps(
        {
            "type": "FeatureCollection",
            "numberMatched": page.matched,
            "numberReturned": len(page.features),
            "links": links,
            "features": page.features,
        }
    )


def _csv(columns: Sequence[str], features: Iterable[Any]) -> bytes:
    """A table with a header, the geometry as WKT last, and lists as JSON."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*columns, "geometry"])
    for feature in features:
        values = (feature["properties"][name] for name in columns)
        writer.writerow([*map(_cell, values), feature["geometry"].partition(";")[2]])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError as error:
        raise InvalidParameter(f"bbox '{text[:60]}' is not numbers with commas") from error


def _equal(name: str, value: Any, table: Table) -> Json:
    """The condition that a parameter with a property's name stands for."""
    if table.get_column(name) is None:
        raise InvalidParameter(f"there is no parameter or property '{name[:60]}'")
    if not isinstance(value, str):
        raise InvalidParameter(f"'{name}' is given more than once")
    return {"op": "=", "args": [{"property": name}, value]}


def _years(interval: str) -> list[Json]:
    """The conditions that a feature's year meets an interval of `times.interval`."""
    start, _, end = interval.partition("/")
    ends = {">=": start, "<=": end or start}
    return [
        {"op": op, "args": [{"property": "year"}, int(at[:4])]}
        for op, at in ends.items()
        if at not in times.OPEN
    ]

"""`/features`: the tables of tiles and of their coverage, by OGC API Features.

The landing page, the descriptions and the statements are tipg's. The routes of features are ours:
what they are asked passes the checks of the STAC API, and no filter reaches the SQL without.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, FastAPI, Path, Query, Request, Response
from stac_fastapi.types.errors import NotFoundError
from starlette.datastructures import URL
from tipg import model
from tipg.collections import Collection
from tipg.dependencies import OutputType, QueryablesOutputType
from tipg.factory import OGCFeaturesFactory
from tipg.resources.enums import MediaType

from tessera_api import openapi
from tessera_api.extensions import CQL2
from tessera_api.feature_query import ID, ItemsQuery
from tessera_api.tables import Page, Table, all_tables, one_table

PATH = "/features"

TITLE = "Tiles and coverage as features"

MEDIA_TYPES = {
    "geojson": "application/geo+json",
    "json": "application/geo+json",
    "csv": "text/csv",
    "geojsonseq": "application/geo+json-seq",
}
"""What features can be written as, by the names `f` has for them."""

QUERYABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/queryables"

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


@dataclass
class FeaturesFactory(OGCFeaturesFactory):
    """tipg's routes, with our own for features and for what is conformed to."""

    def _landing_route(self) -> None:
        super()._landing_route()  # type: ignore[no-untyped-call]
        stock = self.router.routes.pop().endpoint  # type: ignore[attr-defined]

        @self.router.get(
            "/",
            response_model=model.Landing,
            dependencies=[Depends(_as_json)],
            tags=["OGC Common"],
        )
        def landing(request: Request) -> Response:
            """Where to go from here."""
            page = stock(request).model_dump(exclude_none=True, mode="json")
            openapi.of_links(page["links"])
            return Response(orjson.dumps(page), media_type="application/json")

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
            if ID.fullmatch(item_id):
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

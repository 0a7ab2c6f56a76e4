"""What the routes do: stac-fastapi-pgstac's client with this catalogue's differences."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import attr
import orjson
from stac_fastapi.pgstac.core import CoreCrudClient
from stac_fastapi.pgstac.models.links import (
    BaseLinks,
    ItemCollectionLinks,
    PagingLinks,
    SearchLinks,
)
from stac_fastapi.types.conformance import BASE_CONFORMANCE_CLASSES, OAFConformanceClasses
from stac_fastapi.types.errors import NotFoundError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tessera_api import collection_search, links, openapi
from tessera_api.catalogue import Connection, snapshot
from tessera_api.errors import InvalidParameter
from tessera_api.items import whole
from tessera_api.pages import matched, page
from tessera_api.placements import narrowed
from tessera_api.queries import query
from tessera_api.searches import Search, Token, of_get, of_post
from tessera_api.settings import LANDING_PAGE_ID

GEOJSON = "application/geo+json"

SYNTHETIC = "**The tiles of this catalogue are synthetic: made up for trials.**"


@attr.s
class Client(CoreCrudClient):  # type: ignore[misc]
    """The core routes of the STAC API."""

    landing_page_id: str = attr.ib(default=LANDING_PAGE_ID)
    # FastAPI's document is OpenAPI 3.1.
    base_conformance_classes: list[str] = attr.ib(
        factory=lambda: [c for c in BASE_CONFORMANCE_CLASSES if c != OAFConformanceClasses.OPEN_API]
    )

    async def landing_page(self, **kwargs: Any) -> Any:
        """`GET /`."""
        request = kwargs["request"]
        page = await super().landing_page(**kwargs)
        page["links"] += links.of_landing_page(request)
        openapi.of_links(page["links"])
        async with request.app.state.get_connection(request, "r") as connection:
            if await connection.fetchval(query("is_synthetic")):
                page["title"] += " (synthetic)"
                page["description"] += f"\n\n{SYNTHETIC}"
        return page

    async def get_search(self, request: Request, **given: Any) -> Response:
        """`GET /search`."""
        return await _found(request, of_get(request, **given), SearchLinks(request=request))

    async def post_search(self, search_request: Any, request: Request, **_: Any) -> Response:
        """`POST /search`."""
        return await _found(request, of_post(search_request), SearchLinks(request=request))

    async def item_collection(self, collection_id: str, request: Request, **given: Any) -> Response:
        """`GET /collections/{collection_id}/items`."""
        search = of_get(request, **{**given, "collections": [collection_id]})
        maker = ItemCollectionLinks(request=request, collection_id=collection_id)
        return await _found(request, search, maker, collection_id)

    async def get_item(
        self, item_id: str, collection_id: str, request: Request, **_: Any
    ) -> Response:
        """`GET /collections/{collection_id}/items/{item_id}`."""
        async with request.app.state.get_connection(request, "r") as connection:
            catalogue = await snapshot(request, connection)
            rows = await connection.fetch(query("item"), collection_id, item_id)
            found = await whole(connection, rows, Search(), catalogue, request)
        if not found:
            raise NotFoundError(f"Item {item_id} in Collection {collection_id} does not exist.")
        return Response(orjson.dumps(found[0]), media_type=GEOJSON)

    async def all_collections(self, request: Request, **given: Any) -> Any:
        """`GET /collections`."""
        try:
            found = await super().all_collections(
                request, **collection_search.parameters(request, **given)
            )
        except asyncpg.PostgresSyntaxError as error:
            # pgSTAC makes a text search query of `q` without looking.
            raise InvalidParameter("q is not a search for words") from error
        # With `fields` it is a response already, for what is then none by its schema.
        page = found if isinstance(found, dict) else orjson.loads(found.body)
        for collection in page["collections"]:
            links.complete(request, collection)
        return page if isinstance(found, dict) else JSONResponse(page)

    async def get_collection(self, collection_id: str, request: Request, **_: Any) -> Any:
        """`GET /collections/{collection_id}`."""
        return links.complete(request, await super().get_collection(collection_id, request))

    def _clean_search_args(self, base_args: dict[str, Any], **given: Any) -> dict[str, Any]:
        """The search of collections as pgSTAC takes it."""
        return collection_search.for_pgstac(super()._clean_search_args, base_args, **given)


async def _found(
    request: Request, search: Search, maker: BaseLinks, collection_id: str | None = None
) -> Response:
    """The page of a search; NotFoundError when it is of a collection that does not exist."""
    async with request.app.state.get_connection(request, "r") as connection:
        catalogue = await snapshot(request, connection)
        short = await narrowed(connection, search.for_pgstac(catalogue.properties), catalogue)
        rows = await page(connection, short, search.token, search.limit, catalogue)
        if not rows and collection_id is not None:
            await _must_exist(connection, collection_id)
        items = await whole(connection, rows[: search.limit], search, catalogue, request)
        count = await matched(connection, short, catalogue)
    ends = [Token(row["collection"], row["id"]).write() for row in rows[: search.limit]]
    if search.token.backward:
        items.reverse()
        ends.reverse()
    more = len(rows) > search.limit
    paging = PagingLinks(
        request=request,
        next=ends[-1] if ends and (more or search.token.backward) else None,
        prev=ends[0] if ends and search.token.id and (more or not search.token.backward) else None,
    )
    answer = {
        "type": "FeatureCollection",
        "links": _repeated(await maker.get_links(extra_links=await paging.get_links())),
        "features": items,
        "numberMatched": count,
        "numberReturned": len(items),
    }
    if warnings := search.warnings(catalogue.properties):
        answer["warnings"] = warnings
    return Response(orjson.dumps(answer), media_type=GEOJSON)


def _repeated(pages: list[dict[str, Any]]) -> orjson.Fragment:
    """Links as JSON. They repeat the request, with integers that orjson has no room for."""
    try:
        return orjson.Fragment(orjson.dumps(pages))
    except TypeError:
        return orjson.Fragment(json.dumps(pages))


async def _must_exist(connection: Connection, collection_id: str) -> None:
    if not await connection.fetchval(query("collection_exists"), collection_id):
        raise NotFoundError(f"Collection {collection_id} does not exist.")

"""Queryables and sortables: the JSON schemas of what searches may name."""

from __future__ import annotations

from typing import Any

import attr
from stac_fastapi.extensions.filter.client import AsyncBaseFiltersClient
from stac_fastapi.extensions.sort import AsyncBaseSortablesClient
from stac_fastapi.types.errors import NotFoundError
from starlette.requests import Request

from tessera_api.catalogue import Snapshot, snapshot
from tessera_api.collection_search import SORTABLES as OF_COLLECTIONS
from tessera_api.queries import query

_DRAFT = "https://json-schema.org/draft/2019-09/schema"


@attr.s
class QueryablesClient(AsyncBaseFiltersClient):
    """What filters may name."""

    async def get_queryables(
        self, collection_id: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """`GET /queryables` and `GET /collections/{collection_id}/queryables`."""
        request = kwargs["request"]
        catalogue = await _catalogue(request, collection_id)
        closed = _closed(catalogue, collection_id)
        properties = catalogue.properties.definitions
        return _schema(
            request,
            "Queryables",
            {name: {**schema, **closed.get(name, {})} for name, schema in properties.items()},
        )


@attr.s
class SortablesClient(AsyncBaseSortablesClient):
    """What `sortby` may name: the queryables that have an order."""

    async def get_sortables(self, request: Request | None = None, **_: Any) -> dict[str, Any]:
        """`GET /sortables`."""
        assert request is not None  # noqa: S101  # the routes always give it
        return await _sortables(request, None)

    async def get_collection_sortables(
        self, collection_id: str, request: Request | None = None, **_: Any
    ) -> dict[str, Any]:
        """`GET /collections/{collection_id}/sortables`."""
        assert request is not None  # noqa: S101
        return await _sortables(request, collection_id)

    async def get_collections_sortables(
        self, request: Request | None = None, **_: Any
    ) -> dict[str, Any]:
        """`GET /collections-sortables`."""
        assert request is not None  # noqa: S101
        return _schema(request, "Sortables", OF_COLLECTIONS)


async def _catalogue(request: Request, collection_id: str | None) -> Snapshot:
    """What is known of the catalogue; NotFoundError when there is no such collection."""
    async with request.app.state.get_connection(request, "r") as connection:
        catalogue = await snapshot(request, connection)
        if collection_id is not None and not await connection.fetchval(
            query("collection_exists"), collection_id
        ):
            raise NotFoundError(f"Collection {collection_id} does not exist.")
    return catalogue


def _closed(catalogue: Snapshot, collection_id: str | None) -> dict[str, dict[str, list[Any]]]:
    """By property, an `enum` of the values there are, where the collections tell them.

    An item that is no tile may have others: then there is none.
    """
    asked = [
        values
        for values in catalogue.collections
        if collection_id is None or values["collection"] == collection_id
    ]
    if not asked or not catalogue.placed:
        return {}
    return {name: {"enum": sorted({values[name] for values in asked})} for name in asked[0]}


async def _sortables(request: Request, collection_id: str | None) -> dict[str, Any]:
    catalogue = await _catalogue(request, collection_id)
    return _schema(request, "Sortables", catalogue.properties.sortables)


def _schema(request: Request, title: str, properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The answer; what it does not list no item has, and filters may name it all the same."""
    return {
        "$schema": _DRAFT,
        "$id": str(request.url.replace(query="")),
        "type": "object",
        "title": title,
        "properties": properties,
        "additionalProperties": True,
    }

"""Items as pgSTAC keeps them, made into the items that clients get."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from hydraters import hydrate
from stac_fastapi.pgstac.models.links import INFERRED_LINK_RELS, ItemLinks
from stac_fastapi.pgstac.utils import filter_fields
from starlette.requests import Request

from tessera_api.catalogue import Connection, Snapshot
from tessera_api.searches import Search

Item = dict[str, Any]


async def whole(
    connection: Connection,
    rows: Iterable[Any],
    search: Search,
    snapshot: Snapshot,
    request: Request,
) -> list[Item]:
    """Rows of a page as items: with what their collections say for all, and with links."""
    base = str(request.base_url)
    named = search.include | search.exclude
    opened = any(name.startswith("geometry.") for name in named)
    include = search.include and search.include | {"id", "collection"}
    items = []
    for collection, item_id, geometry, content in rows:
        slim = orjson.loads(content)
        number = slim.pop("pgstac:base_item", None)
        common = await snapshot.base_item(connection, collection, number)
        slim |= {
            "id": item_id,
            "collection": collection,
            "type": "Feature",
            "geometry": orjson.loads(geometry) if opened else orjson.Fragment(geometry),
        }
        item = hydrate(common, slim, strip_unmatched_markers=True)
        item = filter_fields(item, include, search.exclude)
        if "links" not in search.exclude:
            item["links"] = await _links(item, collection, item_id, base, request)
        items.append(item)
    return items


async def _links(
    item: Item, collection: str, item_id: str, base: str, request: Request
) -> list[dict[str, Any]]:
    """The links of an item, as stac-fastapi-pgstac's ItemLinks makes them, a page at a time."""
    stored = [link for link in item.get("links") or () if link["rel"] not in INFERRED_LINK_RELS]
    if stored:
        maker = ItemLinks(collection_id=collection, item_id=item_id, request=request)
        links: list[dict[str, Any]] = await maker.get_links(extra_links=stored)
        return links
    of_collection = f"{base}collections/{collection}"
    json, geojson = "application/json", "application/geo+json"
    return [
        {"rel": "collection", "type": json, "href": of_collection},
        {"rel": "parent", "type": json, "href": of_collection},
        {"rel": "root", "type": json, "href": base},
        {"rel": "self", "type": geojson, "href": f"{of_collection}/items/{item_id}"},
    ]

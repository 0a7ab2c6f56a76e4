"""Links beside the standard ones."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from tessera_api.settings import BROWSER

SORTABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/sortables"


def of_landing_page(request: Request) -> list[dict[str, Any]]:
    """Links to what is served here and to the browser that shows it."""
    return [
        sortables(request),
        {
            "rel": "related",
            "type": "application/json",
            "title": "Tiles and copies by dataset, year and store",
            "href": f"{request.base_url}summary",
        },
        {
            "rel": "alternate",
            "type": "text/html",
            "title": "This catalogue in STAC Browser",
            "href": f"{BROWSER}{request.base_url}",
        },
    ]


def sortables(request: Request, collection_id: str | None = None) -> dict[str, Any]:
    """The link to what a search, or one of a collection alone, can be sorted by."""
    of = "" if collection_id is None else f"collections/{collection_id}/"
    return {
        "rel": SORTABLES_REL,
        "type": "application/schema+json",
        "title": "Properties to sort by",
        "href": f"{request.base_url}{of}sortables",
    }

"""Links beside the standard ones."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from starlette.requests import Request

from tessera_api import features, logo
from tessera_api.settings import Settings

SORTABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/sortables"


def of_landing_page(request: Request) -> list[dict[str, Any]]:
    """Links to what is served here and to the browser that shows it."""
    return [
        sortables(request),
        {
            "rel": "icon",
            "type": "image/png",
            "title": "GeoTessera",
            "href": f"{request.base_url}{logo.PATH.removeprefix('/')}",
        },
        {
            "rel": "related",
            "type": "application/json",
            "title": "Tiles and copies by dataset, year and store",
            "href": f"{request.base_url}summary",
        },
        {
            "rel": "related",
            "type": "application/json",
            "title": features.TITLE,
            "href": f"{request.base_url}{features.PATH.removeprefix('/')}/",
        },
        {
            "rel": "alternate",
            "type": "text/html",
            "title": "This catalogue in STAC Browser",
            "href": _browser(request),
        },
    ]


def _browser(request: Request) -> str:
    settings: Settings = request.app.state.settings
    own = str(request.base_url)
    return urljoin(own, settings.browser.replace("{catalogue}", own))


def complete(request: Request, collection: dict[str, Any]) -> dict[str, Any]:
    """A collection with the link to its sortables, and with assets at addresses of their own.

    The database does not know where it is published, and not every client looks at what an asset's
    address is relative to. Members that were not asked for stay away.
    """
    identifier = collection.get("id")
    if "links" in collection and identifier is not None:
        collection["links"].append(sortables(request, identifier))
    for asset in (collection.get("assets") or {}).values():
        if "href" in asset:
            asset["href"] = urljoin(f"{request.base_url}collections/", asset["href"])
    return collection


def sortables(request: Request, collection_id: str | None = None) -> dict[str, Any]:
    """The link to what a search, or one of a collection alone, can be sorted by."""
    of = "" if collection_id is None else f"collections/{collection_id}/"
    return {
        "rel": SORTABLES_REL,
        "type": "application/schema+json",
        "title": "Properties to sort by",
        "href": f"{request.base_url}{of}sortables",
    }

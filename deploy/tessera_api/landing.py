"""The links of the landing page beside the standard ones."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from tessera_api.settings import BROWSER

SORTABLES_REL = "http://www.opengis.net/def/rel/ogc/1.0/sortables"


def links(request: Request) -> list[dict[str, Any]]:
    """Links to what is served here and to the browser that shows it."""
    base = str(request.base_url)
    return [
        {
            "rel": SORTABLES_REL,
            "type": "application/schema+json",
            "title": "Properties to sort by",
            "href": f"{base}sortables",
        },
        {
            "rel": "alternate",
            "type": "text/html",
            "title": "This catalogue in STAC Browser",
            "href": f"{BROWSER}{base}",
        },
    ]

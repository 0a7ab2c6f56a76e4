"""The search of collections, which stac-fastapi-pgstac does, with its parameters checked first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from tessera_api import times
from tessera_api.errors import InvalidParameter
from tessera_api.filters.properties import Properties
from tessera_api.filters.rewrite import rewrite
from tessera_api.searches import filter_of_get, place

PROPERTIES = Properties(
    {
        "id": {"title": "Id", "type": "string"},
        "title": {"title": "Title", "type": "string"},
        "description": {"title": "Description", "type": "string"},
        "license": {"title": "License", "type": "string"},
        "keywords": {"title": "Keywords", "type": "array"},
    }
)
"""What collections can be filtered by, besides their extents."""

SORTABLES = {name: PROPERTIES.definitions[name] for name in ("id", "title", "license")}
"""What collections can be sorted by."""

REQUIRED = {"type", "stac_version", "id", "description", "license", "extent", "links"}
"""Members without which a collection is none: clients fail over what lacks them."""


def parameters(request: Request, **given: Any) -> dict[str, Any]:
    """The parameters of `GET /collections` as stac-fastapi-pgstac takes them."""
    tree = filter_of_get(request, **given)
    return {
        **given,
        "filter_expr": None if tree is None else rewrite(tree, PROPERTIES),
        "datetime": given.get("datetime") and times.interval(given["datetime"]),
        "fields": _fields(given.get("fields")),
        "sortby": _sortby(given.get("sortby")),
    }


def for_pgstac(
    clean: Callable[..., dict[str, Any]], base_args: dict[str, Any], **given: Any
) -> dict[str, Any]:
    """What stac-fastapi-pgstac makes of the parameters, with our filter and our place."""
    bbox = base_args.pop("bbox", None)
    wanted = clean(base_args=base_args, **{**given, "filter_query": None})
    if given.get("filter_query") is not None:
        wanted["filter"] = given["filter_query"]
    if bbox is not None:
        wanted["intersects"] = place(bbox, None)
    return wanted


def _fields(names: list[str] | None) -> list[str] | None:
    """The `fields` asked for; with any to include, those that must be there as well."""
    names = [name.strip().removeprefix("+") for name in names or () if name.strip(" +-")]
    excluded = {name for name in names if name.startswith("-")}
    kept = {name for name in names if not name.startswith("-")}
    required = {name for name in REQUIRED if f"-{name}" not in excluded} if kept else set()
    return sorted(excluded | kept | required) or None


def _sortby(names: list[str] | None) -> list[str] | None:
    for name in names or ():
        bare = name.strip(" +").removeprefix("-")
        if bare not in SORTABLES:
            raise InvalidParameter(f"sortby cannot order collections by '{bare[:100]}'")
    return names

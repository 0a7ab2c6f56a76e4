"""Searches of items, whichever way they were asked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from stac_fastapi.pgstac.utils import clean_exclude_set
from starlette.requests import Request

from tessera_api import geometries, times
from tessera_api.errors import InvalidFilter, InvalidParameter
from tessera_api.filters.parse import check_crs, parse
from tessera_api.filters.properties import YEAR, Properties, names
from tessera_api.filters.query import as_cql2
from tessera_api.filters.rewrite import rewrite
from tessera_api.settings import DEFAULT_LIMIT


@dataclass(frozen=True)
class Token:
    """Where a page begins: behind an item, or before it when `backward`."""

    collection: str | None = None
    id: str | None = None
    backward: bool = False

    @classmethod
    def read(cls, text: str | None) -> Token:
        """The token of a request, as pgSTAC writes it; InvalidParameter when it is none."""
        if text is None:
            return cls()
        match = _TOKEN.fullmatch(text.lower())
        if match is None:
            raise InvalidParameter(f"token '{text[:60]}' is not one of a link")
        try:
            collection, item_id = (bytes.fromhex(part).decode() for part in match.groups()[1:])
        except UnicodeDecodeError as error:
            raise InvalidParameter(f"token '{text[:60]}' is not one of a link") from error
        return cls(collection, item_id, match[1] == "prev")

    def write(self) -> str:
        """The token less its direction, which stac-fastapi puts before it."""
        return ":".join(str(part).encode().hex() for part in (self.collection, self.id))


_TOKEN = re.compile(r"(next|prev):((?:[0-9a-f]{2})+):((?:[0-9a-f]{2})+)")


@dataclass
class Search:
    """One search of items, whichever way it was asked."""

    collections: list[str] | None = None
    ids: list[str] | None = None
    bbox: list[float] | None = None
    intersects: Any = None
    datetime: str | None = None
    filter: Any = None
    query: Any = None
    sortby: list[dict[str, str]] = field(default_factory=list)
    include: set[str] = field(default_factory=set)
    exclude: set[str] = field(default_factory=set)
    limit: int = DEFAULT_LIMIT
    token: Token = Token()

    def for_pgstac(self, properties: Properties) -> dict[str, Any]:
        """What is matched and how it is sorted, as pgSTAC's search() takes it.

        InvalidParameter when a value is not what its parameter takes.
        """
        wanted = {
            "collections": self.collections,
            "ids": self.ids,
            "datetime": None if self.datetime is None else times.interval(self.datetime),
            "intersects": place(self.bbox, self.intersects),
            "filter": self._filter(properties),
            "sortby": [sort_field(each, properties) for each in self.sortby] or None,
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def warnings(self, properties: Properties) -> list[str]:
        """What a client should know of a search that was answered all the same."""
        named = names(self.filter) | set(self.query or ())
        return [
            f"no item has the property '{name[:100]}': see the queryables"
            for name in sorted(named)
            if not properties.get(name).known
        ]

    def _filter(self, properties: Properties) -> Any:
        parts = [] if self.filter is None else [self.filter]
        if self.query is not None:
            parts.append(as_cql2(self.query, properties))
        if not parts:
            return None
        return rewrite(parts[0] if len(parts) == 1 else {"op": "and", "args": parts}, properties)


def of_get(request: Request, **given: Any) -> Search:
    """The search of a GET request's parameters, as stac-fastapi hands them over."""
    include, exclude = _fields(given.get("fields") or ())
    return Search(
        collections=given.get("collections"),
        ids=given.get("ids"),
        bbox=given.get("bbox"),
        intersects=json_parameter("intersects", given.get("intersects")),
        datetime=given.get("datetime"),
        filter=filter_of_get(request, **given),
        query=json_parameter("query", given.get("query")),
        sortby=[_direction(name) for name in given.get("sortby") or ()],
        include=include,
        exclude=exclude,
        limit=given.get("limit") or DEFAULT_LIMIT,
        token=Token.read(given.get("token")),
    )


def of_post(body: Any) -> Search:
    """The search of a POST request's body, a SearchPost with the fields of the extensions."""
    fields = body.fields
    include = set((fields and fields.include) or ())
    exclude = set((fields and fields.exclude) or ())
    check_crs(body.filter_crs)
    return Search(
        collections=body.collections,
        ids=body.ids,
        bbox=body.bbox,
        intersects=body.intersects,
        datetime=body.datetime,
        filter=None if body.filter_expr is None else parse(body.filter_expr, body.filter_lang),
        query=body.query,
        sortby=[{"field": s.field, "direction": s.direction.value} for s in body.sortby or ()],
        include=include,
        exclude=clean_exclude_set(exclude, include) if include else exclude,
        limit=body.limit or DEFAULT_LIMIT,
        token=Token.read(body.token),
    )


def filter_of_get(request: Request, **given: Any) -> Any:
    """The parsed filter of a GET request; None when it has none."""
    check_crs(given.get("filter_crs"))
    text = given.get("filter_expr")
    if text is None or not text.strip():
        return None
    return parse(text, given.get("filter_lang"), raw=_with_plus(request))


def _with_plus(request: Request) -> str | None:
    """The `filter` of the URL with its plus signs kept."""
    pairs = parse_qsl(request.url.query.replace("+", "%2B"), keep_blank_values=True)
    return next((unquote(value) for name, value in pairs if name == "filter"), None)


def json_parameter(name: str, text: str | None) -> Any:
    """The value of a parameter that is JSON; InvalidParameter when it is not."""
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidParameter(f"{name} is not JSON: {error}") from error


def place(bbox: Iterable[Any] | None, intersects: Any) -> dict[str, Any] | None:
    """The one geometry that items must meet, as GeoJSON; None when there is none."""
    if bbox is not None and intersects is not None:
        raise InvalidParameter("bbox and intersects exclude each other")
    if bbox is not None:
        return geometries.geojson(geometries.box(list(bbox)))
    return None if intersects is None else geometries.geojson(geometries.geometry(intersects))


def _direction(name: str) -> dict[str, str]:
    """A member of the `sortby` of a URL: `-name` or `+name`, where plus may be a space by now."""
    descending = name.startswith("-")
    return {
        "field": name.removeprefix("-").removeprefix("+").strip(),
        "direction": "desc" if descending else "asc",
    }


def sort_field(each: dict[str, str], properties: Properties) -> dict[str, str]:
    """A member of `sortby`, as pgSTAC takes it; InvalidParameter when there is no such order."""
    try:
        found = properties.get(each["field"])
    except InvalidFilter as error:
        raise InvalidParameter(f"sortby: {error}") from error
    if not found.sortable:
        raise InvalidParameter(f"sortby cannot order by '{found.name[:100]}': see the sortables")
    name = "datetime" if found.name in (YEAR, "start_datetime") else found.name
    return {"field": name, "direction": each["direction"]}


def _fields(names: Iterable[str]) -> tuple[set[str], set[str]]:
    """What the `fields` of a URL include and exclude; what is included is not excluded."""
    named = [name.strip() for name in names if name.strip()]
    exclude = {name[1:] for name in named if name.startswith("-")}
    include = {name.removeprefix("+") for name in named if not name.startswith("-")}
    return include, clean_exclude_set(exclude, include) if include else exclude

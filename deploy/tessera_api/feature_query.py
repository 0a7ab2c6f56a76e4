"""What features are asked for, in the URL, as conditions on a table."""

from __future__ import annotations

import re
from typing import Any, Literal

from cql2 import Expr
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.search import Limit

from tessera_api import geometries, times
from tessera_api.errors import InvalidParameter
from tessera_api.filters.columns import condition
from tessera_api.filters.operands import Json
from tessera_api.filters.parse import Language
from tessera_api.searches import filter_of_get
from tessera_api.settings import DEFAULT_LIMIT
from tessera_api.tables import Table

MAX_OFFSET = 10_000_000
"""Features that may be passed over; PostgreSQL reads all of them."""

ID = re.compile("[0-9]{1,15}")
"""An id that a feature may have."""


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
            ids = [int(each) for each in _split(self.ids) if ID.fullmatch(each)]
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

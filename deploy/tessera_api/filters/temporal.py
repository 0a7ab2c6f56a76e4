"""Temporal functions: Allen's relations between instants and intervals."""

from __future__ import annotations

from typing import Any

from tessera_api import times
from tessera_api.errors import InvalidFilter, InvalidParameter
from tessera_api.filters.operands import Json, exactly
from tessera_api.filters.properties import Kind, Properties

FUNCTIONS = {
    "t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedby",
    "t_finishes", "t_intersects", "t_meets", "t_metby", "t_overlappedby", "t_overlaps",
    "t_startedby", "t_starts",
}  # fmt: skip

ITEM_INTERVAL = {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]}
"""What `datetime` is to these functions: an item's whole time, not the start of it."""


def function(name: str, arguments: list[Any], properties: Properties) -> Json:
    """A temporal function as pgSTAC takes it."""
    operands = [_operand(argument, properties) for argument in exactly(2, name, arguments)]
    return {"op": name, "args": operands}


def _operand(node: Json, properties: Properties) -> Json:
    if isinstance(node, dict) and "interval" in node:
        ends = node["interval"]
        if not isinstance(ends, list):
            raise InvalidFilter("an interval must be a list of two ends")
        start, end = (_end(each, properties) for each in exactly(2, "an interval", ends))
        if _reversed(start, end):
            raise InvalidFilter(f"the interval from {start} to {end} ends before it starts")
        return {"interval": [start, end]}
    if isinstance(node, dict) and "property" in node:
        name = _property(node, properties)
        return ITEM_INTERVAL if name == "datetime" else {"property": name}
    return _literal(node)


def _end(node: Json, properties: Properties) -> Json:
    if isinstance(node, dict) and "property" in node:
        return {"property": _property(node, properties)}
    if node in times.OPEN:
        return ".."
    literal = _literal(node)
    return literal["timestamp"] if "timestamp" in literal else literal["date"]


def _property(node: dict[str, Any], properties: Properties) -> str:
    found = properties.get(node["property"])
    if found.kind not in (Kind.TIME, Kind.UNKNOWN):
        raise InvalidFilter(
            f"temporal functions take times; property '{found.name}' is {found.kind.value}"
        )
    return found.name


def _literal(node: Json) -> dict[str, str]:
    """A date, which is its whole day here, or a timestamp; also of a text alone."""
    text = node.get("date", node.get("timestamp")) if isinstance(node, dict) else node
    if not isinstance(text, str):
        raise InvalidFilter("temporal functions take properties, dates, timestamps and intervals")
    try:
        instant = times.instant(text)
    except InvalidParameter as error:
        raise InvalidFilter(str(error)) from error
    if times.is_date(instant) and not (isinstance(node, dict) and "timestamp" in node):
        return {"date": instant}
    return {"timestamp": instant}


def _reversed(start: Json, end: Json) -> bool:
    texts = isinstance(start, str) and isinstance(end, str) and ".." not in (start, end)
    return texts and times.first(start) > times.last(end)

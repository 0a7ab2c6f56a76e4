"""Array functions, which compare arrays as sets of texts."""

from __future__ import annotations

from typing import Any

from tessera_api.errors import InvalidFilter
from tessera_api.filters.operands import Json, exactly
from tessera_api.filters.properties import Kind, Properties

SPELLINGS = {
    "a_containedby": "a_contained_by",
    # How pgSTAC, and with it STAC Browser, spells it.
    "a_contained_by": "a_contained_by",
    "a_contains": "a_contains",
    "a_equals": "a_equals",
    "a_overlaps": "a_overlaps",
}
"""The functions by every name they have, and pgSTAC's name of each."""


def function(name: str, arguments: list[Any], properties: Properties) -> Json:
    """An array function as pgSTAC takes it."""
    operands = [_operand(name, node, properties) for node in exactly(2, name, arguments)]
    if all(isinstance(operand, list) for operand in operands):
        return _between_literals(name, *(set(operand) for operand in operands))
    if name == "a_equals":
        # Sets are equal whatever the order of their members; pgSTAC would compare lists.
        both = ("a_contains", "a_contained_by")
        return {"op": "and", "args": [{"op": each, "args": operands} for each in both]}
    return {"op": SPELLINGS[name], "args": operands}


def _operand(name: str, node: Json, properties: Properties) -> Json:
    if isinstance(node, list):
        # pgSTAC takes a list in the place of a text for one value.
        if not all(isinstance(member, str) and "\u0000" not in member for member in node):
            raise InvalidFilter(f"{name.upper()} compares arrays of texts: other members are not")
        return node
    if isinstance(node, dict) and "property" in node:
        found = properties.get(node["property"])
        if found.kind not in (Kind.ARRAY, Kind.UNKNOWN):
            raise InvalidFilter(
                f"{name.upper()} takes arrays; property '{found.name}' is {found.kind.value}"
            )
        return {"property": found.name}
    raise InvalidFilter(f"{name.upper()} takes a property that is an array, and a list of texts")


def _between_literals(name: str, left: set[str], right: set[str]) -> bool:
    return {
        "a_contains": left >= right,
        "a_contained_by": left <= right,
        "a_equals": left == right,
        "a_overlaps": bool(left & right),
    }[name if name == "a_equals" else SPELLINGS[name]]

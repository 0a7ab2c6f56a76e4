"""Filters of plain tables: a parsed filter as the CQL2 that cql2 writes sound SQL of.

What is checked and how operands are brought together is said once, in `rewrite`; here what it
makes for pgSTAC is put into functions of PostgreSQL. No other function gets as far as the SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cql2 import Expr

from tessera_api import times
from tessera_api.errors import InvalidFilter
from tessera_api.filters.operands import Json
from tessera_api.filters.properties import Kind, Properties, Property
from tessera_api.filters.rewrite import rewrite

GEOMETRY = "geometry"
"""What the spatial functions call the one geometry, whatever its column is called."""

_FUNCTIONS = {
    "accenti": "unaccent",
    "a_contained_by": "a_containedBy",
    # cql2 writes @@ for it, which is another operator of PostgreSQL's.
    "a_overlaps": "arrayoverlap",
    "geotessera_number": "float8",
    "geotessera_add": "float8pl",
    "geotessera_subtract": "float8mi",
    "geotessera_multiply": "float8mul",
    "geotessera_divide": "float8div",
    "geotessera_power": "dpow",
}
_ARRAYS = ("a_contains", "a_contained_by", "a_overlaps")

_NO_TEXTS = {"op": "string_to_array", "args": ["", ","]}
"""An empty list, of which PostgreSQL would not know the type."""


class Columns(Properties):
    """The properties that are columns of a table; there are no others."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        """From the columns a filter may name; one of them may be a geometry."""
        self._of_column = {
            name: Property(GEOMETRY if kind is Kind.GEOMETRY else name, kind)
            for name, kind in kinds.items()
        }
        self.geometry = next(name for name, kind in kinds.items() if kind is Kind.GEOMETRY)

    def get(self, name: Any) -> Property:
        """The column of that name; InvalidFilter when there is none."""
        found = self._of_column.get(self.geometry if name == GEOMETRY else name)
        if found is None:
            known = ", ".join(self._of_column)
            raise InvalidFilter(f"there is no property '{str(name)[:60]}' to filter by: {known}")
        return found


def condition(tree: Json, columns: Columns) -> Expr:
    """The condition of a filter; InvalidFilter, naming the part, when it cannot be answered."""
    return Expr(_as_sql(rewrite(tree, columns), columns))


def _as_sql(node: Json, columns: Columns) -> Json:
    if isinstance(node, list):
        return [_as_sql(each, columns) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("property") == GEOMETRY:
        return {"property": columns.geometry}
    if "date" in node:
        # cql2 ends a day at a fraction of a second that PostgreSQL rounds to the next day.
        return {"interval": [times.first(node["date"]), times.last(node["date"])]}
    if "op" not in node:
        return node
    name, arguments = node["op"], [_as_sql(each, columns) for each in node["args"]]
    if name in _ARRAYS:
        arguments = [each or _NO_TEXTS for each in arguments]
    if name == "geotessera_modulo":
        exact = [{"op": "numeric", "args": [each]} for each in arguments]
        return {"op": "float8", "args": [{"op": "mod", "args": exact}]}
    if name == "geotessera_divide_whole":
        return {"op": "trunc", "args": [{"op": "float8div", "args": arguments}]}
    return {"op": _FUNCTIONS.get(name, name), "args": arguments}

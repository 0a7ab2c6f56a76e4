"""The Query extension's filters, which say less than CQL2, as CQL2."""

from __future__ import annotations

import re
from typing import Any

from tessera_api.errors import InvalidFilter
from tessera_api.filters import bounds
from tessera_api.filters.operands import Json
from tessera_api.filters.properties import Kind, Properties

COMPARISONS = {
    "eq": "=",
    "neq": "<>",
    "ne": "<>",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
}
PATTERNS = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%"}


def as_cql2(query: Any, properties: Properties) -> Json:
    """A tree of CQL2 that asks what `{property: {operator: value}}` does.

    InvalidFilter when the query is none, or beyond the bounds of filters.
    """
    bounds.check_tree(query)
    if not isinstance(query, dict) or not query:
        raise InvalidFilter("query must be an object with an object of operators a property")
    return {
        "op": "and",
        "args": [
            _condition(name, operator, value, properties)
            for name, conditions in query.items()
            for operator, value in _operators(conditions)
        ],
    }


def _operators(conditions: Any) -> list[tuple[str, Any]]:
    if not isinstance(conditions, dict):
        return [("eq", conditions)]
    if not conditions:
        raise InvalidFilter("query has a property without an operator")
    return list(conditions.items())


def _condition(name: str, operator: str, value: Any, properties: Properties) -> Json:
    left = {"property": name}
    if operator in COMPARISONS:
        return {"op": COMPARISONS[operator], "args": [left, value]}
    if operator == "in":
        return {"op": "in", "args": [left, value]}
    if operator not in PATTERNS:
        known = ", ".join([*COMPARISONS, "in", *PATTERNS])
        raise InvalidFilter(f"query has no operator '{operator[:40]}'; it has {known}")
    if not isinstance(value, str):
        raise InvalidFilter(f"{operator} takes a text")
    if operator == "contains" and properties.get(name).kind is Kind.ARRAY:
        return {"op": "a_contains", "args": [left, [value]]}
    escaped = re.sub(r"([\\%_])", r"\\\1", value)
    return {"op": "like", "args": [left, PATTERNS[operator].format(escaped)]}

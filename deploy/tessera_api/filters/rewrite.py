"""A parsed filter as the CQL2 JSON that pgSTAC answers rightly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tessera_api.errors import InvalidFilter
from tessera_api.filters import arrays, spatial, temporal
from tessera_api.filters.operands import (
    FOLDS,
    Json,
    Operand,
    comparable,
    exactly,
    operator,
    scalar,
    unified,
)
from tessera_api.filters.properties import Kind, Properties

COMPARISONS = {"=", "<>", "<", "<=", ">", ">="}

ALIASES = {"!=": "<>", "eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=",
           "intersects": "s_intersects", "anyinteracts": "t_intersects"}  # fmt: skip
"""Names of drafts of CQL2 that clients still send."""

_CONSTANT = {True: {"op": "=", "args": [1, 1]}, False: {"op": "=", "args": [1, 0]}}
"""pgSTAC has no boolean constants."""


def rewrite(tree: Json, properties: Properties) -> Json:
    """The tree for pgSTAC; InvalidFilter, naming the part, when it is not supported or no CQL2."""
    return _plain(_predicate(tree, properties))


def _plain(predicate: Json) -> Json:
    return _CONSTANT[predicate] if isinstance(predicate, bool) else predicate


def _predicate(node: Json, properties: Properties) -> Json:
    """What is true or false of an item; True or False itself where it is so of all."""
    if isinstance(node, bool):
        return node
    if not isinstance(node, dict):
        raise InvalidFilter("a filter must be a comparison or a function, not a value")
    if "property" in node:
        found = properties.get(node["property"])
        if found.kind not in (Kind.BOOLEAN, Kind.UNKNOWN):
            raise InvalidFilter(f"property '{found.name}' is {found.kind.value}, not true or false")
        return {"op": "=", "args": [{"property": found.name}, True]}
    name, arguments = operator(node)
    name = ALIASES.get(name, name)
    handler = _handler(name)
    if handler is None:
        raise InvalidFilter(f"'{str(node['op'])[:40]}' is not supported")
    return handler(name, arguments, properties)


Handler = Callable[[str, list[Any], Properties], Json]


def _handler(name: str) -> Handler | None:
    if name in COMPARISONS:
        return _comparison
    if name in spatial.FUNCTIONS:
        return spatial.function
    if name in temporal.FUNCTIONS:
        return temporal.function
    if name in arrays.SPELLINGS:
        return arrays.function
    return {
        "and": _junction,
        "or": _junction,
        "not": _negation,
        "isnull": _is_null,
        "like": _like,
        "between": _between,
        "in": _in,
    }.get(name)


def _junction(name: str, arguments: list[Any], properties: Properties) -> Json:
    if not arguments:
        raise InvalidFilter(f"{name} takes at least one operand")
    parts = [_predicate(argument, properties) for argument in arguments]
    decided = name == "or"  # true decides an OR, false an AND
    if any(part is decided for part in parts):
        return decided
    open_parts = [part for part in parts if not isinstance(part, bool)]
    return {"op": name, "args": open_parts} if open_parts else not decided


def _negation(name: str, arguments: list[Any], properties: Properties) -> Json:
    (argument,) = exactly(1, name, arguments)
    part = _predicate(argument, properties)
    return not part if isinstance(part, bool) else {"op": "not", "args": [part]}


def _comparison(name: str, arguments: list[Any], properties: Properties) -> Json:
    left, right = exactly(2, name, arguments)
    for predicate, truth in ((left, right), (right, left)):
        if isinstance(truth, bool) and _is_predicate(predicate):
            return _truth(name, predicate, truth, properties)
    operands = unified([scalar(left, properties), scalar(right, properties)], name)
    _check_scalar(name, operands)
    return {"op": name, "args": comparable(operands)}


def _is_predicate(node: Json) -> bool:
    """Whether a node is an operator that is true or false, and not a value to compare."""
    if not isinstance(node, dict) or "op" not in node:
        return False
    name, _ = operator(node)
    return _handler(ALIASES.get(name, name)) is not None


def _truth(name: str, node: Json, truth: bool, properties: Properties) -> Json:
    """A predicate compared with TRUE or FALSE."""
    if name not in ("=", "<>"):
        raise InvalidFilter(f"{name} cannot compare truth; = and <> can")
    wanted = truth if name == "=" else not truth
    return _predicate(node if wanted else {"op": "not", "args": [node]}, properties)


def _is_null(name: str, arguments: list[Any], properties: Properties) -> Json:
    (node,) = exactly(1, name, arguments)
    if not isinstance(node, dict) or "property" not in node:
        raise InvalidFilter("IS NULL takes a property")
    found = properties.get(node["property"])
    return {"op": "isNull", "args": [{"property": found.name}]}


def _like(name: str, arguments: list[Any], properties: Properties) -> Json:
    nodes = exactly(2, name, arguments)
    operands = unified([scalar(node, properties) for node in nodes], "LIKE", Kind.TEXT)
    pattern = nodes[1]
    while isinstance(pattern, dict) and str(pattern.get("op")).lower() in FOLDS:
        (pattern,) = pattern["args"]
    if not isinstance(pattern, str):
        raise InvalidFilter("LIKE takes a pattern that is a text")
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise InvalidFilter("the pattern of LIKE ends with a backslash that escapes nothing")
    return {"op": "like", "args": [operand.json for operand in operands]}


def _between(name: str, arguments: list[Any], properties: Properties) -> Json:
    if len(arguments) == 2 and isinstance(arguments[1], list):
        arguments = [arguments[0], *arguments[1]]  # as in drafts of CQL2
    nodes = exactly(3, name, arguments)
    operands = unified([scalar(node, properties) for node in nodes], "BETWEEN")
    _check_scalar("BETWEEN", operands)
    return {"op": "between", "args": comparable(operands)}


def _in(name: str, arguments: list[Any], properties: Properties) -> Json:
    value, members = exactly(2, name, arguments)
    if not isinstance(members, list):
        raise InvalidFilter("IN takes a value and a list of values")
    operands = [scalar(node, properties) for node in (value, *members)]
    if not members:
        return False
    operands = unified(operands, "IN")
    _check_scalar("IN", operands)
    first, *rest = comparable(operands)
    return {"op": "in", "args": [first, rest]}


def _check_scalar(name: str, operands: list[Operand]) -> None:
    kind = operands[0].kind
    if kind in (Kind.ARRAY, Kind.GEOMETRY):
        what = "array" if kind is Kind.ARRAY else "spatial"
        raise InvalidFilter(f"{name} does not compare {kind.value}; the {what} functions do")
    if kind is Kind.BOOLEAN and name not in ("=", "<>", "IN"):
        raise InvalidFilter(f"{name} does not compare {kind.value}; = and <> do")

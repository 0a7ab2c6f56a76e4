"""Scalar expressions of a filter: what they are, and how pgSTAC is to read them.

pgSTAC reads the literals beside a property by that property's type, the first property's where
there are two. An operand that must be read by itself is therefore wrapped (`alone`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tessera_api import times
from tessera_api.errors import InvalidFilter, InvalidParameter
from tessera_api.filters.properties import Kind, Properties, Property

Json = Any

ARITHMETIC = {
    "+": "geotessera_add",
    "-": "geotessera_subtract",
    "*": "geotessera_multiply",
    "/": "geotessera_divide",
    "%": "geotessera_modulo",
    "^": "geotessera_power",
    "div": "geotessera_divide_whole",
}
"""CQL2's operators, and our own of pgSTAC's table of operators, which put brackets around
themselves, calculate with floats and make a division by zero null."""

FOLDS = ("casei", "accenti")
"""Functions that make texts equal which differ by case or by accents."""

_DECIMAL = re.compile(r"\s*[-+]?\d{1,30}(\.\d{0,30})?([eE][-+]?\d{1,3})?\s*")


@dataclass(frozen=True)
class Operand:
    """One side of a comparison. `folds` are the functions around it, the outermost first."""

    json: Json
    kind: Kind
    property: Property | None = None
    literal: bool = False
    folds: tuple[str, ...] = ()


def scalar(node: Json, properties: Properties) -> Operand:
    """Read an operand of a comparison; InvalidFilter when it is none."""
    if isinstance(node, dict):
        return _expression(node, properties)
    if isinstance(node, bool):
        return Operand(node, Kind.BOOLEAN, literal=True)
    if isinstance(node, int | float):
        return Operand(_number(node), Kind.NUMBER, literal=True)
    if isinstance(node, str):
        return Operand(_text(node), Kind.TEXT, literal=True)
    what = "null" if node is None else "a list"
    raise InvalidFilter(f"{what} cannot be compared; use IS NULL, IN or the array functions")


def _expression(node: dict[str, Any], properties: Properties) -> Operand:
    if "property" in node:
        found = properties.get(node["property"])
        return Operand({"property": found.name}, found.kind, found)
    if "op" in node:
        return _function(node, properties)
    if "date" in node or "timestamp" in node:
        return Operand(moment(node), Kind.TIME, literal=True)
    if "interval" in node:
        raise InvalidFilter("an interval can be compared by the temporal functions only")
    if "type" in node or "bbox" in node:
        raise InvalidFilter("a geometry can be compared by the spatial functions only")
    raise InvalidFilter(f"an operand with {' and '.join(sorted(node)) or 'nothing'} is not CQL2")


def _function(node: dict[str, Any], properties: Properties) -> Operand:
    name, arguments = operator(node)
    if name in FOLDS:
        (inner,) = exactly(1, name, arguments)
        (operand,) = unified([scalar(inner, properties)], name.upper(), Kind.TEXT)
        return replace(
            operand, json={"op": name, "args": [operand.json]}, folds=(name, *operand.folds)
        )
    if name in ARITHMETIC:
        operands = [scalar(argument, properties) for argument in exactly(2, name, arguments)]
        numbers = unified(operands, name, Kind.NUMBER)
        return Operand({"op": ARITHMETIC[name], "args": [alone(n) for n in numbers]}, Kind.NUMBER)
    raise InvalidFilter(f"{str(node['op'])[:40]} is not supported as a value to compare")


def operator(node: dict[str, Any]) -> tuple[str, list[Any]]:
    """Name, in lower case, and arguments of an operator's node."""
    name, arguments = node.get("op"), node.get("args")
    if not isinstance(name, str) or not isinstance(arguments, list):
        raise InvalidFilter("an operator needs 'op', a text, and 'args', a list")
    return name.lower(), arguments


def exactly(count: int, name: str, arguments: list[Any]) -> list[Any]:
    """The arguments, when they are so many."""
    if len(arguments) != count:
        raise InvalidFilter(f"{name} takes {count} operands, not {len(arguments)}")
    return arguments


def alone(operand: Operand) -> Json:
    """An operand that pgSTAC reads by itself, not by the type of what is beside it."""
    if operand.kind is Kind.NUMBER and (operand.property or operand.literal):
        return {"op": "geotessera_number", "args": [operand.json]}
    if operand.property is None:
        return operand.json
    # pgSTAC takes for text what it does not know; brackets alone are an AND of one.
    cast = operand.kind is Kind.TIME and not operand.property.known
    return {"op": "geotessera_time" if cast else "and", "args": [operand.json]}


def unified(operands: Sequence[Operand], name: str, kind: Kind | None = None) -> list[Operand]:
    """Operands of one kind, literals brought to it; InvalidFilter when they cannot be.

    The kind is that of the first operand that is no literal and has one. What is folded on one
    side is folded on all: a folded text never equals one that is not.
    """
    having = [o for o in operands if o.kind is not Kind.UNKNOWN]
    first = next((o for o in having if not o.literal), next(iter(having), None))
    wanted = kind or (first.kind if first else Kind.TEXT)
    folds = max((operand.folds for operand in operands), key=len)
    brought = [_folded(_brought(operand, wanted), folds) for operand in operands]
    for operand in brought:
        if operand.kind is not wanted:
            raise InvalidFilter(
                f"{name} compares {wanted.value} with {operand.kind.value}: {_shown(operand)}"
            )
    return brought


def comparable(operands: Sequence[Operand]) -> list[Json]:
    """Unified operands as arguments that pgSTAC reads rightly beside each other."""
    direct = [o for o in operands if o.property is not None and not o.folds]
    # pgSTAC reads a literal by the property beside it, or else by what stands further out.
    whole = any(o.property.whole for o in direct if o.property)
    apart = (
        len(direct) != 1
        or not all(o.property.known for o in direct if o.property)
        or (whole and any(_may_be_no_integer(o) for o in operands))
    )
    return [alone(o) if apart and not o.folds else o.json for o in operands]


def _may_be_no_integer(operand: Operand) -> bool:
    """Whether an operand may be what the database's integers cannot: a fraction, or too large."""
    if operand.literal:
        return bool(operand.json != math.floor(operand.json) or abs(operand.json) >= 2**31)
    return operand.property is None


def _brought(operand: Operand, kind: Kind) -> Operand:
    if operand.kind is Kind.UNKNOWN and kind not in (Kind.ARRAY, Kind.GEOMETRY):
        return replace(operand, kind=kind)
    if not operand.literal or operand.kind is kind or operand.folds:
        return operand
    # Clients write numbers and times as texts: QGIS, and whoever builds a query by hand.
    if operand.kind is Kind.TEXT and kind is Kind.TIME:
        return replace(operand, json=moment({"timestamp": operand.json}), kind=kind)
    if operand.kind is Kind.TEXT and kind is Kind.NUMBER and _DECIMAL.fullmatch(operand.json):
        return replace(operand, json=_number(float(operand.json)), kind=kind)
    return operand


def _folded(operand: Operand, folds: tuple[str, ...]) -> Operand:
    if operand.folds == folds or operand.kind is not Kind.TEXT:
        return operand
    json = operand.json
    for name in reversed([fold for fold in folds if fold not in operand.folds]):
        json = {"op": name, "args": [json]}
    return replace(operand, json=json, folds=folds)


def moment(node: dict[str, Any]) -> Json:
    """A date or timestamp literal as the instant it is compared as: a date is its midnight."""
    text = node.get("date", node.get("timestamp"))
    if not isinstance(text, str):
        raise InvalidFilter("a date or a timestamp must be a text")
    try:
        return {"timestamp": times.instant(text)}
    except InvalidParameter as error:
        raise InvalidFilter(str(error)) from error


def _number(value: float) -> float:
    """A finite number, as an integer if it is a whole one that a float holds exactly.

    The parser of text makes floats of all, and JSON has integers that no database holds.
    """
    if not abs(value) <= 1e300:  # nor is NaN
        raise InvalidFilter("a number of the filter is not finite")
    return int(value) if abs(value) < 2**53 and value == math.floor(value) else float(value)


def _text(value: str) -> str:
    if "\u0000" in value:
        raise InvalidFilter("a text of the filter has a NUL character")
    return value


def _shown(operand: Operand) -> str:
    if operand.property is not None:
        return f"property '{operand.property.name}'"
    return f"'{str(operand.json)[:60]}'" if operand.literal else "a calculation"

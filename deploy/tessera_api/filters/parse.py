"""A filter as clients send it, made into the tree that CQL2 JSON is."""

from __future__ import annotations

import re
from typing import Any, Literal

import cql2
import orjson

from tessera_api.errors import InvalidFilter
from tessera_api.filters import bounds

Language = Literal["cql2-text", "cql2-json"]

CRS = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:4326", "OGC:CRS84")
"""Coordinate systems of a filter's geometries that are longitude and latitude as ours are."""

_EMPTY_LIST = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")|(?i:(?<=[\s,])|(?<=\bin))\(\s*\)")
_NOTHING = "('\u0000')"
"""Stands for `()`, an empty list, which the parser has no rule for; no text may hold a NUL."""

_IS_TRUTH = re.compile(
    r"('(?:[^']|'')*'|\"[^\"]*\")|\bIS\s+(?P<negated>NOT\s+)?(?P<truth>TRUE|FALSE)\b", re.I
)


def parse(
    expression: str | dict[str, Any] | bool,
    language: Language | None = None,
    *,
    raw: str | None = None,
) -> Any:
    """The tree of a filter; InvalidFilter when it is too large, or not of the language.

    `raw` is the same text where each plus sign of the URL was kept: form encoding makes spaces of
    them, and QGIS sends plus signs that mean plus. What parses with spaces is taken first.
    """
    if isinstance(expression, str) and _is_text(expression, language):
        try:
            tree = _parse_text(expression)
        except InvalidFilter:
            if raw is None or raw == expression:
                raise
            tree = _parse_text(raw)
    else:
        tree = _parse_json(expression) if isinstance(expression, str) else expression
        bounds.check_tree(tree)
    return tree


def check_crs(crs: str | None) -> None:
    """InvalidFilter unless the geometries of a filter are in longitude and latitude."""
    if crs is not None and crs not in CRS:
        raise InvalidFilter(f"filter-crs must be {CRS[0]}: '{crs[:80]}' is not supported")


def _is_text(expression: str, language: Language | None) -> bool:
    if language is None:
        return not expression.lstrip().startswith("{")
    return language == "cql2-text"


def _parse_json(text: str) -> Any:
    if len(text) > bounds.MAX_CHARACTERS:
        raise InvalidFilter(f"the filter is longer than {bounds.MAX_CHARACTERS} characters")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidFilter(f"the filter is not JSON: {error}") from error


def _parse_text(text: str) -> Any:
    if "\u0000" in text:
        raise InvalidFilter("the filter has a NUL character")
    bounds.check_text(text)
    text, empty = _EMPTY_LIST.subn(lambda match: match[1] or _NOTHING, text)
    text = _IS_TRUTH.sub(lambda match: match[1] or _comparison(match), text)
    try:
        tree = cql2.parse_text(text).to_json()
    except cql2.ParseError as error:
        raise InvalidFilter(f"the filter is not CQL2 text: {_where(str(error))}") from error
    except Exception as error:  # of geometries it raises plain exceptions
        raise InvalidFilter(f"the filter is not CQL2 text: {_first_line(str(error))}") from error
    bounds.check_tree(tree)
    return _emptied(tree) if empty else tree


def _comparison(match: re.Match[str]) -> str:
    """`IS TRUE`, which is no CQL2 but what QGIS writes, as a comparison."""
    return f"{'<>' if match['negated'] else '='} {match['truth']}"


def _emptied(node: Any) -> Any:
    """The tree with empty lists where the text had them."""
    if isinstance(node, dict):
        return {key: _emptied(value) for key, value in node.items()}
    if isinstance(node, list):
        return [] if node == ["\u0000"] else [_emptied(value) for value in node]
    return [] if node == "\u0000" else node


def _where(message: str) -> str:
    """`at character 9: …` from the parser's drawing of the place."""
    place = re.search(r"--> (\d+):(\d+)", message)
    expected = re.search(r"= (expected .*)", message)
    if place is None or expected is None:
        return _first_line(message)
    line = f"line {place[1]}, " if place[1] != "1" else ""
    return f"{line}character {place[2]}: {expected[1]}"


def _first_line(message: str) -> str:
    return next(iter(message.strip().splitlines()), "it cannot be read")[:200]

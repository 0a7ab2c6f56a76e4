"""Filters as clients write them, and the tree each is read as."""

from __future__ import annotations

from typing import Any

import pytest

from tessera_api.errors import InvalidFilter
from tessera_api.filters.parse import check_crs, parse

A = {"property": "a"}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = 1", {"op": "=", "args": [A, 1]}),
        ("a IN ()", {"op": "in", "args": [A, []]}),
        ("a NOT IN ( )", {"op": "not", "args": [{"op": "in", "args": [A, []]}]}),
        ("A_EQUALS(a, ())", {"op": "a_equals", "args": [A, []]}),
        ("a = '()' AND b IN ()", None),
        ("a IS TRUE", {"op": "=", "args": [A, True]}),
        ("(a IS NOT TRUE)", {"op": "<>", "args": [A, True]}),
        ("a is false", {"op": "=", "args": [A, False]}),
        ("a = ' IS TRUE'", {"op": "=", "args": [A, " IS TRUE"]}),
        ("a = 'it''s'", {"op": "=", "args": [A, "it's"]}),
    ],
)
def test_text(text: str, tree: Any) -> None:
    parsed = parse(text, "cql2-text")
    if tree is None:
        tree = {
            "op": "and",
            "args": [{"op": "=", "args": [A, "()"]}, {"op": "in", "args": [{"property": "b"}, []]}],
        }
    assert parsed == tree


def test_a_plus_is_a_space_unless_it_must_be_a_plus() -> None:
    assert parse("a   1 > 2", raw="a + 1 > 2") == {
        "op": ">",
        "args": [{"op": "+", "args": [A, 1]}, 2],
    }
    # pystac-client writes plus signs for its spaces.
    assert parse("a > 2 AND b", raw="a+>+2+AND+b") == parse("a > 2 AND b")


def test_the_language_is_seen_when_not_named() -> None:
    tree = {"op": "=", "args": [A, 1]}
    assert parse("a = 1") == parse(' {"op": "=", "args": [{"property": "a"}, 1]}') == tree
    assert parse(tree) is tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "character 1: expected"),
        ("a = ", "character"),
        ("a = 1;drop table x", "character 6: expected"),
        ("a = 1\nAND )", "line 2"),
        ("a = '\u0000'", "NUL"),
        ("S_INTERSECTS(geometry, POINT EMPTY)", "not CQL2 text"),
        ("(a = 1", "expected"),
    ],
)
def test_bad_text_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidFilter, match=message):
        parse(text, "cql2-text")


def test_bad_json_is_refused() -> None:
    for text in ('{"op": "=",', "{", "nan"):
        with pytest.raises(InvalidFilter, match="not JSON"):
            parse(text, "cql2-json")


def test_coordinates_are_longitude_and_latitude() -> None:
    check_crs(None)
    check_crs("http://www.opengis.net/def/crs/OGC/1.3/CRS84")
    with pytest.raises(InvalidFilter, match="EPSG:3857"):
        check_crs("EPSG:3857")

"""Filters are bounded before anything recursive sees them: what is let through does not crash."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tessera_api.errors import InvalidFilter
from tessera_api.filters import bounds
from tessera_api.filters.parse import parse


def nested(depth: int) -> str:
    return "(" * depth + "a = 1" + ")" * depth


DEEP = {
    "brackets": nested(2500),
    "brackets of a value": "a = " + "(" * 2500 + "1" + ")" * 2500,
    "functions": "a = " + "CASEI(" * 900 + "'x'" + ")" * 900,
    "NOT": "NOT " * 4000 + "a = 1",
    "not": "not(" * 2000 + "a = 1" + ")" * 2000,
    "minus": "a = " + "-" * 5000 + "1",
    "plus": "a = " + "1+" * 5000 + "1",
    "power": "a = " + "2^" * 5000 + "1",
    "div": "a = " + "2 div " * 5000 + "1",
    "arrays": "A_CONTAINS(a, " + "(" * 3000 + "'x'" + ")" * 3000 + ")",
    "unclosed": "(" * 60_000,
    "coordinates": "S_INTERSECTS(geometry, POLYGON(" + "(" * 3000 + "1 2" + ")" * 3000 + "))",
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_text_is_refused(name: str) -> None:
    with pytest.raises(InvalidFilter, match=r"nests deeper|negations and calculations"):
        parse(DEEP[name], "cql2-text")


def test_long_text_is_refused() -> None:
    with pytest.raises(InvalidFilter, match="longer than"):
        parse("a = '" + "x" * bounds.MAX_CHARACTERS + "'", "cql2-text")
    with pytest.raises(InvalidFilter, match="longer than"):
        parse('{"op": "' + "x" * bounds.MAX_CHARACTERS + '"}', "cql2-json")


def test_deep_json_is_refused() -> None:
    for operator, beside in (("not", []), ("+", [1])):
        tree: object = {"op": "=", "args": [{"property": "a"}, 1]}
        for _ in range(5000):
            tree = {"op": operator, "args": [*beside, tree]}
        with pytest.raises(InvalidFilter, match="nests deeper"):
            parse(tree)  # type: ignore[arg-type]
    with pytest.raises(InvalidFilter):
        parse('{"op":"not","args":[' * 2000 + "1" + "]}" * 2000, "cql2-json")


def test_many_parts_are_refused() -> None:
    with pytest.raises(InvalidFilter, match="parts"):
        parse({"op": "in", "args": [{"property": "id"}, ["x"] * (bounds.MAX_NODES + 1)]})
    ring = [[0.5, 0.5]] * (bounds.MAX_VERTICES + 1)
    polygon = {"type": "Polygon", "coordinates": [ring]}
    with pytest.raises(InvalidFilter, match="vertices"):
        parse({"op": "s_intersects", "args": [{"property": "geometry"}, polygon]})


@pytest.mark.parametrize(
    "text",
    [
        nested(bounds.MAX_DEPTH),
        "a = '" + "(" * 1000 + "'",
        '"' + "(" * 1000 + '" = 1',
        "NOT " * 30 + "a = 1",
        " AND ".join(["(a = 1 OR b = 2)"] * 300),
        "a IN (" + ",".join(["-1"] * 3000) + ")",
        "S_INTERSECTS(geometry, POLYGON((" + ",".join(["-1.5 -2.5"] * 3000) + ")))",
    ],
)
def test_what_people_ask_is_let_through(text: str) -> None:
    assert parse(text, "cql2-text")


def test_the_bounds_leave_the_parser_room() -> None:
    """The parser itself, without our bounds, stands several times what they let through."""
    depth, chain = 4 * bounds.MAX_DEPTH, 2 * bounds.MAX_CHAIN
    texts = [
        nested(depth),
        "NOT " * chain + "a = 1",
        "a = " + "1+" * chain + "1",
        "a = " + "casei(" * depth + "'x'" + ")" * depth,
    ]
    program = (
        "import sys, threading, cql2\n"
        "threading.stack_size(2 * 2**20)\n"
        "run = lambda: [cql2.parse_text(text).to_json() for text in sys.argv[1:]]\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()\n"
        "print('alive')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *texts], capture_output=True, text=True, check=False
    )
    assert done.stdout == "alive\n", done.stderr

"""What the rewriter makes of trees for pgSTAC, and what it refuses by name."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tessera_api.errors import InvalidFilter
from tessera_api.filters.bounds import MAX_NODES
from tessera_api.filters.parse import parse
from tessera_api.filters.properties import Properties
from tessera_api.filters.query import as_cql2
from tessera_api.filters.rewrite import rewrite

PROPERTIES = Properties(
    {
        "n": {"type": "number"},
        "m": {"type": "number"},
        "i": {"type": "integer"},
        "t": {"type": "string"},
        "u": {"type": "string"},
        "b": {"type": "boolean"},
        "a": {"type": "array"},
        "when": {"type": "string", "format": "date-time"},
        "place": {"$ref": "https://geojson.org/schema/Polygon.json"},
    }
)
N, TEXT, WHEN = {"property": "n"}, {"property": "t"}, {"property": "when"}
TRUE, FALSE = {"op": "=", "args": [1, 1]}, {"op": "=", "args": [1, 0]}


def asked(text: str) -> Any:
    return rewrite(parse(text, "cql2-text"), PROPERTIES)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("n = 2021", {"op": "=", "args": [N, 2021]}),
        ("n = '2021'", {"op": "=", "args": [N, 2021]}),
        ('"properties.n" < 0.5', {"op": "<", "args": [N, 0.5]}),
        ("TRUE", TRUE),
        ("n IN ()", FALSE),
        ("NOT n IN ()", TRUE),
        ("n > 1 AND n IN ()", FALSE),
        ("n > 1 OR TRUE", TRUE),
        ("n > 1 AND TRUE", {"op": "and", "args": [{"op": ">", "args": [N, 1]}]}),
        ("b", {"op": "=", "args": [{"property": "b"}, True]}),
        ("b IS NOT TRUE", {"op": "<>", "args": [{"property": "b"}, True]}),
        ("(n > 1) = FALSE", {"op": "not", "args": [{"op": ">", "args": [N, 1]}]}),
        ("TRUE <> (n > 1)", {"op": "not", "args": [{"op": ">", "args": [N, 1]}]}),
        ("when > DATE('2025-08-15')", {"op": ">", "args": [WHEN, {"timestamp": "2025-08-15"}]}),
        ("when > '2025-08-15'", {"op": ">", "args": [WHEN, {"timestamp": "2025-08-15"}]}),
        (
            "CASEI(t) = 'x'",
            {
                "op": "=",
                "args": [{"op": "casei", "args": [TEXT]}, {"op": "casei", "args": ["x"]}],
            },
        ),
        (
            "A_CONTAINEDBY(a, ('x'))",
            {"op": "a_contained_by", "args": [{"property": "a"}, ["x"]]},
        ),
        ("A_CONTAINS(('x', 'y'), ('y'))", TRUE),
        ("A_OVERLAPS(('x'), ('y'))", FALSE),
        ("S_INTERSECTS(POINT(1 2), BBOX(0,0,3,3))", TRUE),
        ("S_WITHIN(BBOX(0,0,3,3), POINT(1 2))", FALSE),
        (
            "S_WITHIN(POINT(1 2), geometry)",
            {
                "op": "s_contains",
                "args": [{"property": "geometry"}, {"type": "Point", "coordinates": (1.0, 2.0)}],
            },
        ),
        (
            "T_AFTER(datetime, DATE('2024-01-01'))",
            {
                "op": "t_after",
                "args": [
                    {"interval": [{"property": "start_datetime"}, {"property": "end_datetime"}]},
                    {"date": "2024-01-01"},
                ],
            },
        ),
    ],
)
def test_rewritten(text: str, tree: Any) -> None:
    assert asked(text) == tree


def test_what_pgstac_reads_as_integers_is_compared_with_fractions() -> None:
    both = [{"op": "geotessera_number", "args": [each]} for each in ({"property": "i"}, 2020.5)]
    assert asked("i < 2020.5") == {"op": "<", "args": both}
    assert asked("i < 2020") == {"op": "<", "args": [{"property": "i"}, 2020]}


def test_numbers_beyond_its_integers_are_compared_with_what_pgstac_reads_as_integers() -> None:
    for number in (2**31, -(10**20)):
        both = [{"op": "geotessera_number", "args": [each]} for each in ({"property": "i"}, number)]
        found = rewrite({"op": "<", "args": [{"property": "i"}, number]}, PROPERTIES)
        assert found == {"op": "<", "args": both}
        assert orjson.dumps(found)


def test_two_properties_are_each_read_by_their_own_type() -> None:
    both = [{"op": "geotessera_number", "args": [{"property": name}]} for name in "in"]
    assert asked("i > n") == {"op": ">", "args": both}
    texts = [{"op": "and", "args": [{"property": name}]} for name in "tu"]
    assert asked("t = u") == {"op": "=", "args": texts}


def test_collections_of_geometries_are_related_by_their_parts() -> None:
    mixed = "GEOMETRYCOLLECTION(POINT(5 5), POLYGON((0 0, 1 0, 1 1, 0 0)))"
    met = asked(f"S_INTERSECTS(geometry, {mixed})")
    assert met["op"] == "or"
    assert [part["args"][1]["type"] for part in met["args"]] == ["Point", "Polygon"]
    assert asked(f"S_DISJOINT(geometry, {mixed})")["op"] == "and"
    assert asked(f"S_WITHIN(geometry, {mixed})")["args"][1]["type"] == "Polygon"
    assert asked(f"S_EQUALS(geometry, {mixed})") == FALSE
    with pytest.raises(InvalidFilter, match="S_TOUCHES with a collection"):
        asked(f"S_TOUCHES(geometry, {mixed})")
    covered = "GEOMETRYCOLLECTION(POINT(0.9 0.1), POLYGON((0 0, 1 0, 1 1, 0 0)))"
    assert asked(f"S_TOUCHES(geometry, {covered})")["args"][1]["type"] == "Polygon"


def test_a_box_across_the_antimeridian_is_two() -> None:
    args = asked("S_INTERSECTS(geometry, BBOX(170,-10,-170,10))")["args"]
    assert args[1]["type"] == "MultiPolygon"
    assert asked("S_INTERSECTS(geometry, BBOX(1,2,0,3,4,9))")["args"][1]["type"] == "Polygon"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dateTime = 5", "did you mean 'datetime'"),
        ("S_WITHIN(footprint, POINT(1 2))", "not 'footprint'"),
        ("n", "not true or false"),
        ("5", "not a value"),
        ("avg(n)", "'avg' is not supported"),
        ("avg(n) > 4", "avg is not supported"),
        ("n = NULL", "null cannot be compared"),
        ("n = 'x'", "compares a number with text: 'x'"),
        ("t = 5", "compares text with a number"),
        ("t > n", "compares text with a number"),
        ("b > FALSE", "does not compare a boolean"),
        ("a = 'x'", "compares an array with text"),
        ("a IN ('x')", "compares an array with text"),
        ("geometry = geometry", "the spatial functions do"),
        ("n LIKE '1%'", "LIKE compares text with a number"),
        ("when LIKE '2025%'", "LIKE compares text with a time"),
        ("t LIKE u", "a pattern that is a text"),
        ("t LIKE 'x\\'", "backslash"),
        ("CASEI(n) = 'x'", "CASEI compares text with a number"),
        ("when > DATE('2025-02-30')", "calendar"),
        ("when > TIMESTAMP('yesterday')", "neither a date"),
        ("when = 'infinity'", "neither a date"),
        ("t + 1 = 2", "compares a number with text"),
        ("n = 1e400", "not finite"),
        ("when = INTERVAL('2020-01-01','..')", "temporal functions only"),
        ("T_AFTER(n, DATE('2024-01-01'))", "property 'n' is a number"),
        ("T_AFTER(when, 5)", "temporal functions take"),
        ("T_DURING(when, INTERVAL('2025-01-01','2024-01-01'))", "ends before it starts"),
        ("S_INTERSECTS(t, POINT(1 2))", "not 't'"),
        ("S_INTERSECTS(place, POINT(1 2))", "not 'place'"),
        ("S_INTERSECTS(geometry, geometry)", "needs a geometry"),
        ("S_INTERSECTS(geometry, Buffer(geometry, 10, 'm'))", "Buffer is not supported"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", "Self-intersection"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 0 1)))", "not"),
        ("S_INTERSECTS(geometry, BBOX(0,5,1,4))", "south"),
        ("A_CONTAINS(t, ('x'))", "property 't' is text"),
        ("A_CONTAINS(a, (1, 2))", "arrays of texts"),
        ("Foo(geometry) = TRUE", "Foo is not supported"),
    ],
)
def test_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(InvalidFilter, match=message):
        asked(text)


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"op": "="},
        {"op": "=", "args": {}},
        {"op": 5, "args": []},
        {"op": "=", "args": [N]},
        {"op": "and", "args": []},
        {"op": "not", "args": []},
        {"op": "in", "args": [N, 5]},
        {"op": "between", "args": [N, 1]},
        {"op": "isNull", "args": [5]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": "x"}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [0, 0, 1, None]}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point"}]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": {}}]},
        {"op": "t_after", "args": [WHEN, {"interval": ["..", "..", ".."]}]},
        {"op": "t_after", "args": [WHEN, {"date": 5}]},
        {"op": "a_contains", "args": [{"property": "a"}, "x"]},
        {"op": "=", "args": [N, {"property": 5}]},
        {"op": "=", "args": [N, {"property": ["x"]}]},
        {"op": "=", "args": [N, {}]},
        {"op": "=", "args": [N, float("nan")]},
        {"op": "=", "args": [N, 10**400]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [0, 0, 1, 10**400]}]},
        {"op": "like", "args": [TEXT, {"op": "casei", "args": []}]},
        {"filter": {"op": "=", "args": [N, 1]}},
        [],
        "x",
        None,
    ],
)
def test_malformed_trees_are_refused(tree: Any) -> None:
    with pytest.raises(InvalidFilter):
        rewrite(tree, PROPERTIES)


def test_draft_names_are_taken() -> None:
    for name in ("neq", "!="):
        assert rewrite({"op": name, "args": [N, 1]}, PROPERTIES)["op"] == "<>"
    spelled = {"op": "a_contained_by", "args": [{"property": "a"}, ["x"]]}
    assert rewrite(spelled, PROPERTIES) == spelled


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"n": {"gte": 1, "lt": "5"}}, "n >= 1 AND n < 5"),
        ({"n": 5, "t": {"neq": "x"}}, "n = 5 AND t <> 'x'"),
        ({"t": {"startsWith": "50%_"}}, "t LIKE '50\\%\\_%'"),
        ({"t": {"endsWith": "x"}}, "t LIKE '%x'"),
        ({"t": {"contains": "x"}}, "t LIKE '%x%'"),
        ({"a": {"contains": "x"}}, "A_CONTAINS(a, ('x'))"),
        ({"t": {"in": ["x", "y"]}}, "t IN ('x', 'y')"),
    ],
)
def test_queries_are_cql2(query: dict[str, Any], text: str) -> None:
    tree = asked(text)
    if tree["op"] != "and":
        tree = {"op": "and", "args": [tree]}
    assert rewrite(as_cql2(query, PROPERTIES), PROPERTIES) == tree


@pytest.mark.parametrize(
    "query",
    [
        {},
        [],
        {"n": {}},
        {"n": {"near": 5}},
        {"t": {"contains": 5}},
        {"t": {"in": ["x"] * (MAX_NODES + 1)}},
    ],
)
def test_bad_queries_are_refused(query: Any) -> None:
    with pytest.raises(InvalidFilter):
        rewrite(as_cql2(query, PROPERTIES), PROPERTIES)

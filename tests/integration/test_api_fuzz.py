"""Whatever a stranger sends, the API answers it or says why not: never a failure of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import pytest
from fuzzing import SEED, examples, scaled
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

HALF = "\ud800"
"""What JSON can say and no text can have: half of a character."""

LARGE = (2**31, -(2**53), 10**20, -1e300)
"""Numbers beyond what columns, JavaScript and 64 bits hold; beyond 1e308 there are none."""

PROPERTIES = (
    "id", "collection", "geometry", "datetime", "end_datetime", "created", "updated", "title",
    "grid:code", "tessera:year", "tessera:lat", "tessera:lon", "tessera:stores",
    "tessera:missing_stores", "tessera:in_s3", "tessera:store_count", "tessera:verified",
    "floors", "", "properties", "properties.id", "a.b", "a'b", '"', HALF,
)  # fmt: skip

OPERATORS = (
    "and", "or", "not", "=", "<>", "<", "<=", ">", ">=", "like", "between", "in", "isNull",
    "casei", "accenti", "+", "-", "*", "/", "%", "^", "div",
    "s_intersects", "s_equals", "s_disjoint", "s_touches", "s_within", "s_overlaps", "s_crosses",
    "s_contains", "t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals",
    "t_finishedBy", "t_finishes", "t_intersects", "t_meets", "t_metBy", "t_overlappedBy",
    "t_overlaps", "t_startedBy", "t_starts", "a_equals", "a_contains", "a_containedBy",
    "a_overlaps", "avg", "upper", "eq", "ilike", "geotessera_add", "",
)  # fmt: skip

numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -0.0, 1e308, 2021, 52.05, *LARGE, 10**400]),
)
texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "'", "\\", "%\\", "2021-01-01", "2021-01-01T00:00:00Z", "s3", "..", "x--"]
    ),
)
told = st.one_of(texts, st.just(HALF))
"""Texts of JSON."""

positions = st.lists(st.floats(-400, 400), min_size=1, max_size=4)
geometries = st.one_of(
    st.builds(lambda p: {"type": "Point", "coordinates": p}, positions),
    st.builds(lambda p: {"type": "LineString", "coordinates": p}, st.lists(positions, max_size=4)),
    st.builds(
        lambda p: {"type": "Polygon", "coordinates": [[*p, p[0]]]},
        st.lists(positions, min_size=1, max_size=6),
    ),
    st.builds(
        lambda b: {"bbox": b}, st.lists(st.one_of(st.floats(-400, 400), numbers), max_size=7)
    ),
)
moments = st.one_of(
    st.builds(lambda t: {"timestamp": t}, told),
    st.builds(lambda t: {"date": t}, told),
    st.builds(lambda t: {"interval": t}, st.lists(told, max_size=3)),
)
names = st.builds(lambda name: {"property": name}, st.sampled_from(PROPERTIES))
operators = st.sampled_from([*OPERATORS, HALF])
leaves = st.one_of(names, names, numbers, told, st.booleans(), st.none(), geometries, moments)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.builds(
            lambda op, args: {"op": op, "args": args},
            operators,
            st.lists(inner, min_size=1, max_size=3),
        ),
    ),
    max_leaves=12,
)
filters = st.builds(
    lambda op, args: {"op": op, "args": args},
    operators,
    st.lists(trees, max_size=3),
)
words = st.sampled_from(
    [*OPERATORS, "(", ")", ",", "'", '"', "NOT", "IS NULL", "BETWEEN", "IN", "()", "TRUE", "NULL",
     "POINT(1 2)", "BBOX(0,0,1,1)", "DATE('2021-01-01')", "INTERVAL('..','2021-01-01')", "1",
     "-1.5", "1e999", "'x'", "tessera:lat", '"tessera:stores"', "datetime", "geometry",
     "('s3')", "CASEI(", "S_INTERSECTS(", "A_CONTAINS(", "T_AFTER(", "\n", "é", "--", ";"]
)  # fmt: skip

thorough = examples(
    400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

small = st.one_of(st.integers(-100, 2100), st.floats(-100, 100))
quantities = st.recursive(
    st.one_of(
        small,
        st.sampled_from(LARGE),
        st.sampled_from(["tessera:lat", "tessera:lon", "tessera:year", "tessera:store_count", "x"])
        .map(lambda name: {"property": name}),
    ),
    lambda inner: st.builds(
        lambda op, args: {"op": op, "args": list(args)},
        st.sampled_from(["+", "-", "*", "/", "%", "div", "^"]),
        st.tuples(inner, inner),
    ),
    max_leaves=5,
)  # fmt: skip
titles = st.recursive(
    st.one_of(
        st.text("abcé_%'\"TESRA-0125.", max_size=8),
        st.sampled_from(["id", "collection", "title", "grid:code", "tessera:dataset", "y"])
        .map(lambda name: {"property": name}),
    ),
    lambda inner: st.builds(
        lambda op, arg: {"op": op, "args": [arg]}, st.sampled_from(["casei", "accenti"]), inner
    ),
    max_leaves=2,
)  # fmt: skip
instants = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(lambda t: {"timestamp": t.isoformat()}),
    st.dates().map(lambda d: {"date": d.isoformat()}),
    st.sampled_from(["datetime", "end_datetime", "created", "updated", "tessera:verified", "z"])
    .map(lambda name: {"property": name}),
)  # fmt: skip


def compared(operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Every comparison of operands of one kind."""
    return st.one_of(
        st.builds(
            lambda op, args: {"op": op, "args": list(args)},
            st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
            st.tuples(operands, operands),
        ),
        st.builds(lambda args: {"op": "between", "args": list(args)},
                  st.tuples(operands, operands, operands)),
        st.builds(lambda value, members: {"op": "in", "args": [value, members]},
                  operands, st.lists(operands, max_size=3)),
    )  # fmt: skip


stores = st.one_of(
    st.lists(st.sampled_from(["s3", "scaleway", "okavango", "a'b", "{"]), max_size=3),
    st.sampled_from(["tessera:stores", "tessera:missing_stores", "w"])
    .map(lambda name: {"property": name}),
)  # fmt: skip
sound = st.recursive(
    st.one_of(
        compared(quantities),
        compared(titles),
        compared(instants),
        st.builds(
            lambda op, args: {"op": op, "args": list(args)},
            st.sampled_from([op for op in OPERATORS if op.startswith("a_")]),
            st.tuples(stores, stores),
        ),
        st.builds(
            lambda op, args: {"op": op, "args": list(args)},
            st.sampled_from([op for op in OPERATORS if op.startswith("t_")]),
            st.tuples(instants, instants),
        ),
        st.builds(
            lambda op, numbers: {"op": op, "args": [{"property": "geometry"}, {"bbox": numbers}]},
            st.sampled_from([op for op in OPERATORS if op.startswith("s_")]),
            st.tuples(st.floats(-200, 200), st.floats(-90, 0), st.floats(-200, 200),
                      st.floats(0, 90)).map(list),
        ),
        st.sampled_from(["tessera:in_s3", "v"]).map(lambda name: {"property": name}),
        st.booleans(),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        inner.map(lambda arg: {"op": "not", "args": [arg]}),
    ),
    max_leaves=6,
)  # fmt: skip


def check(answer: httpx.Response, sent: Any) -> None:
    assert answer.status_code in (200, 400), f"{answer.status_code} to {sent!r}: {answer.text}"
    if answer.status_code == 400:
        assert set(answer.json()) == {"code", "description"}


def post(api: httpx.Client, body: Any) -> httpx.Response:
    """Search with a body in ASCII, which has escapes for what is no text."""
    headers = {"Content-Type": "application/json"}
    return api.post("/search", content=json.dumps(body), headers=headers)


@thorough
@given(tree=filters)
def test_filters_in_json(api: httpx.Client, tree: Any) -> None:
    check(post(api, {"filter": tree, "limit": 1}), tree)


@thorough
@given(tree=sound)
def test_sound_filters_are_answered(api: httpx.Client, tree: Any) -> None:
    answer = api.post("/search", json={"filter": tree, "limit": 1})
    check(answer, tree)
    if answer.status_code == 400:
        # All that is wrong with these: numbers too large, and boxes that are no area.
        allowed = ("range of numbers", "not valid", "backslash")
        assert any(word in answer.text for word in allowed), f"{tree!r}: {answer.text}"


@thorough
@given(parts=st.lists(words, max_size=14))
def test_filters_in_text(api: httpx.Client, parts: list[str]) -> None:
    text = " ".join(parts)
    check(api.get("/search", params={"filter": text, "limit": 1}), text)


@thorough
@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            "bbox": st.lists(st.one_of(numbers, st.none()), max_size=7),
            "intersects": geometries,
            "datetime": st.one_of(told, st.lists(told, max_size=3).map("/".join)),
            "ids": st.lists(told, max_size=2),
            "collections": st.lists(told, max_size=2),
            "limit": st.integers(-5, 10**6),
            "token": told,
            "sortby": st.lists(
                st.fixed_dictionaries(
                    {"field": st.sampled_from(PROPERTIES), "direction": st.just("asc")}
                ),
                max_size=2,
            ),
            "fields": st.fixed_dictionaries(
                {"include": st.lists(told, max_size=2), "exclude": st.lists(told, max_size=2)}
            ),
            "query": st.dictionaries(
                st.sampled_from(PROPERTIES),
                st.dictionaries(st.sampled_from(["eq", "in", "contains", "x"]), leaves, max_size=2),
                max_size=2,
            ),
        },
    )
)
def test_bodies(api: httpx.Client, body: dict[str, Any]) -> None:
    if isinstance(body.get("limit"), int):
        body["limit"] = min(body["limit"], 5)
    check(post(api, body), body)


@thorough
@given(parameters=st.dictionaries(
    st.sampled_from(["bbox", "datetime", "limit", "offset", "q", "sortby", "fields", "filter",
                     "filter-lang", "filter-crs"]),
    st.one_of(st.text(max_size=20), words), max_size=4,
))  # fmt: skip
@pytest.mark.parametrize("path", ["/collections", "/collections/geotessera-2024/items"])
def test_parameters(api: httpx.Client, path: str, parameters: dict[str, str]) -> None:
    check(api.get(path, params=parameters), parameters)


@pytest.mark.fuzz
def test_requests_made_from_the_openapi_document(api_address: str, tmp_path: Path) -> None:
    print(f"SEED={SEED}")
    checks = ("not_a_server_error", "status_code_conformance", "content_type_conformance",
              "response_schema_conformance")  # fmt: skip
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", f"{api_address}/api",
        "--checks", ",".join(checks), "--phases", "examples,coverage,fuzzing",
        "--max-examples", str(scaled(30)), "--seed", str(SEED), "--workers", "1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-4000:]

"""Plans: what is in them, in which order, and what a plan file may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_rows import Key, row, save, sha

from tessera_catalog import grid
from tessera_catalog.errors import InputError
from tessera_sync.plan import ORDERS, Wanted, describe, find, make_plan
from tessera_sync.plan_file import PLAN, Plan, read_plan, write_plan
from tessera_sync.selection import in_shard

SOURCE: dict[Key, dict[str, Any]] = {
    (2017, 5, 5): row(100, 10, sha(1), sha(2)),
    (2017, 15, 5): row(scales=0),
    (2024, -5, 5): row(300, 30, sha(3)),
    (2024, 5, 5): row(200, 20),
    (2024, 15, 5): row(None, None, sha(5), sha(6)),
    (2024, 25, 5): row(50, 5),
}
TARGET: dict[Key, dict[str, Any]] = {
    (2024, -5, 5): row(301, 30),
    (2024, 5, 5): row(200, 0),
    (2024, 25, 5): row(50, 5),
    (2025, 5, 5): row(),
}


def planned(folder: Path, source: Any = SOURCE, target: Any = TARGET, **wanted: Any) -> Plan:
    """The plan between two stores with these tiles."""
    a, b = save(folder, "a", source), save(folder, "b", target)
    what = Wanted(**wanted)
    return make_plan(a, b, what, find(a, b, what), "2026-11-22T10:00:00+00:00", "test")


def keys(plan: Plan) -> list[Key]:
    """Tiles of a plan in its order."""
    columns = (plan.rows.column(name).to_pylist() for name in ("year", "lon_i", "lat_i"))
    return list(zip(*columns, strict=True))


def test_a_plan_has_what_is_to_be_done_and_why(tmp_path: Path) -> None:
    plan = planned(tmp_path, delete_extra=True)
    assert plan.rows.to_pylist() == [
        _line(2017, 5, "copy", "missing", 100, 10, sha(1), sha(2)),
        _line(2024, -5, "replace", "stale", 300, 30, sha(3)),
        _line(2024, 5, "replace", "incomplete", 200, 20),
        _line(2024, 15, "copy", "missing", None, None, sha(5), sha(6)),
        _line(2025, 5, "delete", "extra"),
    ]
    assert (plan.header.bytes, plan.header.files) == (100 + 10 + 300 + 30 + 200 + 20, 8)
    assert (plan.header.source, plan.header.target, plan.header.dataset) == ("a", "b", "v1")


def _line(year: int, lon_i: int, action: str, reason: str, *known: Any) -> dict[str, Any]:
    names = [name for name in PLAN.names if name.endswith(("size", "sha256"))]
    values = dict(zip(names, [*known, *[None] * (4 - len(known))], strict=True))
    return {
        "year": year, "lon_i": lon_i, "lat_i": 5, "action": action, "reason": reason, **values
    }  # fmt: skip


def test_what_only_the_target_has_stays_unless_told(tmp_path: Path) -> None:
    assert (2025, 5, 5) not in keys(planned(tmp_path))


def test_a_broken_source_is_never_copied(tmp_path: Path) -> None:
    assert (2017, 15, 5) not in keys(planned(tmp_path, delete_extra=True))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("key", [(2017, 5), (2024, -5), (2024, 5), (2024, 15)]),
        ("newest", [(2024, -5), (2024, 5), (2024, 15), (2017, 5)]),
        ("smallest", [(2024, 15), (2017, 5), (2024, 5), (2024, -5)]),
        ("largest", [(2024, -5), (2024, 5), (2017, 5), (2024, 15)]),
    ],
)
def test_orders(tmp_path: Path, order: str, expected: list[tuple[int, int]]) -> None:
    plan = planned(tmp_path, order=order, delete_extra=True)
    assert [key[:2] for key in keys(plan)] == [*expected, (2025, 5)]
    assert [key[:2] for key in keys(planned(tmp_path, order=order, limit=2))] == expected[:2]


def test_hashes_stay_with_their_tiles_in_every_order(tmp_path: Path) -> None:
    source = {
        (year, 10 * i + 5, 5): row(1 + (i * 7919) % 101, 1, sha(i), sha(100 + i))
        for year in (2017, 2024)
        for i in range(100)
    }
    for order in ORDERS:
        plan = planned(tmp_path, source, {}, order=order)
        for line in plan.rows.to_pylist():
            number = line["lon_i"] // 10
            assert line["embeddings_sha256"] == sha(number)
            assert line["scales_sha256"] == sha(100 + number)


def test_shards_are_a_partition(tmp_path: Path) -> None:
    source = {(2024, 10 * i + 5, 5): row() for i in range(200)}
    parts = [keys(planned(tmp_path, source, {}, shard=(i, 4))) for i in (1, 2, 3, 4)]
    assert sorted(key for part in parts for key in part) == sorted(source)
    assert all(len(part) > 20 for part in parts)


@given(
    years=st.lists(st.integers(2000, 2050), min_size=1, max_size=50),
    parts=st.integers(1, 50),
    data=st.data(),
)
def test_every_tile_is_in_one_shard(years: list[int], parts: int, data: st.DataObject) -> None:
    cells = data.draw(
        st.lists(st.integers(0, grid.CELLS - 1), min_size=len(years), max_size=len(years))
    )
    arrays = np.array(years), np.array(cells)
    hits = sum(in_shard(*arrays, (part, parts)).astype(int) for part in range(1, parts + 1))
    assert hits.tolist() == [1] * len(years)


def test_numbers_of_a_plan(tmp_path: Path) -> None:
    a, b = save(tmp_path, "a", SOURCE), save(tmp_path, "b", TARGET)
    todo = find(a, b, Wanted(delete_extra=True))
    numbers = describe(a, b, todo, 0.09, 100.0)
    counts = {"missing": 2, "stale": 1, "incomplete": 1, "broken": 1, "same": 1, "extra": 1}
    assert {name: numbers[name] for name in counts} == counts
    assert numbers["bytes"] == 660
    assert numbers["seconds"] == 6.6
    assert (numbers["files"], numbers["tiles"], numbers["unsized"]) == (8, 4, 1)
    assert describe(a, b, todo, 1e6, None)["usd"] == 0.66
    assert describe(a, b, todo, 0.09, None)["seconds"] is None


class TestFile:
    def test_round_trip(self, tmp_path: Path) -> None:
        plan = planned(tmp_path, delete_extra=True, shard=None)
        write_plan(tmp_path / "plan.parquet", plan)
        again = read_plan(tmp_path / "plan.parquet")
        assert again.header == plan.header
        assert again.rows.equals(plan.rows)

    def test_an_empty_plan_is_one(self, tmp_path: Path) -> None:
        write_plan(tmp_path / "plan.parquet", planned(tmp_path, SOURCE, SOURCE))
        assert read_plan(tmp_path / "plan.parquet").rows.num_rows == 0

    def test_a_manifest_is_none(self, tmp_path: Path) -> None:
        save(tmp_path, "a", SOURCE)
        with pytest.raises(InputError, match="is not a plan"):
            read_plan(tmp_path / "a.parquet")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            read_plan(tmp_path / "plan.parquet")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"lon_i": 6}, "a row is no tile"),
            ({"lat_i": 9005}, "a row is no tile"),
            ({"year": 1999}, "a row is no tile"),
            ({"action": "delete"}, "no tile is to delete because missing"),
            ({"reason": "because"}, "no tile is to copy because because"),
        ],
    )
    def test_rows_that_make_no_sense(
        self, tmp_path: Path, change: dict[str, Any], message: str
    ) -> None:
        plan = planned(tmp_path, limit=1)
        (line,) = plan.rows.to_pylist()
        wrong = pa.Table.from_pylist([line | change], schema=PLAN)
        write_plan(tmp_path / "plan.parquet", Plan(plan.header, wrong))
        with pytest.raises(InputError, match=message):
            read_plan(tmp_path / "plan.parquet")

    def test_a_tile_twice(self, tmp_path: Path) -> None:
        plan = planned(tmp_path, limit=1)
        twice = Plan(plan.header, pa.concat_tables([plan.rows, plan.rows]))
        write_plan(tmp_path / "plan.parquet", twice)
        with pytest.raises(InputError, match="stands there twice"):
            read_plan(tmp_path / "plan.parquet")

    @pytest.mark.parametrize(
        ("header", "message"),
        [
            ("{", "header is damaged"),
            ("[]", "header is damaged"),
            ({"format": 2}, "a plan of format 2"),
            ({"bytes": "many"}, "wrong bytes"),
            ({"created": "yesterday"}, "header is damaged"),
            ({"more": 1}, "header is damaged"),
        ],
    )
    def test_headers_that_make_no_sense(self, tmp_path: Path, header: Any, message: str) -> None:
        path = tmp_path / "plan.parquet"
        write_plan(path, planned(tmp_path, limit=1))
        rows = pq.read_table(path)
        if isinstance(header, dict):
            header = json.dumps(json.loads(rows.schema.metadata[b"tessera_plan"]) | header)
        pq.write_table(rows.replace_schema_metadata({"tessera_plan": header}), path)
        with pytest.raises(InputError, match=message):
            read_plan(path)

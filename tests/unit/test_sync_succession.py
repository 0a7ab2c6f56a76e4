"""What a manifest still knows after the store was looked at again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from manifest_rows import MADE, Key, row, sha, table

from tessera_sync.succession import Change, succeed

TILE = (2024, 85, 4995)
LATER = MADE + dt.timedelta(days=1)


def times(embeddings: dt.datetime | None, scales: dt.datetime | None) -> dict[str, Any]:
    """Columns of when both files were changed."""
    return {"embeddings_mtime": embeddings, "scales_mtime": scales}


HASHED = row(10, 5, sha(1), sha(2), **times(MADE, MADE), seen_at=MADE, verified_at=MADE)


def after(
    before: dict[Key, dict[str, Any]],
    seen: dict[Key, dict[str, Any]],
    since: dt.datetime | None = None,
) -> tuple[dict[Key, dict[str, Any]], Change]:
    """The rows that come of it, by their keys."""
    change = Change()
    old, new = (table(tiles) if tiles else None for tiles in (before, seen))
    rows = succeed(old, new, since, change).to_pylist()
    return {(r["year"], r["lon_i"], r["lat_i"]): r for r in rows}, change


@pytest.mark.parametrize(
    ("seen", "embeddings", "scales"),
    [
        pytest.param(row(10, 5, **times(MADE, MADE)), True, True, id="as it was"),
        pytest.param(row(11, 5, **times(MADE, MADE)), False, True, id="another size"),
        pytest.param(row(10, 5, **times(LATER, MADE)), False, True, id="another time"),
        pytest.param(row(10, 0, **times(MADE, None)), True, False, id="scales gone"),
        pytest.param(row(10, 5, **times(None, None)), False, False, id="time not told"),
        pytest.param(row(None, 5, **times(MADE, MADE)), False, True, id="size not told"),
        pytest.param(
            row(10, 5, **times(MADE + dt.timedelta(milliseconds=999), MADE)), True, True,
            id="a fraction of the second that was not told before",
        ),
        pytest.param(
            row(10, 5, **times(MADE + dt.timedelta(seconds=1), MADE)), False, True,
            id="the next second",
        ),
    ],
)  # fmt: skip
def test_hashes_are_kept_where_size_and_time_agree(
    seen: dict[str, Any], embeddings: bool, scales: bool
) -> None:
    rows, change = after({TILE: HASHED}, {TILE: seen})
    assert rows[TILE]["embeddings_sha256"] == (sha(1) if embeddings else None)
    assert rows[TILE]["scales_sha256"] == (sha(2) if scales else None)
    assert rows[TILE]["verified_at"] == (MADE if embeddings and scales else None)
    assert (change.hashes_kept, change.hashes_dropped) == (
        embeddings + scales,
        2 - embeddings - scales,
    )


@pytest.mark.parametrize(("later", "kept"), [(1, True), (999, True), (1000, False)])
def test_fractions_of_a_second_are_compared_where_both_tell_them(later: int, kept: bool) -> None:
    told = MADE + dt.timedelta(milliseconds=500)
    before = {TILE: row(10, 5, sha(1), sha(2), **times(told, told))}
    seen = {TILE: row(10, 5, **times(told + dt.timedelta(microseconds=later), told))}
    rows, _ = after(before, seen)
    assert (rows[TILE]["embeddings_sha256"] is not None) == kept


def test_every_tile_keeps_its_own_hash() -> None:
    old = {
        (2024, 10 * i + 5, 5): HASHED | {"embeddings_sha256": sha(i), "scales_sha256": None}
        for i in range(100)
    }
    new = {key: row(10, 5, **times(MADE, MADE)) for key in list(old)[::3]}
    new[2024, -5, 5] = row(10, 5, **times(MADE, MADE))
    rows, change = after(old, new)
    for key in new:
        expected = sha(key[1] // 10) if key in old else None
        assert rows[key]["embeddings_sha256"] == expected
    assert (change.added, change.lost) == (1, 66)
    assert (change.hashes_kept, change.hashes_dropped) == (34, 66)


def test_numbers() -> None:
    other, gone, new = (2024, 5, 5), (2024, 15, 5), (2024, 25, 5)
    seen = {TILE: row(11, 5), other: row(10, 5), new: row(10, 0)}
    rows, change = after({TILE: HASHED, other: row(None, 5), gone: HASHED}, seen)
    assert set(rows) == {TILE, other, new}
    assert (change.added, change.lost, change.changed, change.incomplete) == (1, 1, 1, 1)


def test_what_was_recorded_since_the_look_began_stays() -> None:
    newer, older = (2024, 5, 5), (2024, 15, 5)
    before = {
        newer: HASHED | {"seen_at": LATER + dt.timedelta(microseconds=1)},
        older: HASHED | {"seen_at": LATER},
    }
    rows, change = after(before, {TILE: row()}, since=LATER)
    assert set(rows) == {TILE, newer}
    assert rows[newer]["embeddings_sha256"] == sha(1)
    assert change.lost == 1
    rows, change = after(before, {TILE: row()})
    assert set(rows) == {TILE}
    assert change.lost == 2


def test_what_was_recorded_since_the_look_began_is_not_overwritten_by_what_it_saw() -> None:
    newer = HASHED | {"seen_at": LATER + dt.timedelta(microseconds=1)}
    rows, change = after({TILE: newer}, {TILE: row(0, 5, **times(None, MADE))}, since=LATER)
    assert {name: rows[TILE][name] for name in newer} == newer
    assert (change.tiles, change.changed, change.incomplete, change.hashes_dropped) == (1, 0, 0, 0)


def test_a_year_begins_and_ends() -> None:
    rows, change = after({}, {TILE: row()})
    assert (set(rows), change.added) == ({TILE}, 1)
    rows, change = after({TILE: HASHED}, {})
    assert (rows, change.lost) == ({}, 1)

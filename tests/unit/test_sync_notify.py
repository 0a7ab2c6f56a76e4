"""When something is worse than what was told, and what is remembered of it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest

from tessera_catalog.errors import InputError
from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_sync import manifests
from tessera_sync.gaps import Gap, Key, Kind, Limits, find, remembered
from tessera_sync.hooks import Program, Webhook
from tessera_sync.texts import parse_age
from tessera_sync.told import FILE, read_told, write_told

NO_LIMITS = Limits()
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
MISSING: Key = ("s3", 2024, "missing")
OLD: Key = ("s3", None, "old manifest")


def gap(key: Key, tiles: int = 0) -> Gap:
    store, year, kind = key
    return Gap(store, year, kind, tiles)


@pytest.mark.parametrize(
    ("key", "tiles", "known", "worse"),
    [
        (MISSING, 3, {}, True),
        (MISSING, 3, {MISSING: 3}, False),
        (MISSING, 3, {MISSING: 4}, False),
        (MISSING, 3, {MISSING: 2}, True),
        (MISSING, 3, {("s3", 2023, "missing"): 3}, True),
        (MISSING, 3, {("s3", 2024, "stale"): 3}, True),
        (OLD, 0, {}, True),
        (OLD, 0, {OLD: 0}, False),
        (("s3", None, "unverified"), 9, {("s3", None, "unverified"): 2}, False),
    ],
)
def test_worse(key: Key, tiles: int, known: dict[Key, int], worse: bool) -> None:
    assert gap(key, tiles).is_worse(known) == worse


def test_what_was_told_is_remembered_as_it_stands() -> None:
    assert remembered([gap(MISSING, 5)], {MISSING: 2, OLD: 0}, told=True) == {MISSING: 5}


def test_what_was_not_told_is_not_remembered() -> None:
    gaps = [gap(MISSING, 5), gap(OLD)]
    assert remembered(gaps, {MISSING: 2}, told=False) == {MISSING: 2}


@pytest.mark.parametrize("told", [True, False])
def test_a_gap_that_shrank_and_grows_again_is_told(told: bool) -> None:
    known = remembered([gap(MISSING, 1)], {MISSING: 5}, told=told)
    assert gap(MISSING, 3).is_worse(known)
    known = remembered([], {MISSING: 5, OLD: 0}, told=told)
    assert gap(MISSING, 1).is_worse(known)
    assert gap(OLD).is_worse(known)


def manifest(
    folder: Path,
    store: str,
    tiles: dict[int, list[tuple[int, int | None]]],
    verified: dt.datetime | None = None,
    made: dt.datetime = NOW,
) -> Manifest:
    """A manifest of tiles by year: the column of each, and the bytes of its scales."""
    tables = {
        year: pa.Table.from_pylist(
            [
                {
                    "year": year,
                    "lon_i": 5 + 10 * column,
                    "lat_i": 5,
                    "embeddings_size": 6400,
                    "scales_size": size,
                    "verified_at": verified,
                }
                for column, size in of_year
            ],
            schema=ROWS,
        )
        for year, of_year in tiles.items()
    }
    manifests.save(folder, About(store, "v1", made, "a test"), tables)
    return manifests.load(folder, store, "v1")


def found(
    loaded: dict[str, Manifest | None], limits: Limits = NO_LIMITS
) -> set[tuple[str, int | None, Kind, int]]:
    gaps = find("okavango", loaded, limits, NOW)
    assert len({one.key for one in gaps}) == len(gaps)
    return {(*one.key, one.tiles) for one in gaps}


def test_each_store_is_held_against_the_primary(tmp_path: Path) -> None:
    whole = {2023: [(i, 200) for i in range(4)], 2024: [(i, 200) for i in range(6)]}
    whole[2024][5] = (5, 0)
    primary = manifest(tmp_path, "okavango", whole)
    s3 = manifest(tmp_path, "s3", {2024: [(0, 200), (1, 100), (2, 0), (9, 200)]})
    assert found({"okavango": primary, "s3": s3, "scaleway": None}) == {
        ("okavango", 2024, "incomplete", 1),
        ("s3", 2023, "missing", 4),
        ("s3", 2024, "missing", 2),
        ("s3", 2024, "stale", 1),
        ("s3", 2024, "incomplete", 1),
        ("scaleway", None, "no manifest", 0),
    }


def test_unknown_sizes_are_no_gap(tmp_path: Path) -> None:
    primary = manifest(tmp_path, "okavango", {2024: [(0, None)]})
    assert not found({"okavango": primary, "s3": manifest(tmp_path, "s3", {2024: [(0, 200)]})})


def test_ages_are_told_only_with_a_limit(tmp_path: Path) -> None:
    day = dt.timedelta(days=1)
    old = NOW - 3 * day
    primary = manifest(tmp_path, "okavango", {2024: [(0, 200)], 2023: [(0, 200)]}, old, old)
    assert not found({"okavango": primary})
    assert not found({"okavango": primary}, Limits(3 * day, 3 * day))
    assert found({"okavango": primary}, Limits(2 * day, 2 * day)) == {
        ("okavango", None, "old manifest", 0),
        ("okavango", None, "unverified", 2),
    }


def test_tiles_that_were_never_verified_are_overdue(tmp_path: Path) -> None:
    primary = manifest(tmp_path, "okavango", {2024: [(0, 200)]})
    (one,) = find("okavango", {"okavango": primary}, Limits(verified=dt.timedelta(days=1)), NOW)
    assert (one.kind, one.tiles, one.since) == ("unverified", 1, None)


def test_what_was_told_is_read_back(tmp_path: Path) -> None:
    known = {MISSING: 3, OLD: 0}
    write_told(tmp_path, "v1", known)
    assert read_told(tmp_path, "v1") == known
    assert read_told(tmp_path, "v2") == {}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_without_a_file_nothing_was_told(tmp_path: Path) -> None:
    assert read_told(tmp_path, "v1") == {}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"dataset": "v1", "told": [{"store": "s3", "ye',
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"scaleway\xe2\x86\x92s3": 12.5}',
        b'{"dataset": "v1", "told": {"s3": 3}}',
        json.dumps({"dataset": "v1", "told": [{"store": "s3"}]}).encode(),
        b'{"dataset":"v1","told":[{"store":"s3","year":2024,"kind":"missing","tiles":-1}]}',
        b'{"dataset":"v1","told":[{"store":"s3","year":2024,"kind":"lost","tiles":1}]}',
        b"[" * 100_000,
    ],
)
def test_a_file_of_somebody_else_gets_one_line(tmp_path: Path, text: bytes) -> None:
    (tmp_path / FILE).write_bytes(text)
    with pytest.raises(InputError, match=r"not what notify writes .*delete it") as error:
        read_told(tmp_path, "v1")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(InputError, match="Is a directory"):
        read_told(tmp_path, "v1")


def test_ages() -> None:
    texts = ("90min", "36h", "2d", "1w")
    hours = [parse_age("--max-age", text) / dt.timedelta(hours=1) for text in texts]
    assert hours == [1.5, 36, 48, 168]


@pytest.mark.parametrize("text", ["", "2", "d", "-1d", "1.5d", "2 d", "2y", "999999999d", "²d"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(InputError, match="--max-age"):
        parse_age("--max-age", text)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/services/T0/B0/secret",
        "https://user:password@hooks.example.org/x?token=secret",
        "http://127.0.0.1:9/x",
        "http://[::1]:9/x",
        "http://localhost/x",
    ],
)
def test_webhooks_are_named_by_their_host_alone(url: str) -> None:
    hook = Webhook(url, 1)
    assert "secret" not in f"{hook.name}{hook!r}"
    assert "password" not in f"{hook.name}{hook!r}"
    assert hook.name.startswith("webhook http")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/secret",
        "http://127.0.0.1.example.org/secret",
        "http://localhost@example.org/secret",
        "ftp://hooks.example.org/secret",
        "file:///secret",
        "https:///secret",
        "https://example.org:99999999/secret",
        "hooks.example.org/secret",
        "secret",
    ],
)
def test_other_addresses_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InputError, match="https://") as error:
        Webhook(url, 1)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("words", [(), ("",), ("no-such-program-anywhere",), ("/etc/passwd",)])
def test_a_command_that_is_none(words: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="no program"):
        Program(words, 1)

"""From registry to spool: selection, the digest of a set of tiles, rows that come back whole."""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from registries import Row, row, rows, sha, write

from tessera_catalog import grid
from tessera_catalog.box import inside
from tessera_catalog.errors import InputError
from tessera_catalog.feed import Feed, Selection, read
from tessera_catalog.manifest import TILES
from tessera_catalog.nameless import nameless_files
from tessera_catalog.registry import open_registry

Box = tuple[float, float, float, float]


def in_box(box: Box, lon_i: int, lat_i: int) -> bool:
    return bool(inside(box, np.array([lon_i]), np.array([lat_i]))[0])


@pytest.mark.parametrize(
    ("box", "columns"),
    [
        ((0.3, 0.0, 0.6, 0.1), [35, 45, 55]),  # edges of tiles: those that touch are not in it
        ((0.29, 0.0, 0.61, 0.1), [25, 35, 45, 55, 65]),
        ((0.35, 0.0, 0.36, 0.1), [35]),  # smaller than a tile
        ((0.35, 0.0, 0.35, 0.1), [35]),
        ((-0.1, 0.0, 0.1, 0.1), [-5, 5]),
        ((-0.1, 0.0, 0.0, 0.1), [-5]),
        ((-0.1, 0.0, -0.0, 0.1), [-5]),
        ((179.9, 0.0, 180.0, 0.1), [17995]),
        ((179.9, 0.0, -179.9, 0.1), [17995, -17995]),  # across the antimeridian
        ((180.0, 0.0, -179.9, 0.1), [-17995]),
        ((179.9, 0.0, -180.0, 0.1), [17995]),
        ((180.0, 0.0, -180.0, 0.1), []),
        ((0.1 + 0.2, 0.0, 0.6, 0.1), [35, 45, 55]),  # 0.30000000000000004
    ],
)
def test_columns_of_a_box(box: Box, columns: list[int]) -> None:
    near = [*range(-25, 86, 10), 17985, 17995, -17995, -17985]
    assert [lon_i for lon_i in near if in_box(box, lon_i, 5)] == columns


@pytest.mark.parametrize(
    ("south", "north", "found"),
    [
        (89.9, 90, [8995]),
        (-90, -89.9, [-8995]),
        (0, 1.1, [5, 15, 25, 35, 45, 55, 65, 75, 85, 95, 105]),  # 1.1 * 100 > 110
        (0.29, 0.57, [25, 35, 45, 55]),
        (-1.1, -0.9, [-105, -95]),
    ],
)
def test_rows_of_a_box(south: float, north: float, found: list[int]) -> None:
    near = [-8995, *range(-125, 126, 10), 8995]
    assert [lat_i for lat_i in near if in_box((0, south, 1, north), 5, lat_i)] == found


@given(
    lon_i=st.integers(0, grid.COLUMNS - 1).map(lambda n: grid.WEST_I + 10 * n),
    lat_i=st.integers(0, grid.ROWS - 1).map(lambda n: grid.NORTH_I - 10 * n),
)
def test_a_tile_lies_in_its_own_footprint_and_not_in_its_neighbours(lon_i: int, lat_i: int) -> None:
    assert in_box(grid.footprint(lon_i, lat_i), lon_i, lat_i)
    for dx, dy in ((-10, 0), (10, 0), (0, -10), (0, 10), (10, 10)):
        if grid.on_grid(lon_i + dx, lat_i + dy):
            assert not in_box(grid.footprint(lon_i + dx, lat_i + dy), lon_i, lat_i)
    assert in_box((-180, -90, 180, 90), lon_i, lat_i)


def test_a_selection_of_years_and_a_box() -> None:
    keys = [(2023, 5), (2023, 15), (2024, 5), (2025, 5), (2025, 15)]
    tiles = pa.table(
        {"year": [y for y, _ in keys], "lon_i": [x for _, x in keys], "lat_i": [5] * 5}
    ).to_batches()[0]

    def chosen(selection: Selection) -> list[tuple[int, int]]:
        return [key for key, taken in zip(keys, selection.mask(tiles), strict=True) if taken]

    box = (0.0, 0.0, 0.1, 0.1)
    assert chosen(Selection()) == keys
    assert chosen(Selection(frozenset({2023, 2025}))) == [keys[0], keys[1], keys[3], keys[4]]
    assert chosen(Selection(bbox=box)) == [keys[0], keys[2], keys[3]]
    assert chosen(Selection(frozenset({2025, 1999}), box)) == [keys[3]]


# --- reading ---------------------------------------------------------------------------------


@pytest.fixture
def feed_file() -> Iterator[Callable[..., Feed]]:
    """Read a registry."""

    def feed_file(path: Path, selection: Selection | None = None, **options: Any) -> Feed:
        done: list[int] = []
        result = read(
            open_registry(path),
            files,
            selection=selection or Selection(),
            advance=done.append,
            **{"dataset": None, "rejected_file": None, **options},
        )
        assert sum(done) == result.rows
        return result

    with nameless_files() as files:
        yield feed_file


@pytest.fixture
def feed(feed_file: Callable[..., Feed], tmp_path: Path) -> Callable[..., Feed]:
    """Write rows as a registry and read them."""

    def feed(content: list[Row], *selection: Selection, **options: Any) -> Feed:
        result = feed_file(write(tmp_path / "registry.parquet", content), *selection, **options)
        assert result.rows == len(content)
        return result

    return feed


FULL = row(
    -0.05,
    0.05,
    2017,
    hash=sha("a"),
    scales_hash=sha("b"),
    mtime=1_700_000_000.25,
    scales_mtime=1_600_000_000.0,
    file_size=2**33,
    scales_size=0,
)


def test_tiles_come_back_from_the_spool(feed: Callable[..., Feed]) -> None:
    result = feed([FULL, row(179.95, -89.95, 2025), *rows(10, 2025)])
    assert list(result.years) == [2017, 2025]
    assert (result.tiles, result.rejected.total(), result.shown) == (12, 0, [])
    (tile,) = [one for part in result.years[2017].batches() for one in part.to_pylist()]
    assert tile == {
        "year": 2017,
        "lon_i": -5,
        "lat_i": 5,
        "embeddings_size": 2**33,
        "scales_size": 0,
        "embeddings_sha256": bytes.fromhex(sha("a")),
        "scales_sha256": bytes.fromhex(sha("b")),
        "embeddings_mtime": dt.datetime(2023, 11, 14, 22, 13, 20, 250_000, dt.UTC),
        "scales_mtime": dt.datetime(2020, 9, 13, 12, 26, 40, 0, dt.UTC),
    }
    batches = list(result.years[2025].batches())
    assert all(part.schema == TILES for part in batches)
    unknown = batches[0].slice(0, 1).to_pylist()[0]
    assert (unknown["lon_i"], unknown["lat_i"]) == (17995, -8995)
    assert [unknown[name] for name in TILES.names[3:]] == [None] * 6
    # And again: comparing before loading reads them twice.
    assert [part.num_rows for part in result.years[2025].batches()] == [
        part.num_rows for part in batches
    ]


def test_only_what_is_selected_is_spooled(feed: Callable[..., Feed]) -> None:
    content = [*rows(30, 2023), *rows(30, 2024)]
    result = feed(content, Selection(frozenset({2024}), (0.0, 50.0, 0.2, 50.1)))
    assert {number: year.rows for number, year in result.years.items()} == {2024: 2}


def test_rejected_rows_count_wherever_they_lie(feed: Callable[..., Feed], tmp_path: Path) -> None:
    """A selection is of tiles; a row that is none belongs nowhere."""
    bad = [row(0.1, 0.05, 2023)] * 12
    file = tmp_path / "rejected.csv"
    result = feed([*rows(3), *bad], Selection(frozenset({2024})), rejected_file=file)
    assert (result.tiles, dict(result.rejected)) == (3, {"off-grid": 12})
    assert result.shown == [
        f"row {number}: off-grid (year 2023, lon 0.1, lat 0.05)" for number in range(3, 13)
    ]
    assert len(file.read_text().splitlines()) == 13


def test_a_place_for_rejected_rows_that_is_none(feed: Callable[..., Feed], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path}: cannot be written: Is a directory"):
        feed(rows(1), rejected_file=tmp_path)


@pytest.mark.parametrize(
    "linked", [None, Path.symlink_to, Path.hardlink_to], ids=["itself", "symlink", "hard link"]
)
def test_rejected_rows_do_not_take_the_registrys_place(
    feed_file: Callable[..., Feed], tmp_path: Path, linked: Callable[[Path, Path], None] | None
) -> None:
    registry = write(tmp_path / "registry.parquet", rows(2))
    place = tmp_path / "rejected.csv" if linked else registry
    if linked:
        linked(place, registry)
    with pytest.raises(InputError, match=f"--rejected {place}: that is the registry itself"):
        feed_file(registry, rejected_file=place)
    assert feed_file(registry).tiles == 2


def test_rejected_rows_are_written_through_links_and_into_pipes(
    feed: Callable[..., Feed], tmp_path: Path
) -> None:
    link, file = tmp_path / "link.csv", tmp_path / "file.csv"
    link.symlink_to(file)
    feed(rows(1), rejected_file=link)
    assert link.is_symlink()
    assert file.read_text().startswith("row,reason,")
    reader, writer = os.pipe()
    with os.fdopen(reader) as written, os.fdopen(writer, "w") as pipe:
        feed(rows(1), rejected_file=Path(f"/proc/self/fd/{pipe.fileno()}"))
        pipe.close()
        assert written.read() == file.read_text()


def test_rejected_rows_of_before_outlive_a_registry_that_cannot_be_read(
    feed_file: Callable[..., Feed], tmp_path: Path
) -> None:
    table = pa.table({"lat": [0.1], "lon": [0.05], "year": [2024], "version": [b"\xff"]})
    pq.write_table(table, tmp_path / "registry.parquet")
    place = tmp_path / "rejected.csv"
    place.write_text("of before")
    with pytest.raises(InputError, match="damaged"):
        feed_file(tmp_path / "registry.parquet", rejected_file=place)
    assert place.read_text() == "of before"


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us"), pa.timestamp("us", "Nowhere/Nothing")], ids=str
)
def test_of_a_rejected_row_the_time_does_not_matter(
    feed_file: Callable[..., Feed], tmp_path: Path, kind: pa.DataType
) -> None:
    mtime = pa.array([2**62]).cast(kind)
    table = pa.table({"lat": [0.1], "lon": [0.05], "year": [2024], "mtime": mtime})
    pq.write_table(table, tmp_path / "registry.parquet")
    place = tmp_path / "rejected.csv"
    assert feed_file(tmp_path / "registry.parquet", rejected_file=place).rejected.total() == 1
    assert place.read_text().splitlines()[1].startswith("0,off-grid,2024,0.05,0.1,")


# --- the digest ------------------------------------------------------------------------------


def fingerprint(feed: Callable[..., Feed], content: list[Row]) -> bytes:
    (year,) = feed(content).years.values()
    assert year.rows == len(content)
    return year.fingerprint


quick = examples(
    40,
    # The fixture only writes the same file again.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "file_size": st.integers(0, 2**33),
        "scales_size": st.integers(0, 2**33),
        "hash": st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}"),
        "scales_hash": st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}"),
        "mtime": st.integers(1, 4_000_000_000).map(float),
        "scales_mtime": st.integers(1, 4_000_000_000).map(float),
    },
)
CONTENT = st.lists(
    st.tuples(st.integers(0, 3599), st.integers(0, 1799), KNOWN),
    min_size=1,
    max_size=20,
    unique_by=lambda tile: tile[:2],
).map(
    lambda tiles: [
        row((grid.WEST_I + 10 * x) / 100, (grid.NORTH_I - 10 * y) / 100, 2024, **known)
        for x, y, known in tiles
    ]
)


@quick
@given(content=CONTENT, seed=st.integers(0, 1000))
def test_a_fingerprint_does_not_depend_on_order(
    feed: Callable[..., Feed], content: list[Row], seed: int
) -> None:
    shuffled = random.Random(seed).sample(content, len(content))
    assert fingerprint(feed, shuffled) == fingerprint(feed, content)


@quick
@given(content=CONTENT, data=st.data())
def test_a_fingerprint_changes_with_any_value(
    feed: Callable[..., Feed], content: list[Row], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(content) - 1))
    name = data.draw(st.sampled_from(["file_size", "scales_size", "hash", "scales_hash",
                                      "mtime", "scales_mtime", "lon", "lat"]))  # fmt: skip
    old = content[number].get(name)
    changed = dict(content[number])
    if name in ("lon", "lat"):
        places = {(one["lon"], one["lat"]) for one in content}
        changed[name] = -old
        if (changed["lon"], changed["lat"]) in places:
            return
    elif name.endswith("hash"):
        bit = 1 << data.draw(st.integers(0, 255))
        changed[name] = f"{int(old or '0', 16) ^ bit:064x}"
    else:
        changed[name] = (old or 0) + data.draw(st.sampled_from([1, 2, 60]))
    other = [*content[:number], changed, *content[number + 1 :]]
    assert fingerprint(feed, other) != fingerprint(feed, content)


@quick
@given(content=CONTENT.filter(lambda content: len(content) > 1), data=st.data())
def test_a_fingerprint_changes_with_a_row_more_or_less(
    feed: Callable[..., Feed], content: list[Row], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(content) - 1))
    fewer = content[:number] + content[number + 1 :]
    assert fingerprint(feed, fewer) != fingerprint(feed, content)


@pytest.mark.parametrize(
    "name", ["file_size", "scales_size", "hash", "scales_hash", "mtime", "scales_mtime"]
)
def test_what_is_unknown_is_not_zero(feed: Callable[..., Feed], name: str) -> None:
    zero = {"hash": "0" * 64, "scales_hash": "0" * 64}.get(name, 0)
    if name.endswith("mtime"):
        zero = 1e-6  # a time of zero is unknown itself
    with_zero = {**FULL, name: zero}
    without = {key: part for key, part in FULL.items() if key != name}
    assert fingerprint(feed, [with_zero]) != fingerprint(feed, [without])


def test_values_that_change_places_change_the_fingerprint(feed: Callable[..., Feed]) -> None:
    """Between two files of a tile, and between two tiles."""
    swapped = {**FULL, "hash": FULL["scales_hash"], "scales_hash": FULL["hash"]}
    assert fingerprint(feed, [swapped]) != fingerprint(feed, [FULL])
    one, two = rows(2)
    crossed = [{**one, "hash": two["hash"]}, {**two, "hash": one["hash"]}]
    assert fingerprint(feed, crossed) != fingerprint(feed, [one, two])


def test_a_fingerprint_does_not_depend_on_batches(
    tmp_path: Path, feed: Callable[..., Feed], feed_file: Callable[..., Feed]
) -> None:
    """The reader's batches follow the file's row groups."""
    content = rows(1000)
    expected = fingerprint(feed, content)
    table = pq.read_table(tmp_path / "registry.parquet")
    pq.write_table(table, tmp_path / "small.parquet", row_group_size=7)
    assert feed_file(tmp_path / "small.parquet").years[2024].fingerprint == expected

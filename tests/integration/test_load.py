"""Loading registries: what is there afterwards, and what a second load makes of changes."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from registries import (
    STORES,
    Row,
    by_id,
    contents,
    counts,
    execute,
    item_versions,
    load_file,
    load_rows,
    row,
    rows,
    search,
    select,
    sha,
    tessera_load,
    tile_versions,
    value,
)

from tessera_catalog.errors import InputError
from tessera_catalog.feed import Selection
from tessera_catalog.stores import Dataset


def test_the_real_registry(migrated_database: str, registry_path: Path) -> None:
    summary = load_file(migrated_database, registry_path)
    assert counts(summary) == (28_477, 0, 0, 0)
    assert summary.feed.rejected.total() == 0

    table = pq.read_table(registry_path, columns=["lon", "lat", "year"]).to_pylist()
    # Tenths of a degree, west and south edge: computed without any of the loader's code.
    tiles = [(r["year"], round(r["lon"] * 10 - 0.5), round(r["lat"] * 10 - 0.5)) for r in table]
    by_year = Counter(year for year, _, _ in tiles)
    assert len(by_year) == 7
    loaded = select(migrated_database, "SELECT year, count(*) FROM tessera.tile GROUP BY year")
    assert dict(loaded) == by_year
    listed = select(
        migrated_database, "SELECT collection, count(*) FROM pgstac.items GROUP BY collection"
    )
    assert dict(listed) == {f"geotessera-{year}": n for year, n in by_year.items()}
    told = select(migrated_database, "SELECT id, content -> 'extent' FROM pgstac.collections")
    for collection, extent in told:
        year = int(collection.removeprefix("geotessera-"))
        wests = [west for y, west, _ in tiles if y == year]
        souths = [south for y, _, south in tiles if y == year]
        edges = [min(wests), min(souths), max(wests) + 1, max(souths) + 1]
        assert extent["spatial"] == {"bbox": [[edge / 10 for edge in edges]]}
        assert extent["temporal"] == {
            "interval": [[f"{year}-01-01T00:00:00Z", f"{year}-12-31T23:59:59Z"]]
        }

    found = search(migrated_database, bbox=[0, 52, 0.2, 52.3], datetime="2021-06-01T00:00:00Z")
    # Boxes that share their edges intersect too.
    there = {
        f"2021_grid_{west / 10 + 0.05:.2f}_{south / 10 + 0.05:.2f}"
        for year, west, south in tiles
        if year == 2021 and -1 <= west <= 2 and 519 <= south <= 523
    }
    assert there
    assert {item["id"] for item in found} == there
    in_sql = select(
        migrated_database,
        """SELECT tessera.item_id(id) FROM tessera.tile
           WHERE year = 2021 AND ST_Intersects(geom, ST_MakeEnvelope(0, 52, 0.2, 52.3, 4326))""",
    )
    assert {name for (name,) in in_sql} == there


def test_the_same_again_touches_nothing(migrated_database: str, tmp_path: Path) -> None:
    content = [*rows(50, 2023), *rows(100, 2024)]
    assert counts(load_rows(migrated_database, tmp_path, content)) == (150, 0, 0, 0)
    everything = contents(migrated_database)
    tiles, items = tile_versions(migrated_database), item_versions(migrated_database)
    assert (len(tiles), len(items)) == (150, 150)

    for again in (content, content[::-1]):
        summary = load_rows(migrated_database, tmp_path, again)
        assert counts(summary) == (0, 0, 150, 0)
        assert summary.collections == [f"geotessera-{row['year']}" for row in again[::149]] or (
            sorted(summary.collections) == ["geotessera-2023", "geotessera-2024"]
        )
        assert tile_versions(migrated_database) == tiles
        assert item_versions(migrated_database) == items
    assert contents(migrated_database) == everything


def test_loads_use_up_no_numbers(migrated_database: str, tmp_path: Path) -> None:
    """Stores are numbered in two bytes."""
    numbers = "SELECT sum(last_value) FROM pg_sequences WHERE schemaname = 'tessera' AND %s"
    small = "data_type = 'smallint'::regtype"
    used = set()
    for count in (1, 2, 3):
        load_rows(migrated_database, tmp_path, [*rows(count), *rows(count, 2023)])
        used.add(value(migrated_database, numbers % small))
    assert used == {len(STORES.names)}


CHANGES = {
    "hash": {"hash": sha("other")},
    "scales_hash": {"scales_hash": sha("other")},
    "file_size": {"file_size": 1, "hash": sha("other")},
    "scales_size": {"scales_size": 0},
    "mtime": {"mtime": 1_750_000_000.0},
    "scales_mtime": {"scales_mtime": 1_750_000_000.0},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_changes_its_tile_alone(
    migrated_database: str, tmp_path: Path, change: str
) -> None:
    content = rows(100)
    load_rows(migrated_database, tmp_path, content)
    tiles, items = tile_versions(migrated_database), item_versions(migrated_database)
    before = by_id(search(migrated_database))

    content[42] |= CHANGES[change]
    assert counts(load_rows(migrated_database, tmp_path, content)) == (0, 1, 99, 0)
    changed_tiles = changed(tiles, tile_versions(migrated_database))
    changed_items = changed(items, item_versions(migrated_database))
    assert len(changed_tiles) == 1
    assert changed_items == {"2024_grid_0.25_50.15"}
    after = by_id(search(migrated_database))
    assert {name for name in after if after[name] != before[name]} == changed_items

    assert counts(load_rows(migrated_database, tmp_path, content)) == (0, 0, 100, 0)


def changed(before: dict[Any, Any], after: dict[Any, Any]) -> set[Any]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.parametrize("share", [0.1, 0.9], ids=["patched", "rebuilt"])
def test_changed_as_if_loaded_anew(
    migrated_database: str, database: str, tmp_path: Path, share: float
) -> None:
    """Few changes are made in place and many by a new table; both end as a first load would."""
    content = [*rows(200, 2023), *rows(200, 2024)]
    load_rows(migrated_database, tmp_path, content)
    for number, one in enumerate(content):
        if number % 10 < share * 10:
            one |= {"file_size": number, "hash": sha(f"new {number}"), "mtime": 1_760_000_000.0}
    count = round(400 * share)
    assert counts(load_rows(migrated_database, tmp_path, content)) == (0, count, 400 - count, 0)
    assert counts(load_rows(database, tmp_path, content)) == (400, 0, 0, 0)
    assert contents(migrated_database) == contents(database)


@pytest.mark.parametrize("more", [5, 300], ids=["few", "many"])
def test_new_tiles(migrated_database: str, tmp_path: Path, more: int) -> None:
    load_rows(migrated_database, tmp_path, rows(100))
    tiles = tile_versions(migrated_database)
    summary = load_rows(migrated_database, tmp_path, rows(100 + more))
    assert counts(summary) == (more, 0, 100, 0)
    assert len(changed(tiles, tile_versions(migrated_database))) == more
    assert len(search(migrated_database)) == 100 + more
    assert tiles_told(migrated_database) == {"geotessera-2024": 100 + more}


def tiles_told(database: str) -> dict[str, int]:
    """Tiles of each collection, as its summaries say."""
    return dict(
        select(
            database,
            """SELECT id, (content -> 'summaries' -> 'tessera:tiles' ->> 0)::int
               FROM pgstac.collections""",
        )
    )


def test_a_collection_follows_its_tiles(migrated_database: str, tmp_path: Path) -> None:
    content = [row(0.05, 50.05, file_size=100, scales_size=10), row(0.15, 50.05)]
    for more, edges, size in (
        ([], [0, 50, 0.2, 50.1], [110]),
        ([row(-0.05, -49.95, file_size=5)], [-0.1, -50, 0.2, 50.1], [115]),
    ):
        content += more
        load_rows(migrated_database, tmp_path, content)
        (document,) = search_collections(migrated_database)
        assert document["extent"]["spatial"]["bbox"] == [edges]
        assert document["summaries"]["tessera:bytes"] == size
        assert document["summaries"]["tessera:tiles"] == [len(content)]


def search_collections(database: str) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = value(database, "SELECT pgstac.all_collections()")
    return sorted(documents, key=lambda document: document["id"])


# --- what is not known -----------------------------------------------------------------------


def test_what_is_unknown_erases_nothing(migrated_database: str, tmp_path: Path) -> None:
    known = rows(10)
    load_rows(migrated_database, tmp_path, known)
    before = contents(migrated_database)
    bare = [row(one["lon"], one["lat"]) for one in known]
    assert counts(load_rows(migrated_database, tmp_path, bare)) == (0, 0, 10, 0)
    after = contents(migrated_database)
    assert (after["tiles"], after["items"]) == (before["tiles"], before["items"])
    assert counts(load_rows(migrated_database, tmp_path, known)) == (0, 0, 10, 0)


@pytest.mark.parametrize(
    ("file", "said", "kept"),
    [
        ("", {"file_size": 1}, False),
        ("", {"mtime": 1_750_000_000.0}, False),
        ("", {"scales_size": 1}, True),
        ("", {"scales_mtime": 1_750_000_000.0}, True),
        ("scales_", {"scales_size": 1}, False),
        ("scales_", {"scales_mtime": 1_750_000_000.0}, False),
        ("scales_", {"file_size": 1}, True),
    ],
)
def test_a_hash_lasts_as_long_as_its_file(
    migrated_database: str, tmp_path: Path, file: str, said: Row, kept: bool
) -> None:
    """A registry without hashes that tells of another file makes the hash unknown."""
    (known,) = rows(1)
    known["scales_mtime"] = known["mtime"]
    load_rows(migrated_database, tmp_path, [known])
    told = {name: known[name] for name in ("lon", "lat", "year", "file_size", "scales_size",
                                           "mtime", "scales_mtime")}  # fmt: skip
    load_rows(migrated_database, tmp_path, [told | said])
    column = {"": "embeddings_sha256", "scales_": "scales_sha256"}[file]
    held = value(migrated_database, f"SELECT encode({column}, 'hex') FROM tessera.tile")
    assert held == (known[f"{file}hash"] if kept else None)
    (item,) = search(migrated_database)
    asset = item["assets"][{"": "embeddings", "scales_": "embeddings_scales"}[file]]
    assert asset.get("file:checksum") == (f"1220{held}" if kept else None)


# --- selections ------------------------------------------------------------------------------


def test_a_selected_year_leaves_the_others(migrated_database: str, tmp_path: Path) -> None:
    content = [*rows(20, 2022), *rows(20, 2023), *rows(20, 2024)]
    only = Selection(frozenset({2023}))
    assert counts(load_rows(migrated_database, tmp_path, content, selection=only)) == (20, 0, 0, 0)
    assert tiles_told(migrated_database) == {"geotessera-2023": 20}
    load_rows(migrated_database, tmp_path, content)
    tiles = tile_versions(migrated_database)

    for one in content:
        one["hash"] = sha("other")
    assert counts(load_rows(migrated_database, tmp_path, content, selection=only)) == (0, 20, 0, 0)
    years = {tile // 10**7 % 10**4 for tile in changed(tiles, tile_versions(migrated_database))}
    assert years == {2023}
    assert len(search(migrated_database)) == 60
    assert counts(load_rows(migrated_database, tmp_path, content)) == (0, 40, 20, 0)


def test_a_selected_box_leaves_the_rest(migrated_database: str, tmp_path: Path) -> None:
    content = rows(80)
    # Its edges are those of tiles: the ones it touches are not in it.
    box = Selection(bbox=(0.3, 50.0, 0.6, 50.1))
    assert counts(load_rows(migrated_database, tmp_path, content, selection=box)) == (3, 0, 0, 0)
    assert {item["id"] for item in search(migrated_database)} == {
        f"2024_grid_0.{digit}5_50.05" for digit in (3, 4, 5)
    }
    load_rows(migrated_database, tmp_path, content)
    for one in content:
        one["hash"] = sha("other")
    assert counts(load_rows(migrated_database, tmp_path, content, selection=box)) == (0, 3, 0, 0)
    assert len(search(migrated_database)) == 80
    assert counts(load_rows(migrated_database, tmp_path, content)) == (0, 77, 3, 0)


def test_a_registry_of_a_part_keeps_the_rest(migrated_database: str, tmp_path: Path) -> None:
    load_rows(migrated_database, tmp_path, [*rows(40, 2023), *rows(40, 2024)])
    assert counts(load_rows(migrated_database, tmp_path, rows(10, 2024))) == (0, 0, 10, 0)
    assert tiles_told(migrated_database) == {"geotessera-2023": 40, "geotessera-2024": 40}
    assert len(search(migrated_database)) == 80


# --- datasets --------------------------------------------------------------------------------


def of_dataset(content: list[Row], version: str, variant: str | None = None) -> list[Row]:
    return [one | {"version": version, "variant": variant} for one in content]


def test_datasets_never_mix(migrated_database: str, tmp_path: Path) -> None:
    mixed = [*of_dataset(rows(10), "v1"), *of_dataset(rows(20), "v1.1", "cam")]
    with pytest.raises(InputError, match=r"v1, v1\.1-cam.*--dataset"):
        load_rows(migrated_database, tmp_path, mixed)
    assert counts(load_rows(migrated_database, tmp_path, mixed, dataset="v1.1-cam"))[0] == 20
    assert counts(load_rows(migrated_database, tmp_path, mixed, dataset="v1"))[0] == 10
    assert tiles_told(migrated_database) == {"geotessera-2024": 10, "geotessera-v1.1-cam-2024": 20}
    found = search(migrated_database, collections=["geotessera-v1.1-cam-2024"])
    assert len(found) == 20
    assert {item["properties"]["tessera:dataset"] for item in found} == {"v1.1-cam"}
    assert {one["properties"]["tessera:dataset"] for one in search(
        migrated_database, collections=["geotessera-2024"])} == {"v1"}  # fmt: skip

    again = load_rows(migrated_database, tmp_path, mixed, dataset="v1.1-cam", prune=True)
    assert counts(again) == (0, 0, 20, 0)
    assert value(migrated_database, "SELECT count(*) FROM tessera.tile") == 30


def test_a_file_of_another_dataset(migrated_database: str, tmp_path: Path) -> None:
    other = of_dataset(rows(10), "v2", "2B-L~beta1")
    for options in ({}, {"dataset": "v1"}, {"dataset": "v2"}):
        with pytest.raises(InputError, match=r"of dataset v2-2B-L~beta1, not v\d alone"):
            load_rows(migrated_database, tmp_path, other, **options)
    load_rows(migrated_database, tmp_path, other, dataset="v2-2B-L~beta1")
    assert tiles_told(migrated_database) == {"geotessera-v2-2B-L~beta1-2024": 10}


def test_a_file_that_names_no_dataset_is_of_the_one_asked_for(
    migrated_database: str, tmp_path: Path
) -> None:
    load_rows(migrated_database, tmp_path, rows(5), dataset="v3")
    nameless = [one | {"version": None} for one in rows(5)]
    assert load_rows(migrated_database, tmp_path, nameless).dataset == STORES.dataset.id
    assert tiles_told(migrated_database) == {"geotessera-2024": 5, "geotessera-v3-2024": 5}


def test_a_file_some_of_whose_rows_name_no_dataset(migrated_database: str, tmp_path: Path) -> None:
    content = [*of_dataset(rows(5), "v1"), *rows(5, 2023)]
    with pytest.raises(InputError, match="--dataset"):
        load_rows(migrated_database, tmp_path, content)


def test_a_dataset_that_can_be_no_id(migrated_database: str, tmp_path: Path) -> None:
    for name in ("a/b", "", "-v1", "v 1", "v1\n"):
        with pytest.raises(InputError, match="dataset"):
            load_rows(migrated_database, tmp_path, rows(5), dataset=name)


def test_another_default_dataset_needs_another_database(
    migrated_database: str, tmp_path: Path
) -> None:
    """Its ids are those of another dataset's collections, which are there already."""
    load_rows(migrated_database, tmp_path, rows(5))
    renamed = STORES.model_copy(update={"dataset": Dataset(id="v2")})
    before = contents(migrated_database)
    for dataset in ("v1", "v2"):
        with pytest.raises(InputError, match="geotessera-2024"):
            load_rows(migrated_database, tmp_path, rows(6), stores=renamed, dataset=dataset)
    assert contents(migrated_database) == before


# --- the command -----------------------------------------------------------------------------


def test_the_command_tells_what_it_did(pg_env: dict[str, str], tmp_path: Path) -> None:
    from registries import write

    file = write(tmp_path / "registry.parquet", [*rows(200, 2023), *rows(100), rows(1)[0]])
    done = tessera_load(pg_env, file, "--json", folder=tmp_path)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert isinstance(report.pop("seconds"), float)
    assert report == {
        "tiles": 300,
        "inserted": 300,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 1,
        "rejected_by_reason": {"duplicate": 1},
        "collections": ["geotessera-2023", "geotessera-2024"],
    }
    assert done.stderr == "row 300: duplicate (year 2024, lon 0.05, lat 50.05)\n"

    done = tessera_load(pg_env, file, folder=tmp_path)
    assert done.returncode == 0
    assert re.fullmatch(
        r"300 tiles of v1 in 2 collections: 0 new, 0 changed, 300 unchanged, 0 removed; "
        r"1 rows rejected \(\d+\.\d s\)\n  rejected: 1 duplicate\n",
        done.stdout,
    )
    assert list(tmp_path.iterdir()) == [file]


def test_searches_see_new_counts_at_once(migrated_database: str, tmp_path: Path) -> None:
    """pgSTAC keeps counts for a day; also those that a killed load left."""
    load_rows(migrated_database, tmp_path, rows(10))
    assert matched(migrated_database) == 10
    load_rows(migrated_database, tmp_path, rows(11))
    assert matched(migrated_database) == 11
    execute(migrated_database, "UPDATE pgstac.search_wheres SET total_count = 3")
    assert matched(migrated_database) == 3
    load_rows(migrated_database, tmp_path, rows(11))
    assert matched(migrated_database) == 11


def matched(database: str) -> int:
    """What pgSTAC counts, and then remembers."""
    body = {"collections": ["geotessera-2024"], "conf": {"context": "on"}, "limit": 1}
    count = value(database, "SELECT pgstac.search(%s) -> 'numberMatched'", json.dumps(body))
    return int(count)

"""STAC items and collections as pgSTAC hands them out, against a plain reading of the contract.

The renderer here works item by item from a registry's row, with decimal arithmetic, and knows
nothing of the loader's SQL.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pystac
import pytest
from registries import (
    STORES,
    Row,
    by_id,
    execute,
    load_rows,
    row,
    rows,
    search,
    select,
    sha,
    value,
)

from tessera_catalog.collections import ITEM_ASSETS

Item = dict[str, Any]

FILE, GRID, ALTERNATE = (
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json",
)

NAMES = STORES.names


def expected(
    tile: Row, stores: Sequence[str] = NAMES[:1], unsound: Sequence[str] = (), verified: str = ""
) -> Item:
    """The item of a registry's row, as section 4 of the design has it."""
    year, (lon, lat) = tile["year"], place(tile)
    half = Decimal("0.05")
    west, south, east, north = (float(n) for n in (lon - half, lat - half, lon + half, lat + half))
    stem = f"{year}/grid_{lon}_{lat}/grid_{lon}_{lat}"
    assets = {"embeddings": asset(tile, "embeddings", f"{stem}.npy", stores)}
    if tile.get("scales_size") != 0:
        path = f"{stem}_scales.npy"
        assets["embeddings_scales"] = asset(tile, "embeddings_scales", path, stores)
    told = properties(tile, stores, unsound)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [FILE, GRID, ALTERNATE],
        "id": f"{year}_grid_{lon}_{lat}",
        "collection": f"geotessera-{year}",
        "bbox": [west, south, east, north],
        "geometry": {
            "type": "Polygon",
            "coordinates": [
                [[west, south], [east, south], [east, north], [west, north], [west, south]]
            ],
        },
        "properties": told | ({"tessera:verified": verified} if verified else {}),
        "assets": assets if stores else {},
    }


def place(tile: Row) -> tuple[Decimal, Decimal]:
    """Centre: longitude, latitude."""
    lon, lat = (Decimal(str(tile[name])).quantize(Decimal("0.01")) for name in ("lon", "lat"))
    return lon, lat


def properties(tile: Row, stores: Sequence[str], unsound: Sequence[str]) -> Item:
    """What the item of a row says of its tile."""
    year, (lon, lat) = tile["year"], place(tile)
    times = sorted(tile[name] for name in ("mtime", "scales_mtime") if tile.get(name))
    return {
        "title": f"Tile {abs(lat)}°{'S' if lat < 0 else 'N'} "
        f"{abs(lon)}°{'W' if lon < 0 else 'E'} ({year})",
        "datetime": f"{year}-01-01T00:00:00Z",
        "start_datetime": f"{year}-01-01T00:00:00Z",
        "end_datetime": f"{year}-12-31T23:59:59Z",
        "gsd": 10,
        "grid:code": f"TESSERA-grid_{lon}_{lat}",
        "tessera:year": year,
        "tessera:lon": float(lon),
        "tessera:lat": float(lat),
        "tessera:dataset": "v1",
        "tessera:stores": [name for name in NAMES if name in stores],
        "tessera:missing_stores": [n for n in NAMES if n not in stores and n not in unsound],
        "tessera:store_count": len(stores),
        **{f"tessera:in_{name}": name in stores for name in NAMES},
        **({"created": utc(times[0]), "updated": utc(times[-1])} if times else {}),
    }


def asset(tile: Row, key: str, path: str, stores: Sequence[str]) -> Item:
    """One file, on the most preferred of the stores that have it, and its other copies."""
    size, digest = {
        "embeddings": (tile.get("file_size"), tile.get("hash")),
        "embeddings_scales": (tile.get("scales_size"), tile.get("scales_hash")),
    }[key]
    copies = {
        store.name: {"href": f"{store.url}/{path}", "alternate:name": store.title}
        for store in STORES.stores
        if store.name in stores
    }
    first = next(iter(copies), "")
    return {
        **ITEM_ASSETS[key],
        **copies.pop(first, {}),
        **({"file:size": size} if size is not None else {}),
        **({"file:checksum": f"1220{digest}"} if digest else {}),
        **({"alternate": copies} if copies else {}),
    }


def utc(seconds: float) -> str:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


PLACES = [
    (0.85, 49.95),
    (0.05, 0.05),
    (-0.05, 0.05),
    (0.05, -0.05),
    (-0.05, -0.05),
    (179.95, 0.15),
    (-179.95, 0.15),
    (-179.95, -16.55),
    (0.15, 89.95),
    (0.15, -89.95),
    (-179.95, -89.95),
    (179.95, 89.95),
    (-1.05, 10.05),
    (100.05, -1.95),
    (0.8500000001, -12.3499999999),
    (-70.04999999, -0.95),
]

KNOWLEDGE: list[Row] = [
    {},
    {"file_size": 158_000_128, "scales_size": 4_937_628},
    {"hash": sha("a"), "scales_hash": sha("b")},
    {"file_size": 1, "hash": sha("c"), "mtime": 1_700_000_000.75},
    {"scales_size": 2**33, "scales_hash": sha("d"), "scales_mtime": 1_600_000_000.0},
    {"scales_size": 0, "file_size": 5, "mtime": 1_700_000_000.0},
    {"scales_size": 0},
    {"mtime": 1_700_000_001.0, "scales_mtime": 1_700_000_000.0, "file_size": 0},
]


@pytest.fixture
def tiles() -> list[Row]:
    """A tile at each place, and what is known of it goes round."""
    return [
        row(*place, 2017 + number % 2 * 8, **KNOWLEDGE[number % len(KNOWLEDGE)])
        for number, place in enumerate(PLACES)
    ]


def test_items_are_what_the_contract_says(
    migrated_database: str, tmp_path: Path, tiles: list[Row]
) -> None:
    load_rows(migrated_database, tmp_path, tiles)
    wanted = by_id(expected(tile) for tile in tiles)
    assert by_id(map(comparable, search(migrated_database))) == wanted
    for name, item in wanted.items():
        got = value(migrated_database, "SELECT pgstac.get_item(%s, %s)", name, item["collection"])
        assert comparable(got) == item


def comparable(item: Item) -> Item:
    """An item without its links, which the server makes; exact JSON numbers, too."""
    assert item.get("links", []) == []
    return {key: part for key, part in item.items() if key != "links"}


PLACEMENTS: list[tuple[list[str], list[str]]] = [
    (["okavango", "s3", "scaleway"], []),
    (["okavango", "scaleway"], ["s3"]),
    (["s3", "scaleway"], []),
    (["scaleway"], ["okavango"]),
    (["s3"], ["okavango", "scaleway"]),
    ([], ["okavango"]),
    ([], []),
]


def test_items_of_any_placement(migrated_database: str, tmp_path: Path, tiles: list[Row]) -> None:
    """Copies as a link would note them; the tiles are placed here by hand."""
    load_rows(migrated_database, tmp_path, tiles)
    wanted = {}
    for number, tile in enumerate(tiles):
        stores, unsound = PLACEMENTS[number % len(PLACEMENTS)]
        verified = "2026-10-01T12:00:00Z" if number % 3 == 0 else ""
        item = expected(tile, stores, unsound, verified)
        wanted[item["id"]] = item
        execute(
            migrated_database,
            f"""UPDATE tessera.tile SET stores = '{{{",".join(stores)}}}',
                    unsound_stores = nullif('{{{",".join(unsound)}}}', '{{}}')::text[],
                    verified = nullif('{verified}', '')::timestamptz
                WHERE tessera.item_id(id) = '{item["id"]}'""",
        )
    execute(migrated_database, "UPDATE tessera.collection SET projection = NULL")
    load_rows(migrated_database, tmp_path, tiles)
    assert by_id(map(comparable, search(migrated_database))) == wanted


def test_items_in_a_session_of_other_habits(
    migrated_database: str, tmp_path: Path, tiles: list[Row]
) -> None:
    """Neither the server's time zone nor its way to write dates and numbers shows in an item."""
    (name,) = select(migrated_database, "SELECT current_database()")[0]
    for setting in ("timezone = 'Asia/Kathmandu'", "datestyle = 'German'", "extra_float_digits = 0",
                    "intervalstyle = 'iso_8601'"):  # fmt: skip
        execute(migrated_database, f"ALTER DATABASE {name} SET {setting}")
    load_rows(migrated_database, tmp_path, tiles)
    assert by_id(map(comparable, search(migrated_database))) == by_id(map(expected, tiles))
    days = select(migrated_database, "SELECT DISTINCT datetime AT TIME ZONE 'UTC' FROM items")
    assert {day for (day,) in days} == {dt.datetime(2017, 1, 1), dt.datetime(2025, 1, 1)}


def test_items_pass_validation(migrated_database: str, tmp_path: Path, tiles: list[Row]) -> None:
    """pystac brings STAC's own schemas; the extensions' rules are stated here."""
    load_rows(migrated_database, tmp_path, tiles)
    for item in search(migrated_database):
        core = {**item, "stac_extensions": []}
        # The server adds it, and with `collection` it must be there.
        core["links"] = [{"rel": "collection", "href": "./collection.json"}]
        assert pystac.Item.from_dict(core).validate()

        assert item["stac_extensions"] == [FILE, GRID, ALTERNATE]
        assert re.fullmatch(r"[A-Z0-9]+-[-_.A-Za-z0-9]+", item["properties"]["grid:code"])
        for one in item["assets"].values():
            assert re.fullmatch(r"1220[0-9a-f]{64}", one.get("file:checksum", "1220" + 64 * "0"))
            assert isinstance(one.get("file:size", 0), int)
            assert one["alternate:name"]
            for other in one.get("alternate", {}).values():
                assert other["href"].startswith("https://")
        assert "𒍟※" not in json.dumps(item, ensure_ascii=False)


def test_collections_pass_validation(
    migrated_database: str, tmp_path: Path, tiles: list[Row]
) -> None:
    load_rows(migrated_database, tmp_path, tiles)
    documents = value(migrated_database, "SELECT pgstac.all_collections()")
    assert sorted(document["id"] for document in documents) == [
        "geotessera-2017",
        "geotessera-2025",
    ]
    for document in documents:
        assert pystac.Collection.from_dict(document).validate()
        west, south, east, north = document["extent"]["spatial"]["bbox"][0]
        there = [expected(t)["bbox"] for t in tiles if f"{t['year']}" in document["id"]]
        assert [west, south] == [min(box[0] for box in there), min(box[1] for box in there)]
        assert [east, north] == [max(box[2] for box in there), max(box[3] for box in there)]


def test_what_items_share_is_kept_once(migrated_database: str, tmp_path: Path) -> None:
    load_rows(migrated_database, tmp_path, rows(3))
    assets = value(migrated_database, "SELECT content -> 'assets' FROM items LIMIT 1")
    (item, *_) = search(migrated_database)
    (document,) = value(migrated_database, "SELECT pgstac.all_collections()")
    for key, shared in document["item_assets"].items():
        assert not shared.keys() & assets[key].keys()
        assert shared.items() <= item["assets"][key].items()
        assert {"title", "type", "roles"} <= shared.keys()


def test_items_say_what_their_collection_will_say(migrated_database: str, tmp_path: Path) -> None:
    """Also after someone, or an older release, has written other things of all assets there."""
    content = rows(3)
    load_rows(migrated_database, tmp_path, content)
    before = by_id(search(migrated_database))
    for _ in range(2):
        execute(
            migrated_database,
            """SELECT pgstac.update_collection(jsonb_set(
                   content, '{item_assets,embeddings,title}', '"Another title"'))
               FROM pgstac.collections""",
        )
        load_rows(migrated_database, tmp_path, content)
        assert by_id(search(migrated_database)) == before
        (document,) = value(migrated_database, "SELECT pgstac.all_collections()")
        assert document["item_assets"] == ITEM_ASSETS


def test_filter_by_year_passes_over_other_years(migrated_database: str, tmp_path: Path) -> None:
    """There is no index of the year; the checks of the partitions say enough."""
    load_rows(migrated_database, tmp_path, [row(0.05, 49.95, year) for year in range(2020, 2026)])
    where = value(
        migrated_database,
        """SELECT cql2_query('{"op": "=", "args": [{"property": "tessera:year"}, 2023]}')""",
    )
    plan = select(migrated_database, f"EXPLAIN SELECT id FROM items WHERE {where}")
    looked_through = set(re.findall(r"_items_\d+", " ".join(line for (line,) in plan)))
    partition = value(
        migrated_database, "SELECT '_items_' || key FROM collections WHERE id = %s",
        "geotessera-2023",
    )  # fmt: skip
    assert looked_through == {partition}

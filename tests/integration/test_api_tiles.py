"""Vector tiles: all tiles of a square of the map and no other, each in its place."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import api_server
import httpx
import mapbox_vector_tile
import psycopg
import pytest
from psycopg.rows import dict_row

LAYER = "tiles"
EXTENT = 4096

WITHIN = """
    SELECT t.id, tessera.item_id(t.id) AS item_id, t.*
    FROM tessera.tile t, ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS square
    WHERE t.dataset = %(dataset)s AND t.year = %(year)s
      AND t.geom && ST_Expand(ST_Transform(square, 4326), 0.1)
      AND ST_Area(ST_Intersection(
              ST_Transform(ST_Intersection(
                  t.geom, ST_MakeEnvelope(-180, -85.06, 180, 85.06, 4326)), 3857),
              square)) > 0.01
"""
"""The tiles that have area in a square of the map, the slow way."""


def square(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    """The square of the map that a place lies in."""
    x = math.floor((lon + 180) / 360 * 2**z)
    y = math.floor((0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)) * 2**z)
    return z, x, y


SQUARES = [
    *(square(13.0, 8.0, z) for z in (5, 6, 7, 8, 10, 14)),
    *(square(lon, lat, z) for lon in (-0.01, 0.01) for lat in (-0.01, 0.01) for z in (5, 9, 12)),
    *(square(lon, lat, 6) for lon in (-179.9, 179.9) for lat in (-0.01, 0.01)),
    *(square(lon, 67.05, z) for lon in (22.49, 22.51) for z in (5, 8)),  # an edge of both grids
    square(0.85, 85.0, 5),
    square(0.85, 84.98, 14),
    square(-70.05, -47.05, 5),
    square(-70.05, -47.05, 11),
    square(178.55, -17.85, 7),
]


def features(api: httpx.Client, collection: str, z: int, x: int, y: int) -> list[dict[str, Any]]:
    """Features of a vector tile, y downwards; none when it is empty."""
    answer = api.get(f"/tiles/{collection}/{z}/{x}/{y}.mvt")
    if answer.status_code == 204:
        assert answer.content == b""
        return []
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    layers = mapbox_vector_tile.decode(answer.content, default_options={"y_coord_down": True})
    assert list(layers) == [LAYER]
    assert layers[LAYER]["extent"] == EXTENT
    found: list[dict[str, Any]] = layers[LAYER]["features"]
    return found


def within(database: str, z: int, x: int, y: int, dataset: str = "v1") -> dict[int, dict[str, Any]]:
    """Rows of the tiles of 2024 in a square, by their id."""
    asked = {"z": z, "x": x, "y": y, "dataset": dataset, "year": 2024}
    with psycopg.connect(database, row_factory=dict_row) as connection:
        return {row["id"]: row for row in connection.execute(WITHIN, asked)}


@pytest.mark.parametrize(("z", "x", "y"), SQUARES)
def test_a_square_has_the_tiles_that_sql_finds(
    map_api: httpx.Client, map_database: api_server.Catalogue, z: int, x: int, y: int
) -> None:
    found = features(map_api, "geotessera-2024", z, x, y)
    expected = within(map_database.conninfo, z, x, y)
    assert sorted(feature["id"] for feature in found) == sorted(expected)


def test_the_squares_are_worth_looking_at(map_database: api_server.Catalogue) -> None:
    sizes = [len(within(map_database.conninfo, *at)) for at in SQUARES]
    assert max(sizes) == 113 * 112, "every cell of a square: more than servers like to send"
    assert sum(size > 0 for size in sizes) > 20


def test_what_is_known_of_a_tile(map_api: httpx.Client, map_database: api_server.Catalogue) -> None:
    at = square(13.0, 8.0, 8)
    expected = within(map_database.conninfo, *at)
    found = features(map_api, "geotessera-2024", *at)
    assert len(found) > 100
    assert {feature["properties"].get("unsound_stores") for feature in found} >= {None, "s3"}
    for feature in found:
        row = expected[feature["id"]]
        known = {
            "id": row["item_id"],
            "lon": row["lon"],
            "lat": row["lat"],
            "year": 2024,
            "stores": ",".join(row["stores"]),
            "unsound_stores": ",".join(row["unsound_stores"] or []) or None,
            "store_count": len(row["stores"]),
            "embeddings_size": row["embeddings_size"],
            "scales_size": row["scales_size"],
            "verified": row["verified"] and f"{row['verified']:%Y-%m-%dT%H:%M:%SZ}",
        }
        assert feature["properties"] == {k: v for k, v in known.items() if v is not None}


@pytest.mark.parametrize(
    ("lon", "lat", "z"), [(13.0, 8.0, 6), (-70.05, -47.05, 9), (-0.01, -0.01, 7), (0.85, 85.0, 5)]
)
def test_tiles_are_where_they_belong(
    map_api: httpx.Client, map_database: api_server.Catalogue, lon: float, lat: float, z: int
) -> None:
    z, x, y = square(lon, lat, z)
    found = features(map_api, "geotessera-2024", z, x, y)
    rows = within(map_database.conninfo, z, x, y)
    assert found
    for feature in found:
        row = rows[feature["id"]]
        left, right = (place(row["lon"] + d, 0, z, x, y)[0] for d in (-0.05, 0.05))
        top, bottom = (place(0, row["lat"] + d, z, x, y)[1] for d in (0.05, -0.05))
        (ring,) = feature["geometry"]["coordinates"]
        columns, lines = zip(*ring, strict=True)
        expected = (max(left, -64), max(top, -64), min(right, 4160), min(bottom, 4160))
        assert (min(columns), min(lines), max(columns), max(lines)) == pytest.approx(
            expected, abs=1
        )
        assert area(ring) > 0, "an outer ring runs clockwise"


def place(lon: float, lat: float, z: int, x: int, y: int) -> tuple[float, float]:
    """A place in units of a square of the map."""
    down = 0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)
    return ((lon + 180) / 360 * 2**z - x) * EXTENT, (down * 2**z - y) * EXTENT


def area(ring: list[list[int]]) -> float:
    """By the surveyor's formula: positive where the ring runs clockwise and y points down."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


def test_datasets_do_not_mix(map_api: httpx.Client) -> None:
    at = square(30.05, 1.05, 8)
    assert features(map_api, "geotessera-2024", *at) == []
    (feature,) = features(map_api, "geotessera-v2-2024", *at)
    assert feature["properties"]["id"] == "2024_grid_30.05_1.05"


def test_one_partition_is_read_and_by_its_key(map_database: api_server.Catalogue) -> None:
    with psycopg.connect(map_database.conninfo) as connection:
        connection.execute(
            "SELECT tessera.vector_tile('geotessera-2024', %s, %s, %s)", square(13.0, 8.0, 6)
        )
        scans = connection.execute(
            "SELECT relname, coalesce(seq_scan, 0), coalesce(idx_scan, 0) > 0 "
            "FROM pg_stat_xact_user_tables "
            "WHERE schemaname = 'tessera' AND relname ~ '^tile_' ORDER BY relname"
        ).fetchall()
    read = [(name, whole) for name, whole, by_key in scans if whole or by_key]
    assert len(scans) == 3
    assert read == [("tile_1_2024", 0)]


def test_an_unchanged_tile_is_not_sent_again(map_api: httpx.Client) -> None:
    path = "/tiles/geotessera-2024/{}/{}/{}.mvt".format(*square(13.0, 8.0, 7))
    first = map_api.get(path)
    again = map_api.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = map_api.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == first.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("geotessera-1999/6/32/21", 404, "geotessera-1999"),
        ("geotessera-2024/4/3/3", 400, "path.z"),
        ("geotessera-2024/15/3/3", 400, "path.z"),
        ("geotessera-2024/6/64/3", 400, "0 to 63"),
        ("geotessera-2024/6/3/64", 400, "0 to 63"),
        ("geotessera-2024/6/-1/3", 400, "path.x"),
        ("geotessera-2024/6/99999999999/3", 400, "path.x"),
        ("geotessera-2024/6/3/3.5", 400, "path.y"),
        ("geotessera-2024/six/3/3", 400, "path.z"),
        ("geotessera-2024%00/6/3/3", 400, "value"),
    ],
)
def test_what_there_is_not(map_api: httpx.Client, path: str, status: int, word: str) -> None:
    answer = map_api.get(f"/tiles/{path}.mvt")
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "description"}
    assert word in answer.json()["description"]

"""A small catalogue for tests of the API: items as the loader renders them, through pypgstac.

Four years around Britain, the first of them dense, and a few tiles at the edges of the map; three
stores of which the second and third lack some. Everything follows from the tile alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import psycopg
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

from tessera_catalog import grid
from tessera_catalog.catalogue import put_queryables
from tessera_catalog.stores import load_stores

STORES = load_stores()
YEARS = {2021: 1, 2022: 2, 2023: 3, 2024: 5}
"""Years, and one of how many tiles each has."""

EDGES = ((17995, 6705), (-17995, 6705), (17995, -1775), (-5, -5), (5, 5), (15, 8995), (15, -8995))

TRUTH = """
CREATE VIEW truth AS
SELECT id, collection, geometry, datetime, end_datetime,
       p ->> 'title' AS title,
       p ->> 'grid:code' AS code,
       p ->> 'tessera:dataset' AS dataset,
       (p ->> 'created')::timestamptz AS created,
       (p ->> 'updated')::timestamptz AS updated,
       (p ->> 'tessera:verified')::timestamptz AS verified,
       (p ->> 'tessera:year')::float AS year,
       (p ->> 'tessera:lon')::float AS lon,
       (p ->> 'tessera:lat')::float AS lat,
       (p ->> 'tessera:store_count')::float AS copies,
       (p ->> 'tessera:in_s3')::boolean AS in_s3,
       ARRAY(SELECT jsonb_array_elements_text(p -> 'tessera:stores')) AS stores,
       ARRAY(SELECT jsonb_array_elements_text(p -> 'tessera:missing_stores')) AS missing
FROM pgstac.items, LATERAL (SELECT content -> 'properties') AS each (p)
"""
"""The items as a plain table, for tests to ask SQL what they ask the API."""

EXTENSIONS = [
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json",
]


def tiles(year: int) -> list[tuple[int, int]]:
    """Centres of a year's tiles, hundredths of a degree."""
    britain = [(lon, lat) for lat in range(5005, 5395, 10) for lon in range(-195, 196, 10)]
    return [*EDGES, *(tile for n, tile in enumerate(britain) if n % YEARS[year] == 0)]


def stores_of(year: int, lon_i: int, lat_i: int) -> list[str]:
    """Stores that hold a tile: the first all, the second most, the third about half."""
    noise = hashlib.sha256(f"{year}/{lon_i}/{lat_i}".encode()).digest()[0]
    holds = (True, noise % 16 != 0, noise % 2 == 0)
    return [name for name, held in zip(STORES.names, holds, strict=True) if held]


def item(year: int, lon_i: int, lat_i: int) -> dict[str, Any]:
    """The STAC item of a tile."""
    west, south, east, north = grid.footprint(lon_i, lat_i)
    stores = stores_of(year, lon_i, lat_i)
    month = 1 + (lon_i // 10) % 12
    properties: dict[str, Any] = {
        "title": f"Tile {grid.degrees(lat_i)} {grid.degrees(lon_i)} ({year})",
        "datetime": f"{year}-01-01T00:00:00Z",
        "start_datetime": f"{year}-01-01T00:00:00Z",
        "end_datetime": f"{year}-12-31T23:59:59Z",
        "created": f"{year + 1}-{month:02d}-02T03:04:05Z",
        "updated": f"{year + 1}-{month:02d}-03T00:00:00Z",
        "gsd": 10,
        "grid:code": f"TESSERA-{grid.tile_name(lon_i, lat_i)}",
        "tessera:year": year,
        "tessera:lon": lon_i / 100,
        "tessera:lat": lat_i / 100,
        "tessera:dataset": "v1",
        "tessera:stores": stores,
        "tessera:missing_stores": [name for name in STORES.names if name not in stores],
        "tessera:store_count": len(stores),
    }
    properties |= {f"tessera:in_{name}": name in stores for name in STORES.names}
    if lat_i % 50 == 5:
        properties["tessera:verified"] = f"{year + 2}-06-01T12:00:00Z"
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": grid.item_id(year, lon_i, lat_i),
        "collection": STORES.collection_id("v1", year),
        "bbox": [west, south, east, north],
        "geometry": {
            "type": "Polygon",
            "coordinates": [
                [[west, south], [east, south], [east, north], [west, north], [west, south]]
            ],
        },
        "properties": properties,
        "links": [],
        "assets": _assets(year, lon_i, lat_i, stores),
    }


def _assets(year: int, lon_i: int, lat_i: int, stores: list[str]) -> dict[str, Any]:
    path = f"{grid.tile_path(year, lon_i, lat_i)}/{grid.tile_name(lon_i, lat_i)}"
    size = 160_000_000 - abs(lat_i) * 1000
    assets = {}
    for key, suffix, size_of in (
        ("embeddings", ".npy", size),
        ("embeddings_scales", "_scales.npy", size // 32),
    ):
        hrefs = {
            name: {
                "href": f"{STORES.get(name).url}/{path}{suffix}",
                "alternate:name": STORES.get(name).title,
            }
            for name in stores
        }
        digest = hashlib.sha256(f"{path}{suffix}".encode()).hexdigest()
        assets[key] = {
            **ITEM_ASSETS[key],
            **hrefs.pop(stores[0]),
            "file:size": size_of,
            "file:checksum": f"1220{digest}",
            **({"alternate": hrefs} if hrefs else {}),
        }
    return assets


ITEM_ASSETS: dict[str, dict[str, Any]] = {
    "embeddings": {
        "title": "Embeddings",
        "type": "application/octet-stream",
        "roles": ["data"],
    },
    "embeddings_scales": {
        "title": "Scales",
        "type": "application/octet-stream",
        "roles": ["data"],
    },
}


def collection(year: int) -> dict[str, Any]:
    """The STAC collection of a year."""
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": ["https://stac-extensions.github.io/item-assets/v1.0.0/schema.json"],
        "id": STORES.collection_id("v1", year),
        "title": f"GeoTessera embeddings {year}",
        "description": f"Embeddings of {year}, one item a tile.",
        "keywords": ["embeddings", "tessera"],
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[f"{year}-01-01T00:00:00Z", f"{year}-12-31T23:59:59Z"]]},
        },
        "links": [],
        "item_assets": ITEM_ASSETS,
    }


def fill(conninfo: str) -> None:
    """Load the catalogue into a migrated database."""
    with psycopg.connect(conninfo) as connection:
        put_queryables(connection, STORES)
        connection.execute(TRUTH)
    with PgstacDB(dsn=conninfo) as db:
        loader = Loader(db=db)
        loader.load_collections((collection(year) for year in YEARS), Methods.insert)
        loader.load_items(_items(), Methods.insert)


def _items() -> Iterator[dict[str, Any]]:
    for year in YEARS:
        for tile in tiles(year):
            yield item(year, *tile)

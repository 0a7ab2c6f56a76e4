"""A small catalogue for tests of the API, loaded and linked as any other.

Four years around Britain, the first of them dense, and a few tiles at the edges of the map; three
stores of which the second and third lack some. Everything follows from the tile alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict
from registries import STORES, environment, load_rows, sha

from tessera_catalog import grid
from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import ROWS
from tessera_sync import manifests

YEARS = {2021: 1, 2022: 2, 2023: 3, 2024: 5}
"""Years, and one of how many tiles each has."""

TILES = 3200

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
       (content #>> '{assets,embeddings,file:size}')::float AS size,
       (content #>> '{assets,embeddings_scales,file:size}')::float AS scales_size,
       content #>> '{assets,embeddings,file:checksum}' AS checksum,
       (p ->> 'gsd')::float AS gsd,
       ARRAY(SELECT jsonb_array_elements_text(p -> 'tessera:stores')) AS stores,
       ARRAY(SELECT jsonb_array_elements_text(p -> 'tessera:missing_stores')) AS missing
FROM pgstac.items, LATERAL (SELECT content -> 'properties') AS each (p)
"""
"""The items as a plain table, for tests to ask SQL what they ask the API."""


def tiles(year: int) -> list[tuple[int, int]]:
    """Centres of a year's tiles, hundredths of a degree, row by row from the north-west."""
    britain = [(lon, lat) for lat in range(5005, 5395, 10) for lon in range(-195, 196, 10)]
    chosen = [*EDGES, *(tile for n, tile in enumerate(britain) if n % YEARS[year] == 0)]
    return sorted(chosen, key=lambda tile: int(grid.cell(*tile)))


def stores_of(year: int, lon_i: int, lat_i: int) -> list[str]:
    """Stores that hold a tile: the first all, the second most, the third about half."""
    noise = hashlib.sha256(f"{year}/{lon_i}/{lat_i}".encode()).digest()[0]
    holds = (True, noise % 16 != 0, noise % 2 == 0)
    return [name for name, held in zip(STORES.names, holds, strict=True) if held]


def row(year: int, lon_i: int, lat_i: int) -> dict[str, Any]:
    """The registry's row of a tile."""
    month, size = 1 + (lon_i // 10) % 12, 160_000_000 - abs(lat_i) * 1000
    written = dt.datetime(year + 1, month, 2, 3, 4, 5, tzinfo=dt.UTC)
    return {
        "lat": lat_i / 100,
        "lon": lon_i / 100,
        "year": year,
        "hash": sha(f"{year}/{lon_i}/{lat_i}"),
        "scales_hash": sha(f"{year}/{lon_i}/{lat_i}/scales"),
        "mtime": written.timestamp(),
        "scales_mtime": written.replace(day=3, hour=0, minute=0, second=0).timestamp(),
        "file_size": size,
        "scales_size": size // 32,
    }


def fill(conninfo: str) -> None:
    """Load the catalogue into a migrated database, and link the manifests of its stores."""
    parts = conninfo_to_dict(conninfo)
    variables = {
        "PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password",
        "PGDATABASE": "dbname",
    }  # fmt: skip
    env = {name: str(parts[key]) for name, key in variables.items() if parts.get(key)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = [row(year, *tile) for year in YEARS for tile in tiles(year)]
        load_rows(conninfo, folder, content)
        for store in STORES.names:
            _tell(folder, store)
        _link(folder, env)
    with psycopg.connect(conninfo) as connection:
        connection.execute(TRUTH)


def _tell(folder: Path, store: str) -> None:
    """Write the manifest of a store."""
    tables = {
        year: pa.Table.from_pylist(
            [_copy(store, year, *tile) for tile in tiles(year) if store in stores_of(year, *tile)],
            schema=ROWS,
        )
        for year in YEARS
    }
    about = About(store, "v1", dt.datetime(2026, 11, 1, tzinfo=dt.UTC), "a test", "0")
    with manifests.lock(folder, store):
        manifests.save(folder, about, tables)


def _copy(store: str, year: int, lon_i: int, lat_i: int) -> dict[str, Any]:
    known = row(year, lon_i, lat_i)
    verified = dt.datetime(year + 2, 6, 1, 12, tzinfo=dt.UTC)
    first = store == STORES.primary.name
    return {
        "year": year,
        "lon_i": lon_i,
        "lat_i": lat_i,
        "embeddings_size": known["file_size"],
        "scales_size": known["scales_size"],
        "embeddings_sha256": bytes.fromhex(known["hash"]),
        "scales_sha256": bytes.fromhex(known["scales_hash"]),
        "verified_at": verified if first and lat_i % 50 == 5 else None,
    }


def _link(folder: Path, env: Mapping[str, str]) -> None:
    subprocess.run(
        [str(Path(sys.executable).parent / "tessera-sync"), "link", "--data", str(folder)],
        env=environment(env, folder), check=True, capture_output=True,
    )  # fmt: skip

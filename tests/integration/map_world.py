"""A catalogue for the tests of the map's routes: loaded, linked, every tile known by hand.

What each store has of a tile is a letter of a word, in the order of the stores: sound (s), stale
(t), incomplete (i) or nothing (-).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import api_server
import httpx
import pyarrow as pa
import pytest
from registries import STORES, load_rows, row

from tessera_catalog import manifest_writer
from tessera_catalog.grid import cell
from tessera_catalog.link import link
from tessera_catalog.link_plan import Told
from tessera_catalog.link_years import Linked
from tessera_catalog.manifest_header import About
from tessera_catalog.progress import Progress
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_local.server import Server

Place: TypeAlias = tuple[float, float]
Placed: TypeAlias = dict[int, dict[Place, str]]

STATES = {"s": "sound", "t": "stale", "i": "incomplete", "-": "missing"}

MADE = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)

EDGES: dict[Place, str] = {
    (-179.95, 89.95): "sss",
    (179.95, 89.95): "ss-",
    (-179.95, -89.95): "s-s",
    (179.95, -89.95): "s--",
    (-179.95, 0.05): "sts",
    (179.95, -0.05): "sit",
    (-0.05, -0.05): "-s-",
    (0.05, 0.05): "---",
    (-0.05, 0.05): "s-i",
    (0.05, -0.05): "sss",
    (-70.05, -47.05): "sss",
    (178.55, -17.85): "ss-",
    (22.45, 67.05): "sss",
    (22.55, 67.05): "sss",
    (0.85, 85.05): "sss",
    (0.85, 84.95): "sss",
}


def dense() -> dict[Place, str]:
    """All tiles of a square of the map: zoom 5, column 17, row 15. Most are on every store."""
    words = ["sss"] * 20 + ["ss-", "s-s", "sts", "ssi"]
    return {
        ((1125 + 10 * i) / 100, (5 + 10 * j) / 100): words[(i * 7 + j * 5) % len(words)]
        for i in range(113)
        for j in range(112)
    }


PLACED: Placed = {2024: EDGES | dense(), 2023: {(0.05, 50.05): "s-i", (-3.15, -20.25): "s--"}}
"""Dataset v1. The sizes of 2023 are unknown."""

OTHER: Placed = {2024: {(0.05, 50.05): "s--", (30.05, 1.05): "s--", (178.55, -17.85): "s--"}}
"""Dataset v2, which was never linked. The last tile is in v1 as well."""


def verified(place: Place, store: int) -> dt.datetime | None:
    """When a copy was verified, if ever: anything from May to October."""
    number = round(place[0] * 10 + place[1] * 70) + store
    return None if number % 3 == 0 else MADE - dt.timedelta(days=number % 180, microseconds=number)


def registry_row(year: int, place: Place) -> dict[str, Any]:
    """A registry's row."""
    if year == 2023:
        return row(*place, year)
    number = cell(*hundredths(place))
    return row(*place, year, file_size=150_000_000 + number, scales_size=4_000_000 + number)


def hundredths(place: Place) -> tuple[int, int]:
    """`lon_i` and `lat_i`."""
    return round(place[0] * 100), round(place[1] * 100)


def load_placed(conninfo: str, folder: Path, placed: Placed, **options: Any) -> None:
    """Load the tiles."""
    content = [registry_row(year, place) for year, places in placed.items() for place in places]
    load_rows(conninfo, folder, content, **options)


def link_placed(conninfo: str, folder: Path, placed: Placed, *stores: str) -> Linked:
    """Link the manifests of some stores."""
    told = {}
    for store in stores:
        path = folder / f"{store}.parquet"
        about = About(store, "v1", MADE, "a test", "0")
        position = STORES.names.index(store)
        manifest_writer.write(path, about, [_year(y, placed[y], position) for y in sorted(placed)])
        told[store] = Told(Manifest(path))
    return link(told, STORES, "v1", Progress(), conninfo)


def _year(year: int, places: Mapping[Place, str], store: int) -> pa.Table:
    rows = []
    for place, word in sorted(places.items(), key=lambda item: cell(*hundredths(item[0]))):
        state = word[store]
        if state == "-":
            continue
        lon_i, lat_i = hundredths(place)
        size = 150_000_000 + cell(lon_i, lat_i) - (1 if state == "t" else 0)
        rows.append(
            {
                "year": year,
                "lon_i": lon_i,
                "lat_i": lat_i,
                "embeddings_size": size,
                "scales_size": 0 if state == "i" else 4_000_000 + cell(lon_i, lat_i),
                "verified_at": verified(place, store),
            }
        )
    return pa.Table.from_pylist(rows, schema=ROWS)


@pytest.fixture(scope="session")
def map_database(
    postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[api_server.Catalogue]:
    """A database with PLACED and OTHER, shared by all tests: none may change it."""
    folder = tmp_path_factory.mktemp("map")
    with api_server.database(postgres) as made:
        load_placed(made.conninfo, folder, PLACED)
        load_placed(made.conninfo, folder, OTHER, dataset="v2")
        link_placed(made.conninfo, folder, PLACED, *STORES.names)
        yield made


@pytest.fixture(scope="session")
def map_address(map_database: api_server.Catalogue) -> Iterator[str]:
    """Address of the API on that database."""
    with api_server.running(map_database.environment) as address:
        yield address


@pytest.fixture(scope="session")
def map_api(map_address: str) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=map_address, timeout=60) as client:
        yield client

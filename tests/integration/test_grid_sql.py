"""The grid's arithmetic in SQL against the one in Python."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import psycopg
import pytest
from registries import execute, load_rows, row, value

from tessera_catalog import grid
from tessera_catalog.box import hundredths, inside

EDGES = [(lon_i, lat_i) for lon_i in (-17995, -5, 5, 17995) for lat_i in (-8995, -5, 5, 8995)]


@pytest.fixture
def tiles() -> list[tuple[int, int, int]]:
    """Years and centres: the edges of the grid, and others anywhere."""
    source = random.Random(7)
    cells = [grid.cell_centre(source.randrange(grid.CELLS)) for _ in range(2000)]
    return [(source.choice(grid.YEARS), *centre) for centre in [*EDGES, *cells]]


def test_names_ids_and_footprints(
    migrated_database: str, tiles: list[tuple[int, int, int]]
) -> None:
    with psycopg.connect(migrated_database) as connection:
        rows = connection.execute(
            """
            SELECT id, tessera.item_id(id), ST_AsGeoJSON(tessera.footprint(lon_i, lat_i))
            FROM unnest(%s::int[], %s::int[], %s::int[])
                 WITH ORDINALITY AS t (year, lon_i, lat_i, n),
                 LATERAL (SELECT tessera.tile_id(12, year, lon_i, lat_i) AS id) AS keyed
            ORDER BY n
            """,
            [list(column) for column in zip(*tiles, strict=True)],
        ).fetchall()
    assert len(rows) == len(tiles)
    for (year, lon_i, lat_i), (tile_id, item_id, footprint) in zip(tiles, rows, strict=True):
        assert divmod(tile_id, 10**7) == (12 * 10**4 + year, grid.cell(lon_i, lat_i))
        assert item_id == grid.item_id(year, lon_i, lat_i)
        west, south, east, north = grid.footprint(lon_i, lat_i)
        # Counterclockwise, as RFC 7946 wants it.
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        assert json.loads(footprint)["coordinates"] == [ring]


def test_a_tile_is_in_a_box_for_both_or_neither(
    migrated_database: str, tiles: list[tuple[int, int, int]]
) -> None:
    source = random.Random(8)

    def longitude() -> float:
        return source.choice([round(source.uniform(-180, 180), 1), source.uniform(-180, 180)])

    def latitudes() -> list[float]:
        pair = [round(source.uniform(-90, 90), 1), source.uniform(-90, 90)]
        return sorted(pair if source.random() < 0.5 else [-90.0, *source.choices(pair)])

    lon_i, lat_i = (np.array([tile[n] for tile in tiles]) for n in (1, 2))
    with psycopg.connect(migrated_database) as connection:
        for _ in range(200):
            (south, north), west, east = latitudes(), longitude(), longitude()
            box = (west, south, east, north)
            (told,) = connection.execute(
                """SELECT array_agg(tessera.in_box(x, y, %s) ORDER BY n)
                   FROM unnest(%s::int[], %s::int[]) WITH ORDINALITY AS t (x, y, n)""",
                [list(hundredths(box)), lon_i.tolist(), lat_i.tolist()],
            ).fetchone() or ([],)
            assert told == inside(box, lon_i, lat_i).tolist()


def test_columns_of_a_tile(migrated_database: str, tmp_path: Path) -> None:
    load_rows(migrated_database, tmp_path, [row(-0.05, -89.95)])
    assert value(
        migrated_database, "SELECT ARRAY[lon, lat, year, lon_i, lat_i] FROM tessera.tile"
    ) == [-0.05, -89.95, 2024, -5, -8995]
    execute(migrated_database, "UPDATE tessera.tile SET stores = '{}'")
    assert value(migrated_database, "SELECT store_count FROM tessera.tile") == 0

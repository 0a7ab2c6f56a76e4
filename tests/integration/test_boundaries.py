"""Boundaries of countries: loaded whole or not at all, and such that tiles join with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import geopandas
import pytest
from map_world import load_placed
from registries import environment, select, value
from shapely.geometry import Point, box

ROOT = Path(__file__).resolve().parents[2]
ATLAS = ROOT / "frontend" / "node_modules" / "world-atlas" / "countries-50m.json"
"""Natural Earth as it comes with the map."""


def load(env: Mapping[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "tessera_catalog.boundaries", *map(str, arguments)],
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not ATLAS.exists(), reason="the packages of the map are not installed")
def test_natural_earth(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    done = load(migrated_pg_env, ATLAS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "241 countries\n"
    assert value(migrated_database, "SELECT count(*) FROM tessera.country") == 241
    lacking = """
        SELECT name FROM tessera.country c
        WHERE NOT ST_IsValid(geom) OR abs(ST_Area(geom) - (
            SELECT sum(ST_Area(p.geom)) FROM tessera.country_part p WHERE country_id = c.id)
        ) > 1e-6"""
    assert select(migrated_database, lacking) == []
    assert value(migrated_database, "SELECT max(ST_NPoints(geom)) FROM tessera.country_part") <= 128
    places = {"Kenya": (36.85, -1.25), "Fiji": (178.05, -17.95), "Russia": (-177.05, 66.05)}
    load_placed(
        migrated_database, tmp_path, {2024: dict.fromkeys([*places.values(), (0.05, 0.05)], "s--")}
    )
    found = select(
        migrated_database,
        """SELECT c.name, t.lon, t.lat FROM tessera.tile t
           LEFT JOIN tessera.country_part p ON ST_Intersects(p.geom, ST_Point(t.lon, t.lat, 4326))
           LEFT JOIN tessera.country c ON c.id = p.country_id""",
    )
    assert set(found) == {*((name, *place) for name, place in places.items()), (None, 0.05, 0.05)}


def test_any_file_of_areas(
    migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    """Parts of a country become one; areas are brought to WGS 84; what is not named is left out."""
    frame = geopandas.GeoDataFrame(
        {"NAME": ["A", "A", "B", None]},
        geometry=[box(0, 0, 1, 1), box(5, 5, 6, 6), box(2, 0, 3, 1), box(8, 8, 9, 9)],
        crs=4326,
    )
    frame.to_crs(3857).to_file(tmp_path / "areas.gpkg")
    for _ in range(2):
        assert load(migrated_pg_env, tmp_path / "areas.gpkg").stdout == "2 countries\n"
    areas = select(
        migrated_database,
        "SELECT name, round(ST_Area(geom)::numeric, 6)::float8 FROM tessera.country",
    )
    assert sorted(areas) == [("A", 2), ("B", 1)]


def test_bad_files(migrated_database: str, migrated_pg_env: dict[str, str], tmp_path: Path) -> None:
    """One line, and what was there stays."""
    good = tmp_path / "good.geojson"
    geopandas.GeoDataFrame({"name": ["A"]}, geometry=[box(0, 0, 1, 1)], crs=4326).to_file(good)
    assert load(migrated_pg_env, good).returncode == 0
    points = tmp_path / "points.geojson"
    geopandas.GeoDataFrame({"name": ["A"]}, geometry=[Point(0, 0)], crs=4326).to_file(points)
    nameless = tmp_path / "nameless.geojson"
    geopandas.GeoDataFrame({"x": ["A"]}, geometry=[box(0, 0, 1, 1)], crs=4326).to_file(nameless)
    (tmp_path / "junk.gpkg").write_bytes(b"junk")
    for path in (points, nameless, tmp_path / "junk.gpkg", tmp_path / "nothing.json"):
        done = load(migrated_pg_env, path)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("boundaries: ")
        assert path.name in line
    assert select(migrated_database, "SELECT name FROM tessera.country") == [("A",)]

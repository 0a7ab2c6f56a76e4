"""Areas: the tiles of a box or an outline are those that SQL finds, and can be taken away."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import api_server
import psycopg
import pytest
from actions import choice, saved, show, visit
from playwright.sync_api import Page, expect
from screen import Camera

INSIDE = """
    SELECT count(*), sum(embeddings_size + scales_size) FILTER (WHERE stores <> '{}')::bigint,
           count(*) FILTER (WHERE NOT 's3' = ANY (stores))
    FROM tessera.tile, (SELECT ST_GeomFromText(%s, 4326) AS geom) AS area
    WHERE dataset = 'v1' AND year = 2024
      AND ST_Area(ST_Intersection(tile.geom, area.geom)) > 0
"""
"""Tiles that share area with a shape."""


def of_box(west: float, south: float, east: float, north: float) -> str:
    """A box as text; across the antimeridian as its two parts."""
    parts = [(west, east)] if west < east else [(west, 180), (-180, east)]
    squares = [f"(({a} {south},{b} {south},{b} {north},{a} {north},{a} {south}))" for a, b in parts]
    return f"MULTIPOLYGON({','.join(squares)})"


def inside(database: str, shape: str) -> tuple[int, int, int]:
    with psycopg.connect(database) as connection:
        row = connection.execute(INSIDE, [shape]).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(
    "box",
    [
        (11.1, 0, 11.4, 0.2),  # along the grid: neighbours that only touch are not in it
        (12.34, 3.21, 15.87, 7.65),
        (179, -1, -179, 1),
        (-0.07, -0.07, 0.02, 0.02),
        (-60, -60, -50, -50),
    ],
)
def test_a_box_has_the_tiles_that_sql_finds(
    open_page: Page, map_database: api_server.Catalogue, box: tuple[float, float, float, float]
) -> None:
    tiles, size, missing = inside(map_database.conninfo, of_box(*box))
    show(open_page, f"year=2024&box={','.join(map(str, box))}")
    details = open_page.get_by_role("complementary")
    expect(details.locator(".headline")).to_have_attribute("data-matched", str(tiles))
    if tiles:
        row = details.locator(".facts div", has_text="Not on Amazon")
        expect(row.locator("dd")).to_have_text(f"{missing:,}")
        text = details.locator(".facts div", has_text="Size").locator("dd").inner_text()
        number, unit, *_ = text.split()
        assert float(number) * {"MB": 1e6, "GB": 1e9, "TB": 1e12}[unit] == pytest.approx(
            size, rel=0.006
        )


@pytest.mark.parametrize("camera", [Camera(12, 5, 6), Camera(180, 0, 6)], ids=str)
def test_drawing_a_box(open_page: Page, map_database: api_server.Catalogue, camera: Camera) -> None:
    show(open_page, f"year=2024&{camera.query}")
    open_page.get_by_role("button", name="Draw a box").click()
    open_page.mouse.move(*camera.pixel(camera.lon - 1.2, camera.lat + 0.8))
    open_page.mouse.down()
    open_page.mouse.move(*camera.pixel(camera.lon, camera.lat), steps=3)
    open_page.mouse.move(*camera.pixel(camera.lon + 1.1, camera.lat - 0.9), steps=3)
    open_page.mouse.up()
    details = open_page.get_by_role("complementary")
    expect(details.locator(".headline")).to_be_visible()
    found = re.search(r"box=([-\d.,]+)", open_page.url)
    assert found is not None
    west, south, east, north = map(float, found[1].split(","))
    assert (west - camera.lon + 180) % 360 - 180 == pytest.approx(-1.2, abs=0.02)
    assert north == pytest.approx(camera.lat + 0.8, abs=0.02)
    tiles, *_ = inside(map_database.conninfo, of_box(west, south, east, north))
    assert tiles > 0
    expect(details.locator(".headline")).to_have_attribute("data-matched", str(tiles))
    # The tool is put away: the next drag moves the map.
    expect(open_page.get_by_text("Drag over the map")).to_have_count(0)


def test_a_box_by_its_numbers(open_page: Page) -> None:
    show(open_page, "year=2024&box=12,3,13,4")
    open_page.get_by_text("Edges in degrees").click()
    open_page.get_by_label("east").fill("12.1")
    open_page.get_by_label("north").fill("3.1")
    open_page.get_by_role("button", name="Find", exact=True).click()
    headline = open_page.get_by_role("complementary").locator(".headline")
    expect(headline).to_have_attribute("data-matched", "1")
    expect(open_page).to_have_url(re.compile("box=12,3,12.1,3.1"))


SHAPE = [[11.03, 0.53], [14.34, 1.12], [13.21, 4.96], [11.03, 0.53]]

KML = """<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark>
<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates></LinearRing></outerBoundaryIs>
</Polygon></Placemark></Document></kml>"""


@pytest.mark.parametrize("kind", ["geojson", "kml"])
def test_an_outline_from_a_file(
    page: Page, site: str, map_database: api_server.Catalogue, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"outline.{kind}"
    if kind == "geojson":
        file.write_text(json.dumps({"type": "Polygon", "coordinates": [SHAPE]}))
    else:
        file.write_text(KML.format(" ".join(f"{lon},{lat},0" for lon, lat in SHAPE)))
    visit(page, site, "year=2024")
    page.get_by_label("Open an outline").set_input_files(file)
    shape = f"POLYGON(({','.join(f'{lon} {lat}' for lon, lat in SHAPE)}))"
    tiles, *_ = inside(map_database.conninfo, shape)
    headline = page.get_by_role("complementary").locator(".headline")
    expect(headline).to_have_attribute("data-matched", str(tiles))
    address = page.url
    page.goto(address)
    expect(headline).to_have_attribute("data-matched", str(tiles))


def test_a_file_without_an_outline(open_page: Page, tmp_path: Path) -> None:
    file = tmp_path / "notes.geojson"
    file.write_text("hello")
    show(open_page, "year=2024")
    open_page.get_by_label("Open an outline").set_input_files(file)
    expect(open_page.get_by_text("notes.geojson: it is neither GeoJSON nor KML")).to_be_visible()


def test_lists(page: Page, site: str, map_database: api_server.Catalogue, tmp_path: Path) -> None:
    visit(page, site, "year=2024&box=12,3,13.05,4.05")
    tiles, _, missing = inside(map_database.conninfo, of_box(12, 3, 13.05, 4.05))
    assert missing > 0
    choice(page, "From").select_option("s3")
    urls = saved(page, tmp_path, "Addresses (URLs)").read_text().splitlines()
    assert len(urls) == len(set(urls)) == 2 * tiles
    assert sum("amazonaws" not in url for url in urls) == 2 * missing
    commands = saved(page, tmp_path, "s5cmd commands").read_text().splitlines()
    assert len(commands) == 2 * (tiles - missing)
    assert all(re.fullmatch(r"cp s3://tessera-embeddings/\S+\.npy \S+\.npy", c) for c in commands)
    features = json.loads(saved(page, tmp_path, "GeoJSON").read_text())["features"]
    assert len(features) == tiles
    program = saved(page, tmp_path, "Python (pystac-client)")
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    first, *lines = done.stdout.splitlines()
    assert first == f"{tiles} tiles"
    assert {line.split()[0] for line in lines} == {feature["id"] for feature in features}


def test_a_list_is_copied(page: Page, site: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, site, "year=2024&box=12,3,12.1,3.1")
    page.get_by_role("button", name="Copy the list").click()
    expect(page.get_by_role("button", name="Copy the list").locator("path")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert [line.rsplit("/", 1)[1] for line in text.splitlines()] == [
        "grid_12.05_3.05.npy",
        "grid_12.05_3.05_scales.npy",
    ]

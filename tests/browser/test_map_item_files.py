"""Items saved from the page: other tools read in the file what the API says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import api_server
import httpx
import pyarrow.parquet as pq
import pytest
from actions import choose_list, saved, visit
from item_files import READERS, Item, comparable
from playwright.sync_api import Page, expect
from registries import by_id, environment

TITLE = "STAC items (GeoParquet)"

BOX = (-0.1, -0.1, 16, 6)
"""Tiles of every kind, and more than a page of them."""

FETCHED = "performance.getEntriesByType('resource').map((one) => one.name).join()"


def of_the_api(site: str, collection: str, box: tuple[float, ...]) -> dict[str, Item]:
    """Items of the tiles that share area with a box along the grid."""
    west, south, east, north = box
    body = {
        "collections": [collection],
        "bbox": [west + 0.01, south + 0.01, east - 0.01, north - 0.01],
        "limit": 10_000,
    }
    answer = httpx.post(f"{site}/api/search", json=body, timeout=60).json()
    assert answer["numberMatched"] == answer["numberReturned"]
    return by_id(map(comparable, answer["features"]))


@pytest.mark.parametrize(
    ("collection", "box", "least"),
    [("geotessera-2024", BOX, 2800), ("geotessera-2023", (-180, -90, 180, 90), 2)],
)
def test_items_are_those_of_the_api(
    page: Page,
    site: str,
    tmp_path: Path,
    collection: str,
    box: tuple[float, ...],
    least: int,
) -> None:
    visit(page, site, f"year={collection[-4:]}&box={','.join(map(str, box))}")
    path = saved(page, tmp_path, TITLE)
    assert path.name == f"{collection}.parquet"
    expected = of_the_api(site, collection, box)
    assert len(expected) >= least
    for read in READERS:
        assert by_id(map(comparable, read(path))) == expected, read.__name__


def test_the_file_is_laid_out_as_those_of_tessera_export(
    page: Page, site: str, map_database: api_server.Catalogue, tmp_path: Path
) -> None:
    visit(page, site, "year=2024&box=-0.1,-0.1,0.1,0.1")
    ours = pq.read_schema(saved(page, tmp_path, TITLE))
    subprocess.run(
        [Path(sys.executable).parent / "tessera-export", "items", tmp_path / "out",
         "--collection", "geotessera-2024", "--bbox=-0.1,-0.1,0.1,0.1"],
        env=environment(map_database.environment), check=True, capture_output=True,
    )  # fmt: skip
    (other,) = (tmp_path / "out").rglob("*.parquet")
    theirs = pq.read_schema(other)
    assert ours.remove_metadata() == theirs.remove_metadata()
    described = [schema.metadata[b"geo"] for schema in (ours, theirs)]
    assert json.loads(described[0]) == json.loads(described[1])
    versions = [json.loads(schema.metadata[b"stac-geoparquet"]) for schema in (ours, theirs)]
    assert versions[0]["version"] == versions[1]["version"]
    assert versions[0]["collections"].keys() == versions[1]["collections"].keys()


def test_its_writer_is_fetched_when_it_is_wanted(page: Page, site: str, tmp_path: Path) -> None:
    visit(page, site, "year=2024&box=12,3,12.1,3.1")
    choose_list(page, TITLE)
    assert "/assets/item_file" not in page.evaluate(FETCHED)
    saved(page, tmp_path, TITLE)
    assert "/assets/item_file" in page.evaluate(FETCHED)


def test_a_file_that_cannot_be_made(troubled_page: Page, site: str) -> None:
    page = troubled_page
    visit(page, site, "year=2024&box=12,3,12.1,3.1")
    choose_list(page, TITLE)
    page.route("**/queryables", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The file could not be made")).to_contain_text("has a problem")
    expect(page.get_by_role("button", name="Save")).to_be_enabled()

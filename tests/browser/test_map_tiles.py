"""One tile: under the pointer, clicked, found by its id or its place."""

from __future__ import annotations

import re

import httpx
import pytest
from actions import settle, show, visit
from chromium import wait
from map_world import EDGES, MADE, OTHER, Place, verified
from playwright.sync_api import Page, Route, expect
from screen import Camera

PLACES = [(-179.95, 0.05), (179.95, -0.05), (-0.05, -0.05), (-70.05, -47.05), (178.55, -17.85)]


def item_id(place: Place, year: int = 2024) -> str:
    return f"{year}_grid_{place[0]:.2f}_{place[1]:.2f}"


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_click_opens_that_very_tile(open_page: Page, place: Place) -> None:
    lon, lat = place
    camera = Camera(lon + 0.13, lat - 0.11, 9)
    show(open_page, f"year=2024&{camera.query}")
    open_page.mouse.click(*camera.pixel(lon + 0.04, lat - 0.04))
    details = open_page.get_by_role("complementary")
    expect(details.locator("code").first).to_have_text(item_id(place))
    expect(open_page).to_have_url(re.compile(f"tile={re.escape(item_id(place))}"))


def test_a_click_beside_tiles_opens_none(open_page: Page) -> None:
    camera = Camera(-70, -47, 8)
    show(open_page, f"year=2024&{camera.query}&tile={item_id((-70.05, -47.05))}")
    open_page.mouse.click(*camera.pixel(-70.25, -47.05))
    expect(open_page.get_by_role("complementary")).to_have_count(0)


def test_what_is_told_of_a_tile(page: Page, site: str) -> None:
    place = (-179.95, 0.05)
    assert EDGES[place] == "sts"
    visit(page, site, f"year=2024&tile={item_id(place)}&at=-179.95,0.05,8z")
    details = page.get_by_role("complementary")
    item = httpx.get(f"{site}/api/collections/geotessera-2024/items/{item_id(place)}").json()
    expect(details).to_contain_text("0.05°N 179.95°W")
    sizes = [asset["file:size"] for asset in item["assets"].values()]
    expect(details).to_contain_text(f"{sum(sizes) / 1e6:.0f} MB")
    copies = details.locator(".copies li")
    expect(copies).to_have_count(3)
    for store, copy in zip(("okavango", "s3", "scaleway"), copies.all(), strict=True):
        links = [link.get_attribute("href") for link in copy.get_by_role("link").all()]
        expected = []
        if store == "okavango":
            expected = [asset["href"] for asset in item["assets"].values()]
        elif store == "scaleway":
            expected = [asset["alternate"][store]["href"] for asset in item["assets"].values()]
        assert links == expected, store
    expect(copies.nth(1).locator("s")).to_have_text("Amazon S3 (Oregon)")
    expect(copies.nth(1)).to_contain_text("stale")
    times = [verified(place, store) for store in (0, 2)]
    newest = max(time for time in times if time)
    expect(details).to_contain_text(f"{newest.day} {newest:%b %Y}")
    assert newest < MADE
    json_link = details.get_by_role("link", name="STAC JSON").get_attribute("href")
    assert json_link is not None
    assert httpx.get(json_link).json() == item


def test_the_same_tile_in_other_years(open_page: Page) -> None:
    show(open_page, "year=2023&tile=2023_grid_0.05_50.05")
    years = open_page.get_by_role("list", name="Years with this tile")
    expect(years.get_by_role("button", name="2023")).to_have_attribute("aria-current", "true")
    expect(years.get_by_role("button", name="2024")).to_be_disabled()


def test_the_same_tile_in_another_dataset(page: Page, site: str) -> None:
    place = (178.55, -17.85)
    assert place in OTHER[2024]
    camera = Camera(178.5, -17.8, 8)
    visit(page, site, f"year=2024&{camera.query}")
    details = page.get_by_role("complementary")
    for dataset in ("v1", "v2"):
        page.get_by_label("Dataset").select_option(dataset)
        settle(page)
        page.mouse.click(*camera.pixel(*place))
        collection = {"v1": "geotessera-2024", "v2": "geotessera-v2-2024"}[dataset]
        own = re.compile(f"/collections/{collection}/items/{re.escape(item_id(place))}$")
        expect(details.get_by_role("link", name="STAC JSON")).to_have_attribute("href", own)


def test_a_click_before_a_dataset_is_drawn_opens_none(troubled_page: Page, site: str) -> None:
    page, place = troubled_page, (-70.05, -47.05)
    assert place in EDGES
    assert place not in OTHER[2024]
    camera = Camera(-70, -47, 8)
    visit(page, site, f"year=2024&{camera.query}")
    held: list[Route] = []
    page.route("**/api/coverage/geotessera-v2-*", lambda route: held.append(route))
    page.get_by_label("Dataset").select_option("v2")
    wait(page, lambda: bool(held))
    page.mouse.click(*camera.pixel(*place))
    address = page.evaluate("location.search")
    assert "dataset=v2" in address
    assert "tile=" not in address


def test_the_pointer_tells_the_tile_under_it(open_page: Page) -> None:
    place = (178.55, -17.85)
    camera = Camera(178.5, -17.8, 8)
    show(open_page, f"year=2024&{camera.query}")
    open_page.mouse.move(*camera.pixel(*place))
    tooltip = open_page.locator(".tooltip")
    expect(tooltip).to_contain_text(item_id(place))
    expect(tooltip.locator("li.missing")).to_contain_text("Scaleway")
    expect(tooltip).to_contain_text("MB"), "sizes come from the vector tile"
    open_page.mouse.move(*camera.pixel(178.75, -17.85))
    expect(tooltip).to_have_count(0)


@pytest.mark.parametrize("typed", ["-0.05, -0.05", "0.05S 0.05W", "2024_grid_-0.05_-0.05"])
def test_find(open_page: Page, typed: str) -> None:
    show(open_page, "year=2024&map=flat")
    field = open_page.get_by_label("Longitude and latitude, or a tile's id")
    field.fill(typed)
    field.press("Enter")
    expect(open_page.get_by_role("complementary").locator("code").first).to_have_text(
        item_id((-0.05, -0.05))
    )
    settle(open_page)
    expect(open_page).to_have_url(re.compile(r"at=-0\.050,-0\.050"))


def test_find_says_what_it_wants(open_page: Page) -> None:
    show(open_page, "year=2024")
    field = open_page.get_by_label("Longitude and latitude, or a tile's id")
    field.fill("London")
    field.press("Enter")
    expect(open_page.get_by_text("Write a longitude and a latitude")).to_be_visible()
    field.fill("10, 60")
    field.press("Enter")
    expect(open_page.get_by_text("There is no tile in 2024.")).to_be_visible()

"""Coverage on the map: every tile where it belongs, nothing where there is none, at any zoom."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from actions import choose_mode, choose_year, requests_of, show, visit
from chromium import SETTINGS, opened, wait
from map_world import EDGES, PLACED, Place
from playwright.sync_api import Browser, Page, Route, expect
from screen import HEIGHT, WIDTH, Camera, is_free, is_teal, shot

VIEWS = [
    (Camera(-45, 10, 1), 1000),  # the world
    (Camera(135, 10, 1), 3),
    (Camera(180, 0, 6), 2),  # the antimeridian: a tile on each side of it and of the equator
    (Camera(0, 0, 7), 4),  # the origin, negative and positive
    (Camera(-70, -47, 5.5), 1),
    (Camera(22.5, 67.05, 8), 2),
    (Camera(15, 5, 5), 7_000),
]
"""Cameras, and how many tiles each sees at least."""


@pytest.fixture(scope="module")
def fine_page(browser: Browser, site: str) -> Iterator[Page]:
    """The map with every pixel drawn, to `show` one view after another."""
    context = browser.new_context(**SETTINGS)
    with opened(context) as (page, errors):
        visit(page, site, "mode=covered&year=2024")
        yield page
    context.close()
    assert errors == []


def placed(places: set[Place]) -> list[Place]:
    """The tiles that Web Mercator shows."""
    return [(lon, lat) for lon, lat in places if abs(lat) < 85]


@pytest.mark.parametrize(("camera", "least"), VIEWS, ids=str)
def test_tiles_are_drawn_where_they_are_and_nowhere_else(
    fine_page: Page, camera: Camera, least: int
) -> None:
    show(fine_page, f"mode=covered&year=2024&{camera.query}")
    teal = is_teal(shot(fine_page))
    near = np.zeros((HEIGHT, WIDTH), dtype=bool)
    seen = 0
    for lon, lat in placed(set(PLACED[2024])):
        x, y = camera.pixel(lon, lat)
        (x0, y0), (x1, y1) = (
            camera.pixel(lon - 0.05, lat + 0.05),
            camera.pixel(lon + 0.05, lat - 0.05),
        )
        top, bottom = max(int(y0 - 5), 0), int(y1 + 6)
        near[top:bottom, max(int(x0 - 5), 0) : int(x1 + 6)] = True
        if not is_free(x, y):
            continue
        seen += 1
        # Names of countries may lie over the middle of a small cell.
        reach = 3 if x1 - x0 < 12 else 0
        part = teal[int(y) - reach : int(y) + reach + 1, int(x) - reach : int(x) + reach + 1]
        assert part.any(), (lon, lat, x, y)
    assert seen >= least
    rows, columns = np.nonzero(teal & ~near)
    stray = [(x, y) for x, y in zip(columns, rows, strict=True) if is_free(x, y)]
    assert stray == []


def test_the_globe_shows_them_as_well(fine_page: Page) -> None:
    show(fine_page, "mode=covered&year=2024&at=17,6,3z")
    teal = is_teal(shot(fine_page))
    middle = teal[200:380, 580:800]
    assert middle.mean() > 0.3
    show(fine_page, "mode=covered&year=2024&at=-150,6,3z")
    assert is_teal(shot(fine_page))[100:500, 400:980].mean() < 0.001


def test_cells_seen_from_near_have_their_true_edges(open_page: Page) -> None:
    camera = Camera(0, 0, 9)
    show(open_page, f"mode=covered&year=2024&{camera.query}")
    pixels = shot(open_page)
    # Four tiles meet at the origin; from near they are pale, and beyond them there is the sea.
    (x, y), (x1, y1) = camera.pixel(0, 0), camera.pixel(0.1, -0.1)
    for side_x in (-1, 1):
        for side_y in (-1, 1):
            inside = pixels[int(y + side_y * (y1 - y) * 0.93), int(x + side_x * (x1 - x) * 0.93)]
            outside = pixels[int(y + side_y * (y1 - y) * 1.07), int(x + side_x * (x1 - x) * 1.07)]
            assert inside[1] - outside[1] > 40


def test_modes_and_years_seen_once_need_no_request(page: Page, site: str) -> None:
    visit(page, site, f"mode=covered&year=2024&{Camera(12, 8, 4).query}")
    choose_year(page, 2023)
    choose_year(page, 2024)
    choose_mode(page, "Verified")
    requests = requests_of(page)
    before = {}
    for mode in ("Covered", "Copies", "Missing", "Unsound", "Verified"):
        choose_mode(page, mode)
        before[mode] = shot(page)
    choose_mode(page, "Covered")
    for store in ("Okavango", "Amazon", "Scaleway"):
        page.get_by_role("button", name=re.compile(store)).click()
        expect(page.get_by_text(f"only what {store}")).to_be_visible()
    choose_year(page, 2023)
    assert requests == []
    pictures = {mode: pixels[200:400, 500:900].tobytes() for mode, pixels in before.items()}
    assert len(set(pictures.values())) == len(pictures), "every mode looks different"


def test_a_store_alone(open_page: Page) -> None:
    camera = Camera(0, 0, 8)
    show(open_page, f"mode=covered&year=2024&store=okavango&{camera.query}")
    teal = is_teal(shot(open_page))
    around = {place: word for place, word in EDGES.items() if max(map(abs, place)) < 0.1}
    assert len(around) == 4
    for place, word in around.items():
        x, y = camera.pixel(*place)
        assert teal[int(y), int(x)] == (word[0] == "s"), place


def test_the_legend_counts_what_the_catalogue_has(open_page: Page) -> None:
    words = list(PLACED[2024].values())
    show(open_page, "year=2024&mode=copies")
    said = {
        item.locator("span").inner_text(): str(item.locator("b").get_attribute("title"))
        for item in open_page.locator(".legend li").all()
    }
    sound = [word.count("s") for word in words]
    assert said == {
        "3 copies: on every store": f"{sound.count(3):,}",
        "2 copies": f"{sound.count(2):,}",
        "1 copy": f"{sound.count(1):,}",
        "No sound copy": f"{sound.count(0):,}",
    }
    choose_mode(open_page, "Missing")
    open_page.get_by_role("button", name="Scaleway").click()
    missing = open_page.locator(".legend li", has_text="No copy").locator("b")
    expect(missing).to_have_attribute("title", f"{sum(word[2] == '-' for word in words):,}")


def test_numbers_of_the_view(open_page: Page) -> None:
    show(open_page, f"year=2024&{Camera(180, 0, 7).query}")
    inside = [word for (lon, lat), word in EDGES.items() if abs(lon) > 179 and abs(lat) < 1]
    expect(open_page.locator(".seen")).to_have_attribute("data-tiles", str(len(inside)))
    gaps = sum(3 - word.count("s") for word in inside)
    expect(open_page.locator(".seen")).to_contain_text(f"{gaps} gaps")


SLOW = ("**/pictures/**", "**/api/tiles/**", "**/assets/countries*", "**/api/collections/**")
"""What a page asks for that is not its coverage."""

CONFIG = {"basemap": {"tiles": "pictures/:z/:x/:y.png", "attribution": "Slow pictures"}}


@pytest.mark.parametrize("is_set", [True, False])
def test_coverage_waits_for_nothing_else(troubled_page: Page, site: str, is_set: bool) -> None:
    page, held = troubled_page, []

    def hold(route: Route) -> None:
        held.append(route)

    for pattern in SLOW:
        page.route(pattern, hold)
    page.route(
        "**/config.json", lambda route: route.fulfill(json=CONFIG) if is_set else hold(route)
    )
    page.goto(f"{site}/?mode=covered&year=2024&{Camera(15, 5, 7).query}", wait_until="commit")
    expect(page.locator(".legend li").first).to_be_visible()
    wait(page, lambda: bool(is_teal(shot(page))[200:400, 600:900].mean() > 0.9))
    for part in ("countries", "/pictures/" if is_set else "config.json"):
        wait(page, lambda part=part: any(part in route.request.url for route in held))
    expect(page.locator("#map[aria-busy=true]")).to_be_attached()

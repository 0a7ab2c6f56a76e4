"""The page: its address, its troubles, who can use it, what it may load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import api_server
import httpx
import pytest
from actions import choose_mode, choose_year, visit
from chromium import COARSE, opened, wait
from map_world import EDGES, OTHER, PLACED, link_placed, load_placed
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from screen import Camera, is_teal, shot
from site_server import ROOT, site_running
from web_server import answering, send

from tessera_local.ports import free_port
from tessera_local.server import Server

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

TILE = "2024_grid_-179.95_0.05"


def test_a_link_shows_the_same(page: Page, site: str) -> None:
    camera = Camera(179.9, 0, 8)
    visit(page, site, f"year=2024&mode=missing&store=s3&{camera.query}&tile={TILE}")
    expect(page.get_by_role("radio", name="Missing")).to_be_checked()
    expect(page.get_by_role("button", name="Amazon S3")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("complementary")).to_contain_text(TILE)
    assert f"tile={TILE}" in page.url
    assert "at=179.900,0.000,8.00z" in page.url or "at=179.9,0,8z" in page.url


def test_back_and_forward(page: Page, site: str) -> None:
    visit(page, site, f"year=2024&{Camera(0, 0, 6).query}")
    choose_mode(page, "Missing")
    choose_year(page, 2023)
    page.mouse.move(700, 300)
    page.mouse.wheel(0, -300)  # moving the map is no step
    expect(page).not_to_have_url(re.compile(r"6\.00z"))
    page.go_back()
    expect(page.get_by_role("radio", name="Missing")).to_be_checked()
    expect(page.locator(".numbers")).to_contain_text("tiles in 2024")
    page.go_back()
    expect(page.get_by_role("radio", name="Copies")).to_be_checked()
    page.go_forward()
    page.go_forward()
    expect(page.locator(".numbers")).to_contain_text("tiles in 2023")


def test_datasets_do_not_mix(page: Page, site: str) -> None:
    visit(page, site, "year=2024")
    page.get_by_label("Dataset").select_option("v2")
    expect(page.locator(".numbers dd").first).to_have_text(str(len(OTHER[2024])))


@pytest.fixture
def own_site(postgres: Server, tmp_path: Path) -> Iterator[tuple[api_server.Catalogue, str, Path]]:
    """A catalogue that a test may change, and its map."""
    with api_server.database(postgres) as made:
        load_placed(made.conninfo, tmp_path, {2024: EDGES})
        with (
            api_server.running(made.environment) as api,
            site_running(api.removeprefix("http://")) as address,
        ):
            yield made, address, tmp_path


def test_what_load_and_link_change_is_shown_without_a_reload(
    page: Page, own_site: tuple[api_server.Catalogue, str, Path]
) -> None:
    database, site, folder = own_site
    camera = Camera(-70, -47, 7)
    visit(page, site, f"mode=covered&{camera.query}")
    reloads: list[Page] = []
    page.on("load", lambda loaded: reloads.append(loaded))
    x, y = (int(part) for part in camera.pixel(-69.55, -47.05))
    assert not is_teal(shot(page))[y, x]
    load_placed(database.conninfo, folder, {2024: EDGES | {(-69.55, -47.05): "sss"}})
    # It asks every few seconds, and at once when somebody comes back to it.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("The catalogue has changed")).to_be_visible()
    expect(page.locator(".numbers dd").first).to_have_text(str(len(EDGES) + 1))
    wait(page, lambda: bool(is_teal(shot(page))[y, x]))
    choose_mode(page, "Copies")
    expect(page.locator(".legend")).not_to_contain_text("3 copies")
    link_placed(database.conninfo, folder, {2024: EDGES}, "s3", "scaleway", "okavango")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(".legend")).to_contain_text("3 copies")
    assert reloads == []


def test_a_dead_api_leaves_the_map_standing(troubled_page: Page, api: str) -> None:
    page, port = troubled_page, free_port()
    camera = Camera(12, 8, 5)
    with site_running(api, port=port) as site:
        visit(page, site, f"mode=covered&year=2024&{camera.query}")
    with site_running(f"127.0.0.1:{free_port()}", port=port):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("The catalogue has a problem")
        expect(alert).to_contain_text("asks again")
        x, y = camera.pixel(15, 5)
        assert is_teal(shot(page))[int(y), int(x)]
        choose_mode(page, "Copies")
        page.mouse.click(x, y)
        expect(page.get_by_role("complementary")).to_contain_text("has a problem")
    with site_running(api, port=port):
        page.get_by_role("button", name="Ask now").click()
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_page_that_starts_without_an_api(troubled_page: Page) -> None:
    with site_running(f"127.0.0.1:{free_port()}") as site:
        troubled_page.goto(site)
        expect(troubled_page.get_by_role("alert")).to_contain_text("The catalogue has a problem")
        expect(troubled_page.locator("#map[aria-busy=false]")).to_be_attached()
        land = shot(troubled_page)[100:500, 400:980]
        assert len({tuple(color) for color in land.reshape(-1, 3)[::50].tolist()}) > 20


BLUE = (30, 60, 120)


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[str]:
    """Origin of a server of blue pictures."""
    file = tmp_path / "blue.png"
    Image.new("RGB", (256, 256), BLUE).save(file)
    content = file.read_bytes()
    headers = {"Content-Type": "image/png", "Access-Control-Allow-Origin": "*"}
    with answering(lambda handler: send(handler, content, headers=headers)) as address:
        yield address


def test_pictures_of_satellites_lie_under_the_tiles(page: Page, api: str, pictures: str) -> None:
    camera = Camera(-40, 30, 5)  # in the middle of an ocean
    with site_running(api, basemap=pictures) as site:
        visit(page, site, f"year=2024&{camera.query}")
        expect(page.get_by_role("button", name="Satellite picture")).to_be_visible()
        expect(page.get_by_text("Pictures of this test")).to_be_visible()
        expect(page.locator("#map[aria-busy=false]")).to_be_attached()
        x, y = (int(part) for part in camera.pixel(-40.5, 30.5))
        red, green, blue = shot(page)[y, x].tolist()
        assert red < green < blue
        assert blue > 60, "water without a picture is darker"
        page.get_by_role("button", name="Satellite picture").click()
        expect(page.get_by_text("Pictures of this test")).to_have_count(0)
        expect(page.locator("#map[aria-busy=false]")).to_be_attached()
        assert shot(page)[y, x][2] < 60


def test_without_a_network_there_is_the_land(troubled_page: Page, api: str) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with site_running(api, basemap=nowhere) as site:
        camera = Camera(12, 8, 4)
        visit(troubled_page, site, f"year=2024&mode=covered&{camera.query}")
        expect(troubled_page.get_by_role("button", name="Satellite picture")).to_have_count(0)
        pixels = shot(troubled_page)
        land, sea, tile = (
            pixels[int(y), int(x)]
            for x, y in (camera.pixel(25.4, 17.3), camera.pixel(2, 1), camera.pixel(15, 5))
        )
        assert land.sum() > sea.sum() + 30
        assert is_teal(tile)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_accessible(browser: Browser, site: str, theme: str) -> None:
    # The checker's own script would be refused by the page's policy.
    context = browser.new_context(**{**COARSE, "color_scheme": theme}, bypass_csp=True)
    serious = []
    with opened(context) as (page, _):
        # The panel and the legend stand beside both.
        for query in (f"tile={TILE}", "box=12,3,13,4"):
            visit(page, site, f"year=2024&{query}")
            expect(page.locator(".facts")).to_be_visible()
            page.add_script_tag(path=AXE)
            serious += [
                (query, found["id"], [node["html"] for node in found["nodes"]])
                for found in page.evaluate("axe.run()")["violations"]
                if found["impact"] in ("serious", "critical")
            ]
    context.close()
    assert serious == []


def test_by_keys_alone(page: Page, site: str) -> None:
    visit(page, site, "year=2024&mode=covered")
    page.keyboard.press("Tab")
    for _ in range(40):
        if page.evaluate("document.activeElement.value") == "covered":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Copies")).to_be_checked()
    for _ in range(40):
        if "Scaleway" in page.evaluate("document.activeElement.textContent"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("store=scaleway"))


def test_on_a_phone(phone: Page, site: str) -> None:
    phone.goto(f"{site}/?year=2024")
    expect(phone.locator("#map[aria-busy=false]")).to_be_attached()
    width = phone.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    expect(phone.get_by_role("slider", name="Year")).to_be_visible()
    expect(phone.get_by_role("radio", name="Missing")).not_to_be_visible()
    phone.get_by_role("button", name="Show more").tap()
    phone.get_by_role("radio", name="Missing").check()
    phone.get_by_role("button", name="Show less").tap()
    phone.goto(f"{site}/?year=2024&tile={TILE}&at=-179.95,0.05,8z")
    sheet = phone.get_by_role("complementary").bounding_box()
    assert sheet is not None
    assert sheet["y"] > 250
    assert sheet["width"] == 390


@pytest.mark.parametrize("query", [f"tile={TILE}", "box=12,3,13,4"])
def test_on_a_phone_details_take_the_place_of_the_panel(phone: Page, site: str, query: str) -> None:
    phone.goto(f"{site}/?year=2024&{query}")
    details = phone.get_by_role("complementary")
    expect(details).to_be_visible()
    expect(phone.locator(".panel")).to_be_hidden()
    details.get_by_role("button", name="Close").tap()
    expect(phone.locator(".panel")).to_be_visible()


def test_what_the_page_may_load(site: str) -> None:
    page = httpx.get(site)
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=", page.text)
    assets = re.findall(r'(?:src|href)="\.?(/?assets/[^"]+)"', page.text)
    assert len(assets) >= 2
    for asset in assets:
        answer = httpx.get(f"{site}/{asset.lstrip('/')}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_the_documentation_of_the_api_stays(site: str) -> None:
    assert httpx.get(f"{site}/api/api.html").status_code == 200
    assert httpx.get(f"{site}/api/").json()["id"] == "geotessera"
    assert httpx.get(f"{site}/nothing").status_code == 404


def test_the_years_play(page: Page, site: str) -> None:
    visit(page, site, "year=2023")
    page.get_by_role("button", name="Play the years").click()
    expect(page.locator(".numbers")).to_contain_text("tiles in 2024")
    expect(page.locator(".numbers")).to_contain_text("tiles in 2023")
    page.get_by_role("button", name="Stop playing").click()
    assert len(PLACED) == 2

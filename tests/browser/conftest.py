"""The map in Chromium, as Caddy serves it, with the real API behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from actions import visit
from chromium import CHROMIUM, COARSE, FLAGS, TIMEOUT, opened
from map_world import map_address, map_database  # noqa: F401  # fixtures
from site_server import site_running


@pytest.fixture(scope="session")
def api(map_address: str) -> str:  # noqa: F811
    """Host and port of the API of the catalogue of map_world; no test may change that."""
    return map_address.removeprefix("http://")


@pytest.fixture(scope="session")
def site(api: str) -> Iterator[str]:
    """Address of the map of that catalogue."""
    with site_running(api) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. For a module: while it is driven, no other test could run an event loop."""
    if CHROMIUM is None:
        pytest.fail("Chromium is missing: run 'make browser'")
    expect.set_options(timeout=TIMEOUT)
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *sandbox])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Where most pages are opened: the map's scripts are fetched and compiled once."""
    context = browser.new_context(**COARSE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong: an error in its console fails the test."""
    with opened(context) as (page, errors):
        yield page
    assert errors == []


@pytest.fixture(scope="module")
def open_page(context: BrowserContext, site: str) -> Iterator[Page]:
    """The map, for tests of a module that `show` one view after another."""
    with opened(context) as (page, errors):
        visit(page, site, "year=2024")
        yield page
    assert errors == []


@pytest.fixture
def troubled_page(context: BrowserContext) -> Iterator[Page]:
    """A page on which requests may fail."""
    with opened(context) as (page, _):
        yield page


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a phone."""
    size = {"width": 390, "height": 844}
    context = browser.new_context(**{**COARSE, "viewport": size}, has_touch=True, is_mobile=True)
    with opened(context) as (page, errors):
        yield page
    context.close()
    assert errors == []

"""The map in Chromium, as Caddy serves it, with the real API behind."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import api_server
from map_world import map_database  # noqa: F401  # a fixture
from site_server import site_running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = ["--enable-unsafe-swiftshader", "--use-angle=swiftshader"]
"""WebGL without a graphics card."""

TIMEOUT = 20_000
"""Milliseconds that a page may take for anything."""


@pytest.fixture(scope="session")
def site(map_database: api_server.Catalogue) -> Iterator[str]:  # noqa: F811
    """Address of the map of the catalogue of map_world; no test may change that."""
    with (
        api_server.running(map_database.environment) as api,
        site_running(api.removeprefix("http://")) as address,
    ):
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium for all tests."""
    if CHROMIUM is None:
        pytest.fail("Chromium is missing: run 'make browser'")
    expect.set_options(timeout=TIMEOUT)
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *sandbox])
        yield chromium
        chromium.close()


@contextmanager
def opened(browser: Browser, **options: object) -> Iterator[tuple[Page, list[str]]]:
    """A page of its own, and what goes wrong in it."""
    settings: dict[str, object] = {
        "viewport": {"width": 1280, "height": 800},
        "color_scheme": "dark",
        "reduced_motion": "reduce",
    }
    context = browser.new_context(**{**settings, **options})  # type: ignore[arg-type]
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    try:
        yield page, errors
    finally:
        context.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong: an error in its console fails the test."""
    with opened(browser) as (page, errors):
        yield page
    assert errors == []


@pytest.fixture
def troubled_page(browser: Browser) -> Iterator[Page]:
    """A page on which requests may fail."""
    with opened(browser) as (page, _):
        yield page


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page on a phone."""
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with opened(browser, **options) as (page, errors):
        yield page
    assert errors == []

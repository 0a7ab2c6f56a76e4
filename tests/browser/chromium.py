"""Chromium, and pages in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Page
from screen import HEIGHT, WIDTH

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = ["--enable-unsafe-swiftshader", "--use-angle=swiftshader"]
"""WebGL without a graphics card."""

TIMEOUT = 20_000
"""Milliseconds that a page may take for anything."""

SETTINGS: dict[str, Any] = {
    "viewport": {"width": WIDTH, "height": HEIGHT},
    "color_scheme": "dark",
    "reduced_motion": "reduce",
}

COARSE: dict[str, Any] = {**SETTINGS, "device_scale_factor": 0.5}
"""A quarter of the pixels to draw: for all but what is about pixels."""


@contextmanager
def opened(context: BrowserContext) -> Iterator[tuple[Page, list[str]]]:
    """A new page, and what goes wrong in it."""
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
        page.close()


def wait(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for what Playwright has no words for."""
    deadline = time.monotonic() + TIMEOUT / 1000
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)

"""The row about the map: how long after somebody opens it its coverage is on the screen.

Chromium draws without a graphics card, keeps nothing from one visit to the next, and films itself:
what counts is the first of its frames that has the tiles in it.
"""

from __future__ import annotations

import base64
import io
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from catalogues import linked
from harness import FULL, Bench, Row, note
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from searching import OURS
from serving import serving

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

from chromium import CHROMIUM, FLAGS, SETTINGS
from screen import is_free, is_teal
from site_server import site_running

_BOUND = 2.0
"""Seconds that it may take."""

_VISITS = 7

_SHOWN = 0.9
"""Part of the coverage that a frame has to have."""

_PATIENCE = 10
"""Seconds until the last frame is there."""

_MARKS = """
    () => Object.fromEntries([
        ...performance.getEntriesByType("resource").map((one) => [
            new URL(one.name).pathname, one.responseEnd]),
        ...performance.getEntriesByType("mark").map((one) => [one.name, one.startTime]),
    ])
"""


@dataclass(frozen=True)
class Visit:
    """Seconds from the beginning of the navigation."""

    shown: float
    """The coverage is on the screen."""
    parts: dict[str, float]
    """The page's own marks, and when its requests were answered, by path."""


def rows(bench: Bench) -> Iterator[Row]:
    """Open the map of all tiles again and again."""
    environment = linked(bench, bench.tiles).environment
    note("the map in a browser")
    with (
        serving(OURS, environment) as port,
        site_running(f"127.0.0.1:{port}") as site,
    ):
        visits = measure(site)
    ours = statistics.median(visit.shown for visit in visits)
    star = "* " if bench.tiles >= FULL else "(*) "
    unit = f"s from navigation; the bound; {parts(visits)}"
    yield Row(f"{star}coverage on screen", _BOUND, ours, ours, f"<= {_BOUND:g}", "", unit,
              bench.tiles)  # fmt: skip


def measure(site: str, visits: int = _VISITS) -> list[Visit]:
    """Visit the map so often, after a first visit for which the API draws its picture."""
    with _chromium() as browser:
        _visit(browser, site)
        return [_visit(browser, site) for _ in range(visits)]


def parts(visits: list[Visit]) -> str:
    """Medians of what a visit consists of."""
    wanted = {
        "summary": "/api/summary",
        "picture": "/api/coverage/",
        "read": "coverage read",
        "drawn": "coverage drawn",
    }
    said = []
    for name, beginning in wanted.items():
        times = [
            seconds
            for visit in visits
            for mark, seconds in visit.parts.items()
            if mark.startswith(beginning)
        ]
        if times:
            said.append(f"{name} {statistics.median(times):.2f}")
    return ", ".join(said)


@contextmanager
def _chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        raise SystemExit("Chromium is missing: run 'make browser'")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *sandbox])
        yield browser
        browser.close()


def _visit(browser: Browser, site: str) -> Visit:
    """Open the map as somebody who was never there."""
    context = browser.new_context(**SETTINGS)
    page = context.new_page()
    with _film(page) as frames:
        page.goto(site, wait_until="commit")
        page.locator("#map[aria-busy=false]").wait_for(timeout=60_000)
        whole = _share(page.screenshot())
        if not whole:
            raise SystemExit(f"{site} shows no coverage")
        end = time.monotonic() + _PATIENCE
        while not frames or _share(frames[-1][1]) < _SHOWN * whole:
            if time.monotonic() > end:
                raise SystemExit("too few tiles to be told apart in a film: take more")
            page.wait_for_timeout(50)
    origin = page.evaluate("performance.timeOrigin") / 1000
    marks: dict[str, float] = page.evaluate(_MARKS)
    context.close()
    shown = next(at for at, frame in frames if _share(frame) >= _SHOWN * whole)
    return Visit(shown - origin, {name: at / 1000 for name, at in marks.items()})


@contextmanager
def _film(page: Page) -> Iterator[list[tuple[float, bytes]]]:
    """A list that grows with the frames on the screen: when it was there, and its picture."""
    frames: list[tuple[float, bytes]] = []
    session = page.context.new_cdp_session(page)

    def keep(event: dict[str, Any]) -> None:
        frames.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "jpeg", "quality": 80})
    yield frames
    session.remove_listener("Page.screencastFrame", keep)
    session.send("Page.stopScreencast")


def _share(frame: bytes) -> float:
    """How much of the free part of the map has the colour of tiles."""
    image = Image.open(io.BytesIO(frame)).convert("RGB")
    teal = is_teal(np.asarray(image).astype(np.int16))
    rows, columns = np.nonzero(teal)
    free = sum(is_free(x, y) for x, y in zip(columns, rows, strict=True))
    return free / teal.size

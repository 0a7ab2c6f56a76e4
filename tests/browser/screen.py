"""Where places are on the flat map, and what colours they have there."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Page

WIDTH, HEIGHT = 1040, 680

PANEL = 364
"""Pixels that the panel takes at the left."""

BUTTONS = 50
"""Pixels that the buttons take at the right."""

YEARS = 96
"""Pixels that the years take at the bottom."""

Pixels = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Camera:
    """The flat map around a place, as an address has it."""

    lon: float
    lat: float
    zoom: float

    @property
    def query(self) -> str:
        return f"at={self.lon},{self.lat},{self.zoom}z&map=flat"

    def pixel(self, lon: float, lat: float) -> tuple[float, float]:
        """Column and row of a place, in pixels of the page; the nearest copy of the world."""
        world = 512 * 2**self.zoom
        east = (lon - self.lon + 180) % 360 - 180
        x = east / 360 * world
        y = (_mercator(self.lat) - _mercator(lat)) * world / (2 * math.pi)
        return PANEL + (WIDTH - PANEL - BUTTONS) / 2 + x, (HEIGHT - YEARS) / 2 + y


def _mercator(lat: float) -> float:
    return math.asinh(math.tan(math.radians(lat)))


def is_free(x: float, y: float) -> bool:
    """Whether nothing lies over the map there."""
    return PANEL < x < WIDTH - BUTTONS - 40 and 8 < y < HEIGHT - YEARS - 26


def shot(page: Page) -> Pixels:
    """The page's pixels: rows, columns, red, green and blue."""
    image = Image.open(io.BytesIO(page.screenshot(scale="css"))).convert("RGB")
    return np.asarray(image).astype(np.int16)


def is_teal(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """Where the colour of covered cells is: all of the dark ground is more blue than green."""
    green: npt.NDArray[np.bool_] = pixels[..., 1] - pixels[..., 2] > -6
    return green & (pixels[..., 1] - pixels[..., 0] > 40)

"""A picture of the grid: one pixel a cell, its colour the state that the cell's tile is in.

Each state has a colour of its own. Up to 255 states, already the red of the colours tells them
apart, and is the index in the PNG's palette too: whoever reads the first channel, as an index or
as red, finds the same number. Beyond, red and green together tell them apart and there is no
palette. 0 is left to cells without a tile, which are transparent.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tessera_catalog.grid import CELLS, COLUMNS, ROWS

Colour: TypeAlias = tuple[int, int, int]

MAX_INDEXED = 255
"""States of a picture with a palette: one byte a pixel less the value of no tile."""


@dataclass(frozen=True)
class State:
    """What some tiles have in common, the cells they are in, and the colour that would suit."""

    about: dict[str, Any]
    cells: npt.NDArray[np.integer[Any]]
    wish: Colour


def colours(states: Sequence[State]) -> list[Colour]:
    """A colour for each state as near as can be to its wish; those that come first choose first."""
    indexed = len(states) <= MAX_INDEXED
    taken: set[tuple[int, ...]] = set()
    found = []
    for red, green, blue in (state.wish for state in states):
        for colour in _alternatives(red, green, blue):
            key = colour[:1] if indexed else colour[:2]
            if key not in taken:
                taken.add(key)
                found.append(colour)
                break
    return found


def _alternatives(red: int, green: int, blue: int) -> Iterator[Colour]:
    for near_green in sorted(range(256), key=lambda value: abs(value - green)):
        for near_red in sorted(range(1, 256), key=lambda value: abs(value - red)):
            yield near_red, near_green, blue


def png(states: Sequence[State], chosen: Sequence[Colour], texts: Mapping[str, str]) -> bytes:
    """The picture, 3600×1800 pixels, north-west first, with texts by keyword in it."""
    if len(states) <= MAX_INDEXED:
        image = _indexed(states, chosen)
        options: dict[str, Any] = {"transparency": 0}
    else:
        image = _coloured(states, chosen)
        options = {"transparency": (0, 0, 0)}
    info = PngInfo()
    for keyword, content in texts.items():
        info.add_itxt(keyword, content, zip=True)
    file = io.BytesIO()
    # Neighbours are mostly alike: to look for runs alone is a tenth of the work, and no larger.
    image.save(file, "PNG", pnginfo=info, compress_type=zlib.Z_RLE, **options)
    return file.getvalue()


def _indexed(states: Sequence[State], chosen: Sequence[Colour]) -> Image.Image:
    pixels = np.zeros(CELLS, dtype=np.uint8)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for state, colour in zip(states, chosen, strict=True):
        pixels[state.cells] = colour[0]
        palette[colour[0]] = colour
    image = Image.fromarray(pixels.reshape(ROWS, COLUMNS)).convert("P")
    image.putpalette(palette.tobytes())
    return image


def _coloured(states: Sequence[State], chosen: Sequence[Colour]) -> Image.Image:
    pixels = np.zeros((CELLS, 3), dtype=np.uint8)
    for state, colour in zip(states, chosen, strict=True):
        pixels[state.cells] = colour
    return Image.fromarray(pixels.reshape(ROWS, COLUMNS, 3))

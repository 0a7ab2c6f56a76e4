"""Boxes of longitude and latitude, as `--bbox W,S,E,N` gives them.

West may be greater than east: such a box crosses the antimeridian.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tessera_catalog.errors import InputError

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


def parse_box(text: str) -> Box:
    """Read `W,S,E,N`; InputError when it is no box, or an empty one."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--bbox {text}: four numbers, W,S,E,N, are needed") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90):
        raise InputError(
            f"--bbox {text}: not a box of longitudes ±180 and latitudes ±90, south below north"
        )
    if west == east:
        raise InputError(f"--bbox {text}: it is empty, west and east are the same")
    return west, south, east, north


def hundredths(box: Box) -> tuple[float, ...]:
    """A box in hundredths of a degree, rid of the noise of the multiplication."""
    return tuple(round(edge * 100, 6) for edge in box)


def inside(
    box: Box, lon_i: npt.NDArray[np.integer[Any]], lat_i: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.bool_]:
    """Whether the tiles of those centres share area with the box; a common edge is not enough."""
    west, south, east, north = hundredths(box)
    right_of_west, left_of_east = lon_i + 5 > west, lon_i - 5 < east
    along = right_of_west & left_of_east if west <= east else right_of_west | left_of_east
    return along & (lat_i + 5 > south) & (lat_i - 5 < north)

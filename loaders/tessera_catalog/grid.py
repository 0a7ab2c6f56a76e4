"""The 0.1-degree grid: keys, names and footprints of tiles.

A tile is known by its centre in integer hundredths of a degree, `lon_i` and `lat_i`, which always
end in 5 (…, -5, 5, 15, …). Floats are for people and files; every key and join uses the integers.
`sql/schema/0001_catalogue.sql` states the same arithmetic for the database, and
`tests/integration/test_grid_sql.py` holds the two together.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

SIZE = 10
"""Side of a tile, hundredths of a degree."""

COLUMNS, ROWS = 3600, 1800
"""Cells of the whole grid, west to east and north to south."""

CELLS = COLUMNS * ROWS

WEST_I, NORTH_I = -17995, 8995
"""Centre of cell 0, the north-west one, hundredths of a degree."""

YEARS = range(2000, 2051)
"""Years a tile may have; anything else in a file is a mistake."""

_TOLERANCE = 0.01
"""Hundredths of a degree (about 11 m) a centre may be off: the noise of 32-bit floats."""

_NAME = re.compile(r"grid_(-?\d{1,3}\.\d5)_(-?\d{1,2}\.\d5)")


def degrees(hundredths: int) -> str:
    """Write hundredths of a degree as the tile names do: two decimals, never `-0.00`."""
    sign = "-" if hundredths < 0 else ""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{sign}{whole}.{rest:02d}"


def tile_name(lon_i: int, lat_i: int) -> str:
    """Name of a tile's directory, and the stem of its files: `grid_0.85_49.95`."""
    return f"grid_{degrees(lon_i)}_{degrees(lat_i)}"


def item_id(year: int, lon_i: int, lat_i: int) -> str:
    """Id of a tile's STAC item: `2024_grid_0.85_49.95`."""
    return f"{year}_{tile_name(lon_i, lat_i)}"


def tile_path(year: int, lon_i: int, lat_i: int) -> str:
    """Path of a tile's directory below a store's root: `2024/grid_0.85_49.95`."""
    return f"{year}/{tile_name(lon_i, lat_i)}"


def parse_tile_name(name: str) -> tuple[int, int] | None:
    """Read `(lon_i, lat_i)` from a directory name; None when it is no tile of the grid."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    lon_i, lat_i = (int(part.replace(".", "")) for part in match.groups())
    # "-0.05" and "0.05" differ by their sign alone, which int() reads from "-005" rightly.
    return (lon_i, lat_i) if on_grid(lon_i, lat_i) and tile_name(lon_i, lat_i) == name else None


def on_grid(lon_i: int, lat_i: int) -> bool:
    """Whether the integers are the centre of a tile."""
    return (
        abs(lon_i) <= -WEST_I and abs(lat_i) <= NORTH_I and lon_i % SIZE == 5 and lat_i % SIZE == 5
    )


def footprint(lon_i: int, lat_i: int) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile in degrees, rounded to two decimals."""
    return (lon_i - 5) / 100, (lat_i - 5) / 100, (lon_i + 5) / 100, (lat_i + 5) / 100


def cell(lon_i: Any, lat_i: Any) -> Any:
    """Number of a tile's cell, 0 north-west, row by row; integers or NumPy arrays of them."""
    lon_i, lat_i = _wide(lon_i), _wide(lat_i)
    return (NORTH_I - lat_i) // SIZE * COLUMNS + (lon_i - WEST_I) // SIZE


def _wide(values: Any) -> Any:
    # The keys fit into 16 bits, but the cells do not, and NumPy would wrap around in silence.
    narrow = isinstance(values, (np.ndarray, np.integer)) and values.itemsize < 4
    return values.astype(np.int32) if narrow else values


def cell_centre(cells: Any) -> tuple[Any, Any]:
    """`(lon_i, lat_i)` of cell numbers, the inverse of `cell`."""
    return WEST_I + cells % COLUMNS * SIZE, NORTH_I - cells // COLUMNS * SIZE


def to_hundredths(
    values: npt.NDArray[np.floating[Any]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Snap coordinates in degrees to integer hundredths.

    Returns the integers, whether each value is finite and within ±360 degrees (elsewhere the
    integer is 0), and whether it lies on a tile centre within the tolerance.
    """
    usable = np.abs(values) <= 360.0
    scaled = np.where(usable, values, 0.0).astype(np.float64) * 100.0
    rounded = np.rint(scaled)
    hundredths = rounded.astype(np.int32)
    centred = (np.abs(scaled - rounded) <= _TOLERANCE) & (hundredths % SIZE == 5)
    return hundredths, usable, centred

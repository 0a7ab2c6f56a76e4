"""Cells of the grid with any land, for synthetic tiles.

They lie beside this module as a bitmap, which `python -m tessera_catalog.land` makes anew of the
package global-land-mask (the GLOBE elevation model of NOAA, at 1 km): reading that takes 4 s and
1 GB.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tessera_catalog import grid

Ints = npt.NDArray[np.int64]

_FILE = "land.npz"

_ROWS = grid.cell(grid.WEST_I, -5995) // grid.COLUMNS + 1
"""Rows of the grid north of 60°S; Antarctica has no tiles."""

_SAMPLES = 4
"""Points that are looked at in a cell, each way."""


@cache
def land_cells() -> Ints:
    """Cells with any land, north of 60°S, ascending: about 1.6 million. Not to be changed."""
    with (resources.files("tessera_catalog") / _FILE).open("rb") as file, np.load(file) as arrays:
        bits = np.unpackbits(arrays["land"], count=_ROWS * grid.COLUMNS)
    return np.flatnonzero(bits)


def land_of_the_mask() -> npt.NDArray[np.bool_]:
    """Whether a cell has any land by global-land-mask: one value a cell, from the north."""
    from global_land_mask import globe

    lat = 90 - (np.arange(_ROWS * _SAMPLES) + 0.5) / (10 * _SAMPLES)
    lon = -180 + (np.arange(grid.COLUMNS * _SAMPLES) + 0.5) / (10 * _SAMPLES)
    land = np.asarray(globe.is_land(lat[:, None], lon[None, :]))
    cells = land.reshape(_ROWS, _SAMPLES, grid.COLUMNS, _SAMPLES).any(axis=(1, 3))
    return cells.reshape(-1)


if __name__ == "__main__":
    path = Path(__file__).with_name(_FILE)
    np.savez_compressed(path, land=np.packbits(land_of_the_mask()))
    print(f"{path}: {path.stat().st_size:,} bytes")

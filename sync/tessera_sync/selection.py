"""Which tiles a verb is about: `--year`, `--bbox`, `--region`, `--shard`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from tessera_catalog import grid
from tessera_catalog.box import Box, inside, parse_box
from tessera_catalog.errors import InputError

if TYPE_CHECKING:
    import shapely

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """Tiles of some years (None: all) in some cells of the grid (None: all)."""

    only: frozenset[int] | None = None
    cells: Mask | None = None

    def years(self, known: Sequence[int]) -> list[int]:
        """Those of the years that are wanted."""
        return [year for year in known if self.only is None or year in self.only]


def select(years: Sequence[int], bbox: str | None, region: Path | None) -> Selection:
    """The selection that a verb's options ask for; InputError when one makes no sense."""
    wrong = [year for year in years if year not in grid.YEARS]
    if wrong:
        raise InputError(
            f"--year {wrong[0]}: the years are {grid.YEARS.start} to {grid.YEARS.stop - 1}"
        )
    cells = None if bbox is None else box_cells(parse_box(bbox))
    if region is not None:
        inside = region_cells(region)
        cells = inside if cells is None else cells & inside
    return Selection(frozenset(years) if years else None, cells)


def box_cells(box: Box) -> Mask:
    """Cells that share an area with the box."""
    lon_i = grid.WEST_I + np.arange(grid.COLUMNS) * grid.SIZE
    lat_i = grid.NORTH_I - np.arange(grid.ROWS) * grid.SIZE
    return inside(box, lon_i[None, :], lat_i[:, None]).reshape(-1)


def region_cells(path: Path) -> Mask:
    """Cells that share an area with the polygons of a GeoJSON file, or meet its lines and points.

    InputError when the file is no GeoJSON in longitude and latitude.
    """
    import shapely  # a tenth of a second, for those who ask for a region

    try:
        content = path.read_bytes()
        from_json(content)  # which bounds its depth: GEOS follows any, and ends the process
        region = shapely.union_all(shapely.get_parts(shapely.from_geojson(content)))
        return _met_by(region)
    except OSError as error:
        raise InputError(f"--region {path}: {error.strerror}") from error
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise InputError(f"--region {path}: no GeoJSON in degrees: {error}") from error


def _met_by(region: shapely.Geometry) -> Mask:
    """Cells that a region meets as `region_cells` says; ValueError when it is not in degrees."""
    import shapely

    west, south, east, north = region.bounds
    if region.is_empty or not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise ValueError("no geometry within 180 and 90 degrees")
    pad = 0.05
    near = box_cells(
        (max(west - pad, -180), max(south - pad, -90), min(east + pad, 180), min(north + pad, 90))
    )
    cells = np.flatnonzero(near)
    lon_i, lat_i = grid.cell_centre(cells)
    boxes = shapely.box((lon_i - 5) / 100, (lat_i - 5) / 100, (lon_i + 5) / 100, (lat_i + 5) / 100)
    shapely.prepare(region)
    inside = shapely.intersects(region, boxes)
    if shapely.get_dimensions(region) == 2:
        inside &= ~shapely.touches(region, boxes)
    mask = np.zeros(grid.CELLS, dtype=bool)
    mask[cells[inside]] = True
    return mask


def parse_shard(text: str) -> tuple[int, int]:
    """Read `i/n`, part i of n parts, counted from 1."""
    match = re.fullmatch(r"(\d{1,7})/(\d{1,7})", text)
    part, parts = map(int, match.groups()) if match else (0, 0)
    if not 1 <= part <= parts <= 10**6:
        raise InputError(f"'{text}' must be i/n: part i of n, counted from 1, as in 1/8")
    return part, parts


def in_shard(
    years: npt.NDArray[np.int_], cells: npt.NDArray[np.int_], shard: tuple[int, int]
) -> Mask:
    """Whether tiles belong to a part: by their keys alone, evenly, the same on every machine."""
    part, parts = shard
    keys = years.astype(np.uint64) * np.uint64(grid.CELLS) + cells.astype(np.uint64)
    # Multiplicative hashing spreads neighbours over the parts; the high bits are the mixed ones.
    mixed = (keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)
    belongs: Mask = mixed % np.uint64(parts) == np.uint64(part - 1)
    return belongs

"""Tables of a manifest's rows (ROWS): by year, by cell, by tile, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow, to_numpy
from tessera_catalog.store_manifest import ROWS, Manifest, ascending
from tessera_sync.layout import Tile

SIZES = ("embeddings_size", "scales_size")
HASHES = ("embeddings_sha256", "scales_sha256")
"""Columns of ROWS, of a tile's two files."""

Row = dict[str, Any]
"""One row, by the columns of ROWS."""


def split(rows: pa.Table) -> dict[int, pa.Table]:
    """Rows by year."""
    years = to_numpy(rows.column("year"))
    return {int(y): rows.filter(to_arrow(years == y)) for y in np.unique(years)}


def cells_of(rows: pa.Table) -> npt.NDArray[np.int32]:
    """Cell numbers of rows with lon_i and lat_i."""
    lon_i = to_numpy(rows.column("lon_i")).astype(np.int32)
    lat_i = to_numpy(rows.column("lat_i")).astype(np.int32)
    cells: npt.NDArray[np.int32] = grid.cell(lon_i, lat_i)
    return cells


def in_order(rows: pa.Table) -> pa.Table:
    """Rows of one year sorted by cell."""
    cells = cells_of(rows)
    if ascending(cells):
        return rows
    return rows.take(to_arrow(np.argsort(cells, kind="stable")))


def without(rows: pa.Table, keys: Sequence[pa.Table]) -> pa.Table:
    """Rows of one year whose tiles are in none of the tables."""
    if not keys or rows.num_rows == 0:
        return rows
    named = np.concatenate([cells_of(table) for table in keys])
    return rows.filter(to_arrow(~np.isin(cells_of(rows), named)))


def keys_of(tiles: Sequence[Tile]) -> pa.Table:
    """Table of year, lon_i and lat_i."""
    return pa.table(
        {
            name: to_arrow(np.array([tile[i] for tile in tiles], dtype=np.int16))
            for i, name in enumerate(Tile._fields)
        }
    )


def rows_by_tile(manifest: Manifest, tiles: Iterable[Tile]) -> dict[Tile, Row]:
    """A manifest's rows of those of the tiles that it has."""
    wanted: dict[int, list[int]] = {}
    for tile in tiles:
        wanted.setdefault(tile.year, []).append(tile.cell)
    rows = {}
    for year in wanted.keys() & set(manifest.years):
        cells = cells_of(manifest.read(year, ["lon_i", "lat_i"]))
        places = np.flatnonzero(np.isin(cells, wanted[year]))
        for row in manifest.take(year, places, ROWS.names).to_pylist():
            rows[Tile.of(row)] = row
    return rows

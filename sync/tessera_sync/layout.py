"""The files of a tile in every store: embeddings, scales and, where there is one, SHA256."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tessera_catalog import grid

CHECKSUMS = "SHA256"
"""Name of the file with a tile's checksums, as `sha256sum` writes them."""

_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64})\s+[* ]?(?:\./)?(?P<name>\S+)\s*")


class Tile(NamedTuple):
    """Key of a tile: its year and its centre in integer hundredths of a degree."""

    year: int
    lon_i: int
    lat_i: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Tile:
        """The tile of a row of a manifest or plan."""
        return cls(row["year"], row["lon_i"], row["lat_i"])

    @property
    def cell(self) -> int:
        """Number of its cell of the grid."""
        return int(grid.cell(self.lon_i, self.lat_i))

    @property
    def key(self) -> int:
        """The tile as one integer."""
        return int(key_of(self.year, self.cell))

    @property
    def path(self) -> str:
        """Directory of the tile below a store's root: `2024/grid_0.85_49.95`."""
        return grid.tile_path(*self)

    @property
    def embeddings(self) -> str:
        """Name of the file with the embeddings."""
        return f"{grid.tile_name(self.lon_i, self.lat_i)}.npy"

    @property
    def scales(self) -> str:
        """Name of the file with the scales."""
        return f"{grid.tile_name(self.lon_i, self.lat_i)}_scales.npy"


def key_of(year: Any, cell: Any) -> Any:
    """A tile as one integer, from its year and cell; or tiles, from NumPy arrays of them."""
    return year * grid.CELLS + cell


def are_tiles(years: Any, lon_i: Any, lat_i: Any) -> Any:
    """Whether years and centres, NumPy arrays, are those of tiles of the grid."""
    return (
        (np.abs(lon_i) <= -grid.WEST_I)
        & (np.abs(lat_i) <= grid.NORTH_I)
        & (lon_i % grid.SIZE == 5)
        & (lat_i % grid.SIZE == 5)
        & (years >= grid.YEARS.start)
        & (years < grid.YEARS.stop)
    )


def parse_path(path: str) -> Tile | None:
    """The tile of a directory path, `2024/grid_0.85_49.95`; None when it is none."""
    year, _, name = path.strip("/").partition("/")
    key = grid.parse_tile_name(name)
    if key is None or not re.fullmatch(r"[0-9]{4}", year) or int(year) not in grid.YEARS:
        return None
    return Tile(int(year), *key)


def parse_checksums(content: bytes) -> dict[str, bytes]:
    """File name to SHA-256 digest, from the lines of a SHA256 file; other lines say nothing."""
    lines = content.decode("utf-8", errors="replace").splitlines()
    matches = (_LINE.fullmatch(line.strip()) for line in lines)
    return {m["name"]: bytes.fromhex(m["digest"]) for m in matches if m is not None}

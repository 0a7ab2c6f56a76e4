"""Which synthetic tiles there are, and what each looks like; `synthetic` writes them to files.

Which: each year is a set of regions on land that grow from their centres until the year has its
share of the tiles. What: sizes, hashes and times are a function of the seed and the tile alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tessera_catalog import grid
from tessera_catalog.errors import InputError
from tessera_catalog.land import land_cells

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Noise = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

SHARES = {2017: 5, 2018: 5, 2019: 5, 2020: 8, 2021: 8, 2022: 8, 2023: 10, 2024: 43, 2025: 8}
"""Percent of the tiles in each year, as far as the land goes; the rest falls to the others."""

FULL_YEAR = max(SHARES, key=SHARES.__getitem__)

BRITAIN = (-1.5, 53.5, 1.5)

REGIONS = (
    BRITAIN,
    (36.0, 0.0, 1.0),  # Kenya, across the equator
    (20.0, -32.0, 0.8),  # the Cape
    (178.5, -17.8, 0.8),  # Fiji, across the antimeridian
    (-179.0, 67.0, 0.5),  # Chukotka, across it too
    (172.0, -42.0, 0.8),  # New Zealand
    (-70.0, -47.0, 0.8),  # Patagonia
    (-60.0, -3.0, 1.0),  # Amazon
    (-119.0, 37.0, 1.0),  # California
    (90.0, 24.0, 1.0),  # Bengal
    (17.0, 78.5, 0.5),  # Svalbard
)
"""Centres (lon, lat in degrees) and the speed each region grows at; FULL_YEAR has all of them."""

SIDE = 1113
"""Pixels of 10 m in 0.1 degree of a meridian: a tile's height, and its width at the equator."""

HEADER = 128
"""Bytes before the numbers in a .npy file."""

CHANNELS, SCALE = 128, 4
"""Bytes a pixel: int8 embeddings of so many channels, and one float32 scale."""

DAY = 86_400_000_000
"""Microseconds."""


def choose(tiles: int, seed: int, spare: int = 0) -> tuple[Ints, Ints]:
    """Keys (year * grid.CELLS + cell) of the registry's tiles, ascending, and of the frontier.

    The frontier is where the regions would grow next: up to `spare` tiles a year.
    """
    land = land_cells()
    if tiles > len(SHARES) * len(land):
        raise InputError(
            f"{tiles} tiles do not fit on land: {len(SHARES)} years hold {len(SHARES) * len(land)}"
        )
    units = units_of(land)
    chosen, frontier = [], []
    for year, count in sorted(_counts(tiles, len(land)).items()):
        order = _least(remoteness(units, _regions(year, seed, units)), count + spare)
        chosen.append(year * grid.CELLS + np.sort(land[order[:count]]))
        frontier.append(year * grid.CELLS + land[order[count : count + spare]])
    return np.concatenate(chosen), np.concatenate(frontier)


def _least(values: Floats, count: int) -> Ints:
    """Where the least of some values are, ascending; equal ones in the order they have here."""
    if count < len(values):
        last = np.partition(values, count)[count]
        near = np.flatnonzero(values <= last)
    else:
        near = np.arange(len(values))
    return near[np.argsort(values[near], kind="stable")][:count]


def _counts(tiles: int, land: int) -> dict[int, int]:
    """Tiles of each year: its share, but no more than the land holds; the sum is exact."""
    counts, left, percent = {}, tiles, 100
    # Largest share first, rounded up: what it cannot take always fits into the years after it.
    for year, share in sorted(SHARES.items(), key=lambda item: -item[1]):
        counts[year] = min(land, -(-left * share // percent))
        left -= counts[year]
        percent -= share
    return counts


def _regions(year: int, seed: int, units: Floats) -> list[tuple[Floats, float]]:
    """Unit vectors of a year's region centres with their speeds; Britain is in every year."""
    if year == FULL_YEAR:
        return [(_unit(lon, lat), speed) for lon, lat, speed in REGIONS]
    random = np.random.default_rng([seed, year])
    named = [BRITAIN, *(REGIONS[i] for i in random.choice(len(REGIONS) - 1, 3, replace=False) + 1)]
    anywhere = units[random.integers(len(units), size=2)]
    return [(_unit(lon, lat), speed) for lon, lat, speed in named] + [(u, 0.8) for u in anywhere]


def remoteness(units: Floats, regions: Iterable[tuple[Floats, float]]) -> Floats:
    """Squared chord from each point to its nearest region, in terms of the region's speed."""
    nearest = np.full(len(units), np.inf)
    remote = np.empty(len(units))
    for centre, speed in regions:
        # (2 - 2 * (units @ centre)) / speed**2, in place: new memory takes longer than the sums.
        np.matmul(units, centre, out=remote)
        remote *= -2
        remote += 2
        remote /= speed**2
        np.minimum(nearest, remote, out=nearest)
    return nearest


def _unit(lon: Floats | float, lat: Floats | float) -> Floats:
    """Points on the unit sphere, (…, 3), of degrees: distances know no antimeridian."""
    east, north = np.radians(lon), np.radians(lat)
    return np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1
    )


def units_of(cells: Ints) -> Floats:
    """Unit vectors of the centres of cells, (…, 3)."""
    lon_i, lat_i = grid.cell_centre(cells)
    return _unit(lon_i / 100, lat_i / 100)


@dataclass(frozen=True)
class Tiles:
    """What the tiles of some keys look like; every array has one row a key."""

    keys: Ints
    seed: int

    def noise(self, stream: str) -> Noise:
        """Random bits of each tile, independent of those of other streams."""
        return _noise(self.keys, self.seed, stream)

    @cached_property
    def years(self) -> Ints:
        """Year of each tile."""
        return self.keys // grid.CELLS

    @cached_property
    def centres(self) -> tuple[Ints, Ints]:
        """`lon_i` and `lat_i` of each tile."""
        lon_i, lat_i = grid.cell_centre(self.keys % grid.CELLS)
        return lon_i, lat_i

    @cached_property
    def pixels(self) -> tuple[Ints, Ints]:
        """Height and width: the same in all years, off the round figure by three at most."""
        noise = _noise(self.keys % grid.CELLS, self.seed, "pixels")
        height = SIDE - 3 + (noise % 7).astype(np.int64)
        width = np.rint(SIDE * np.cos(np.radians(self.centres[1] / 100))).astype(np.int64)
        return height, width - 3 + (noise >> 32).astype(np.int64) % 7

    def sizes(self, fewer_rows: Ints | int = 0) -> tuple[Ints, Ints]:
        """Bytes of embeddings and scales, of a picture that may lack some rows of pixels."""
        height, width = self.pixels
        pixels = (height - fewer_rows) * width
        return HEADER + pixels * CHANNELS, HEADER + pixels * SCALE

    def digests(self, kind: str) -> Bytes:
        """What passes for SHA-256 digests, shape (n, 32)."""
        words = [self.noise(f"{kind} {i}") for i in range(4)]
        return np.stack(words, axis=1).astype("<u8", copy=False).view(np.uint8)

    @cached_property
    def mtimes(self) -> Ints:
        """Microseconds since 1970: whole seconds, 20 to 290 days after the tile's year."""
        year_end = (self.years + 1 - 1970).astype("datetime64[Y]").astype("datetime64[us]")
        delay = (self.noise("mtime") % (270 * 86_400)).astype(np.int64) * 1_000_000
        return year_end.astype(np.int64) + 20 * DAY + delay


def _noise(keys: Ints, seed: int, stream: str) -> Noise:
    """64 random bits a key; stateless, so order and number of the keys do not matter."""
    name = int.from_bytes(hashlib.sha256(f"{seed} {stream}".encode()).digest()[:8], "little")
    # The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
    bits: Noise = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(name)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))

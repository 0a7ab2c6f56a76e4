"""Rows of a registry, of whatever generation, as tiles in the normal form, or refused.

Every row that cannot be a tile is handed back with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog import grid
from tessera_catalog.arrays import texts, to_arrow, to_numpy
from tessera_catalog.columns import MAX_SIZE, decoded, digests, floats, nulls, sizes, times
from tessera_catalog.manifest import TILES

REASONS = {
    "no dataset": "the row names no dataset, and others of the file do",
    "null key": "lat, lon or year is null or not a number",
    "out of range": "the coordinates or the year lie outside the grid",
    "off-grid": "the centre is not at .x5 degrees",
    "bad size": f"a size is negative, fractional or above {MAX_SIZE // 2**30} GiB",
    "bad hash": "a hash is not 64 hexadecimal digits",
    "duplicate": "the tile stands in the file already; the first row counts",
}
"""Why a row is refused, in the order of testing, with what it means."""

BAD_ROWS = 0.01
"""Part of a file's rows that may be refused without the user's word that the rest will do."""


@dataclass
class Batch:
    """Rows of a file: `tiles` in the form of TILES, `rejected` as read plus `row` and `reason`."""

    rows: int
    tiles: pa.RecordBatch
    rejected: pa.RecordBatch


@dataclass
class Seen:
    """The tiles met so far: a map of the grid's cells for each year, constant in memory."""

    _years: dict[int, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def first(
        self, years: npt.NDArray[np.int16], cells: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Whether each tile is met for the first time, and remember it."""
        result = np.zeros(len(years), dtype=bool)
        for year in np.unique(years):
            of_year = np.flatnonzero(years == year)
            known = self._years.setdefault(int(year), np.zeros(grid.CELLS, dtype=bool))
            _, first_of_batch = np.unique(cells[of_year], return_index=True)
            fresh = of_year[first_of_batch]
            fresh = fresh[~known[cells[fresh]]]
            known[cells[fresh]] = True
            result[fresh] = True
        return result


class _Verdicts:
    """Why each row of a batch is refused: the first reason given, if any."""

    def __init__(self, rows: int) -> None:
        self._names = list(REASONS)
        self._reasons = np.full(rows, len(self._names), dtype=np.int8)

    def reject(self, bad: npt.NDArray[np.bool_], reason: str) -> None:
        """Refuse the rows that are bad and not refused yet."""
        self._reasons[bad & (self._reasons == len(self._names))] = self._names.index(reason)

    def good(self) -> npt.NDArray[np.intp]:
        """Numbers of the rows that are not refused."""
        return np.flatnonzero(self._reasons == len(self._names))

    def rejected(self, raw: pa.RecordBatch) -> pa.RecordBatch:
        """The refused rows of the batch, and why."""
        bad = np.flatnonzero(self._reasons < len(self._names))
        why = texts([self._names[reason] for reason in self._reasons[bad]])
        return raw.take(to_arrow(bad)).append_column("reason", why)


def normalise(raw: pa.RecordBatch, seen: Seen, *, named: bool) -> Batch:
    """Divide a batch into tiles and rejected rows; the reason of a row is the first that fits.

    With `named`, a row of a file with datasets has to name one.
    """
    verdicts = _Verdicts(raw.num_rows)
    if named and "dataset" in raw.schema.names:
        verdicts.reject(nulls(raw.column("dataset")), "no dataset")
    years, lon_i, lat_i = _keys(raw, verdicts)
    columns = _details(raw, verdicts)
    good = verdicts.good()
    fresh = seen.first(years[good], grid.cell(lon_i[good], lat_i[good]))
    again = np.zeros(raw.num_rows, dtype=bool)
    again[good[~fresh]] = True
    verdicts.reject(again, "duplicate")
    columns |= {"year": to_arrow(years), "lon_i": to_arrow(lon_i), "lat_i": to_arrow(lat_i)}
    tiles = pa.RecordBatch.from_arrays([columns[n] for n in TILES.names], schema=TILES)
    return Batch(raw.num_rows, tiles.take(to_arrow(good[fresh])), verdicts.rejected(raw))


def _keys(
    raw: pa.RecordBatch, verdicts: _Verdicts
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Year and place of each row; of rows that are refused, anything."""
    lon, lat = floats(raw.column("lon")), floats(raw.column("lat"))
    year = raw.column("year")
    years = to_numpy(year).astype(np.int64)
    verdicts.reject(np.isnan(lon) | np.isnan(lat) | nulls(year), "null key")
    lon_i, lon_usable, lon_centred = grid.to_hundredths(lon)
    lat_i, lat_usable, lat_centred = grid.to_hundredths(lat)
    inside = (np.abs(lon_i) < 18000) & (np.abs(lat_i) < 9000) & lon_usable & lat_usable
    verdicts.reject(
        ~inside | (years < grid.YEARS.start) | (years >= grid.YEARS.stop),
        "out of range",
    )
    verdicts.reject(~(lon_centred & lat_centred), "off-grid")
    lon_i, lat_i = np.where(inside, lon_i, 0), np.where(inside, lat_i, 0)
    return years.astype(np.int16), lon_i.astype(np.int16), lat_i.astype(np.int16)


def _details(raw: pa.RecordBatch, verdicts: _Verdicts) -> dict[str, pa.Array]:
    """What is known of the files of each row."""
    columns: dict[str, pa.Array] = {}
    for name in ("embeddings_size", "scales_size"):
        columns[name], bad = sizes(raw, name)
        verdicts.reject(bad, "bad size")
    for name in ("embeddings_sha256", "scales_sha256"):
        columns[name], bad = digests(raw, name)
        verdicts.reject(bad, "bad hash")
    for name in ("embeddings_mtime", "scales_mtime"):
        columns[name] = times(raw, name)
    return columns


def dataset_column(raw: pa.RecordBatch) -> pa.Array:
    """Dataset ids of the rows: the version, and the variant after a hyphen where there is one.

    pa.ArrowInvalid where they are bytes that are no text.
    """
    version = pc.cast(decoded(raw.column("version")), pa.string())
    if "variant" not in raw.schema.names:
        return version
    variant = pc.fill_null(pc.cast(decoded(raw.column("variant")), pa.string()), "")
    joined = pc.binary_join_element_wise(version, variant, "-")
    return pc.if_else(pc.equal(variant, ""), version, joined)

"""What the manifests of the stores say of tiles, on its way into the database.

Rows of a year are held against those that were linked last, and those that differ are copied into
pg_temp.said of queries/begin_link.sql.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pgpq
import pyarrow as pa
from psycopg import sql

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow, to_numpy
from tessera_catalog.catalogue import Series
from tessera_catalog.database import Connection
from tessera_catalog.fingerprint import LINKED
from tessera_catalog.store_manifest import Manifest

_SAID = pa.schema(
    [
        pa.field("store_id", pa.int16(), nullable=False),
        pa.field("tile_id", pa.int64(), nullable=False),
        pa.field("present", pa.bool_(), nullable=False),
        pa.field("embeddings_size", pa.int64()),
        pa.field("scales_size", pa.int64()),
        # Not binary(32), which pgpq's last release for arm64 does not know.
        pa.field("embeddings_sha256", pa.binary()),
        pa.field("scales_sha256", pa.binary()),
        pa.field("verified_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""Rows of pg_temp.said: what a manifest says of a tile; sizes and the rest are of present ones."""

_DETAILS = _SAID.names[3:]

_BATCH = 131_072

_UNKNOWN = -(2**63)
"""What stands for a value that the manifest does not know."""


class Rows:
    """A manifest's rows of one year, ascending by cell: what the catalogue shows of them."""

    def __init__(self, manifest: Manifest, year: int) -> None:
        if year in manifest.years:
            table = manifest.read(year, LINKED)
            columns = [_integers(table.column(name)) for name in LINKED]
        else:
            columns = [np.zeros(0, dtype=np.int64) for _ in LINKED]
        lon_i, lat_i, *values = columns
        self.cells: npt.NDArray[np.int64] = grid.cell(lon_i, lat_i)
        self.values: list[npt.NDArray[np.int64]] = values

    def verified(self) -> dict[str, int | dt.datetime | None]:
        """How many rows have a time of verification, the first and the last of these times."""
        *_, times = self.values
        times = times[times != _UNKNOWN]
        return {
            "verified": len(times),
            "verified_first": _time(times.min()) if len(times) else None,
            "verified_last": _time(times.max()) if len(times) else None,
        }

    def differing(self, old: Rows) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
        """Numbers of the rows that `old` has not or has otherwise, and cells only `old` has."""
        place, same = old.find(self.cells)
        still = np.zeros(len(old.cells), dtype=bool)
        still[place[same]] = True
        for mine, theirs in zip(self.values, old.values, strict=True):
            same[same] = mine[same] == theirs[place[same]]
        return np.flatnonzero(~same), old.cells[~still]

    def among(
        self, cells: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
        """Numbers of the rows of these cells, and the cells that have none."""
        place, is_there = self.find(cells)
        return place[is_there], cells[~is_there]

    def find(
        self, cells: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Where each cell stands among these rows, or would stand, and whether it is there."""
        place = np.searchsorted(self.cells, cells)
        is_there = np.zeros(len(cells), dtype=bool)
        inside = place < len(self.cells)
        is_there[inside] = self.cells[place[inside]] == cells[inside]
        return place, is_there


def copy_said(
    connection: Connection,
    store_id: int,
    series: Series,
    manifest: Manifest,
    cells: npt.NDArray[np.int64],
    present: npt.NDArray[np.intp],
    gone: npt.NDArray[np.int64],
) -> None:
    """Write rows of the manifest, by number, and cells it has no more, into pg_temp.said."""
    encoder = pgpq.ArrowToPostgresBinaryEncoder(_SAID)
    columns = sql.SQL(", ").join(sql.Identifier(column) for column in _SAID.names)
    statement = sql.SQL("COPY pg_temp.said ({}) FROM STDIN (FORMAT binary)").format(columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encoder.write_header())
        for start in range(0, len(present), _BATCH):
            part = present[start : start + _BATCH]
            details = manifest.take(series.year, part, _DETAILS)
            batch = _said(store_id, series.first_id + cells[part], details)
            copy.write(encoder.write_batch(batch))
        if len(gone):
            kinds = pa.schema([_SAID.field(n) for n in _DETAILS])
            nulls = [pa.nulls(len(gone), kind) for kind in kinds.types]
            nothing = pa.Table.from_arrays(nulls, schema=kinds)
            batch = _said(store_id, series.first_id + gone, nothing, present=False)
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())


def _said(
    store_id: int, ids: npt.NDArray[np.int64], details: pa.Table, *, present: bool = True
) -> pa.RecordBatch:
    key: list[npt.NDArray[Any]] = [
        np.full(len(ids), store_id, np.int16),
        ids,
        np.full(len(ids), present),
    ]
    values = [details.column(n).combine_chunks().cast(_SAID.field(n).type) for n in _DETAILS]
    return pa.RecordBatch.from_arrays([*(to_arrow(k) for k in key), *values], schema=_SAID)


def _time(micros: np.int64) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(micros))


def _integers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Values as int64, unknown as the smallest of them."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return to_numpy(column, _UNKNOWN).astype(np.int64, copy=False)

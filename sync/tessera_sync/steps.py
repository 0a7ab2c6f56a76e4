"""The rows of a plan as steps: tiles to bring and tiles to drop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow
from tessera_sync.layout import Tile, key_of
from tessera_sync.plan_file import COPY, DELETE, REPLACE
from tessera_sync.selection import in_shard, parse_shard
from tessera_sync.tiles import Bring, Known


@dataclass(frozen=True)
class Drop:
    """A tile to delete from the target."""

    tile: Tile
    bytes = 0


Step = Bring | Drop


def steps_of(rows: pa.Table) -> Iterator[Step]:
    """Rows of a plan as steps, a few thousand in memory at a time."""
    for batch in rows.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            tile = Tile.of(row)
            if row["action"] == DELETE:
                yield Drop(tile)
                continue
            yield Bring(
                tile,
                row["action"] == REPLACE,
                Known(row["embeddings_size"], row["embeddings_sha256"]),
                Known(row["scales_size"], row["scales_sha256"]),
            )


def bytes_of(rows: pa.Table) -> int:
    """Known bytes that a plan's rows will copy."""
    copied = rows.filter(pc.not_equal(rows.column("action").cast(pa.string()), DELETE))
    sizes = (copied.column(f"{name}_size") for name in ("embeddings", "scales"))
    return sum(pc.sum(column).as_py() or 0 for column in sizes)


def action_of(step: Step) -> str:
    """The plan's word for a step."""
    if isinstance(step, Drop):
        return DELETE
    return REPLACE if step.replace else COPY


def part_of(rows: pa.Table, shard: str) -> pa.Table:
    """Rows of part "i/n" of a plan, by their keys alone; all of them when it is empty."""
    return rows.filter(to_arrow(in_shard(*_keys(rows), parse_shard(shard)))) if shard else rows


def not_finished(rows: pa.Table, finished: set[int]) -> pa.Table:
    """Rows of the tiles that a journal has not finished, in the plan's order."""
    years, cells = _keys(rows)
    done = np.fromiter(finished, dtype=np.int64, count=len(finished))
    return rows.filter(to_arrow(~np.isin(key_of(years, cells), done)))


def _keys(rows: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Year and cell of each row."""
    columns: list[Any] = [rows.column(name).to_numpy().astype(np.int64) for name in Tile._fields]
    year, lon_i, lat_i = columns
    return year, grid.cell(lon_i, lat_i)

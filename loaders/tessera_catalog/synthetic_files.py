"""The files of made-up tiles: a registry, and a manifest for each store."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tessera_catalog import grid, manifest_writer
from tessera_catalog.columns import TIMESTAMP
from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import ROWS
from tessera_catalog.synthetic_tiles import DAY, SHARES, Bytes, Ints, Tiles

REGISTRY = pa.schema(
    [
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("year", pa.int64()),
        ("hash", pa.large_string()),
        ("scales_hash", pa.large_string()),
        ("mtime", pa.float64()),
        ("file_size", pa.int64()),
        ("scales_size", pa.int64()),
    ]
)
"""The registry of 2025; mtime in seconds since 1970."""

SEEN_AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
"""When the primary was scanned, the others an hour later each: the files do not change by day."""

GENERATOR = "tessera_catalog.synthetic"

ABSENT, SAME, STALE, INCOMPLETE = range(4)
"""State of a tile in a store."""

_CHUNK_ROWS = 131_072

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Written:
    """A finished file."""

    path: Path
    rows: int


@dataclass(frozen=True)
class Plan:
    """All tiles of the registry and the stores, ascending keys, and who has them how."""

    label: dict[str, str]
    seed: int
    keys: Ints
    listed: Mask
    states: dict[str, Bytes]


def write(out: Path, plan: Plan, dataset: str) -> list[Written]:
    """Write all files; they appear in `out` when all are whole."""
    written = []
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".synthetic-") as directory:
        path = Path(directory) / "registry.parquet"
        schema = REGISTRY.with_metadata(plan.label)
        with pq.ParquetWriter(
            path, schema, compression="zstd", use_dictionary=["year", "lon", "lat"]
        ) as writer:
            for start in range(0, len(plan.keys), _CHUNK_ROWS):
                part = slice(start, start + _CHUNK_ROWS)
                table = _registry_rows(Tiles(plan.keys[part][plan.listed[part]], plan.seed))
                writer.write_table(table.cast(schema))
        written.append(Written(path, int(np.count_nonzero(plan.listed))))
        for position, (name, states) in enumerate(plan.states.items()):
            path = Path(directory) / f"{name}.parquet"
            about = About(name, dataset, _seen(position), f"made up, seed {plan.seed}", GENERATOR)
            manifest_writer.write(path, about, _years(plan, states, position), plan.label)
            written.append(Written(path, int(np.count_nonzero(states))))
        return [Written(file.path.replace(out / file.path.name), file.rows) for file in written]


def _years(plan: Plan, states: Bytes, position: int) -> Iterator[pa.Table]:
    """Rows of a store, a table of store_manifest.ROWS for each year."""
    for year in SHARES:
        part = slice(*np.searchsorted(plan.keys, [year * grid.CELLS, (year + 1) * grid.CELLS]))
        here = states[part] != ABSENT
        yield _store_rows(Tiles(plan.keys[part][here], plan.seed), states[part][here], position)


def _seen(position: int) -> dt.datetime:
    return SEEN_AT + position * dt.timedelta(hours=1)


def _registry_rows(tiles: Tiles) -> pa.Table:
    lon_i, lat_i = tiles.centres
    file_size, scales_size = tiles.sizes()
    columns = {
        "lat": lat_i / 100,
        "lon": lon_i / 100,
        "year": tiles.years,
        "hash": _hex(tiles.digests("embeddings")),
        "scales_hash": _hex(tiles.digests("scales")),
        "mtime": tiles.mtimes / 1e6,
        "file_size": file_size,
        "scales_size": scales_size,
    }
    return pa.table(columns, schema=REGISTRY)


def _store_rows(tiles: Tiles, state: Bytes, position: int) -> pa.Table:
    """Rows of the store at a position; a copy is made up to ten days after its original."""
    lon_i, lat_i = tiles.centres
    stale, incomplete = state == STALE, state == INCOMPLETE
    # All stale copies have other hashes, about half of them another size as well.
    embeddings_size, scales_size = tiles.sizes(fewer_rows=stale * (tiles.keys % 2))
    seen = int(_seen(position).timestamp()) * 1_000_000
    noise = (tiles.noise(f"store {position}") >> 8).astype(np.int64)
    copied = tiles.mtimes + (noise % (10 * DAY) if position else 0)
    verified = seen - DAY - noise % (120 * DAY)
    unverified = (noise % 2 == 0) | incomplete | (verified < copied)
    columns = {
        "year": tiles.years.astype(np.int16),
        "lon_i": lon_i.astype(np.int16),
        "lat_i": lat_i.astype(np.int16),
        "embeddings_size": embeddings_size,
        "scales_size": np.where(incomplete, 0, scales_size),
        "embeddings_sha256": _binary(_other_where(stale, tiles, "embeddings")),
        "scales_sha256": _binary(_other_where(stale, tiles, "scales"), null=incomplete),
        "embeddings_mtime": _times(copied),
        "scales_mtime": _times(copied, null=incomplete),
        "seen_at": _times(np.full(len(state), seen)),
        "verified_at": _times(verified, null=unverified),
    }
    return pa.table(columns, schema=ROWS)


def _other_where(stale: Mask, tiles: Tiles, kind: str) -> Bytes:
    """Digests of the tiles, of an older version where stale."""
    digests = tiles.digests(kind).copy()
    digests[stale] = Tiles(tiles.keys[stale], tiles.seed).digests(f"old {kind}")
    return digests


def _hex(digests: Bytes) -> pa.Array:
    """Digests as 64 hexadecimal digits each."""
    text = digests.tobytes().hex().encode()
    offsets = np.arange(len(digests) + 1, dtype=np.int64) * 64
    return pa.LargeStringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(text))


def _binary(digests: Bytes, null: Mask | None = None) -> pa.Array:
    known = None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
    buffers = [known, pa.py_buffer(digests.tobytes())]
    return pa.Array.from_buffers(pa.binary(32), len(digests), buffers)


def _times(micros: Ints, null: Mask | None = None) -> pa.Array:
    return pa.array(micros, mask=null).cast(TIMESTAMP)

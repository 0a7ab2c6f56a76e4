"""A saved plan: a parquet file with one row for each tile to copy, replace or delete.

The header, JSON in the schema's metadata, names both manifests by their digests, so that a plan is
carried out only against what it was made from.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tessera_catalog import atomic, grid
from tessera_catalog.errors import InputError, first_line
from tessera_sync.layout import are_tiles, key_of

COPY, REPLACE, DELETE = "copy", "replace", "delete"
ACTIONS = {"missing": COPY, "stale": REPLACE, "incomplete": REPLACE, "extra": DELETE}
"""What is done about each reason. Replace: the target's files may differ and are put aside."""

_WORD = pa.dictionary(pa.int8(), pa.string())

PLAN = pa.schema(
    [
        pa.field("year", pa.int16(), nullable=False),
        pa.field("lon_i", pa.int16(), nullable=False),
        pa.field("lat_i", pa.int16(), nullable=False),
        pa.field("action", _WORD, nullable=False),
        pa.field("reason", _WORD, nullable=False),
        pa.field("embeddings_size", pa.int64()),
        pa.field("scales_size", pa.int64()),
        pa.field("embeddings_sha256", pa.binary(32)),
        pa.field("scales_sha256", pa.binary(32)),
    ]
)
"""Rows in the order to do them. Sizes in bytes and hashes are the source's, null unknown."""

_KEY = b"tessera_plan"
_FORMAT = 1


@dataclass(frozen=True)
class Header:
    """What a plan was made from and by; `bytes` and `files` are what will be copied."""

    source: str
    target: str
    dataset: str
    created: str
    tool: str
    source_digest: str
    target_digest: str
    shard: str
    """"i/n" when the plan is one part of n, else empty."""
    order: str
    bytes: int
    """Known bytes to copy: tiles of unknown size count for nothing."""
    files: int
    """Embeddings and scales to copy, two a tile."""


@dataclass(frozen=True)
class Plan:
    """A plan in memory."""

    header: Header
    rows: pa.Table


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan, whole or not at all."""
    text = json.dumps({"format": _FORMAT} | asdict(plan.header))
    table = plan.rows.cast(PLAN).replace_schema_metadata({_KEY: text})
    with atomic.replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_plan(path: Path) -> Plan:
    """Read a plan; InputError when the file is none of ours, or damaged, or fills the memory."""
    try:
        return _read(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise InputError(f"{path}: not a readable plan: {first_line(error)}") from error


def _read(path: Path) -> Plan:
    # Not read_table(), which imports pandas, where there is one.
    with pq.ParquetFile(path, memory_map=False) as file:
        table = file.read()
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:
        raise InputError(f"{path} is not a plan: make one with 'tessera-sync plan SRC DST -o FILE'")
    header = _header(path, text)
    if not table.schema.remove_metadata().equals(PLAN):
        raise InputError(f"{path}: its columns are not a plan's: make the plan again")
    _check_rows(path, table)
    return Plan(header, table.replace_schema_metadata(None))


def _header(path: Path, text: bytes) -> Header:
    try:
        values = json.loads(text)
        version = values.pop("format")
        header = Header(**values)
        kinds = {"bytes": int, "files": int}
        bad = [
            f.name
            for f in fields(Header)
            if type(getattr(header, f.name)) is not kinds.get(f.name, str)
        ]
        dt.datetime.fromisoformat(header.created)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: its header is damaged: make the plan again") from error
    if version != _FORMAT:
        raise InputError(f"{path}: a plan of format {version}, this tool reads {_FORMAT}")
    if bad:
        raise InputError(f"{path}: its header has a wrong {bad[0]}: make the plan again")
    return header


def _check_rows(path: Path, table: pa.Table) -> None:
    """Refuse rows that name no tile or no action: apply trusts what passes here."""
    for name in ("year", "lon_i", "lat_i", "action", "reason"):
        if table.column(name).null_count:
            raise InputError(f"{path}: column {name} has empty places: make the plan again")
    year, lon_i, lat_i = (table.column(n).to_numpy().astype(int) for n in PLAN.names[:3])
    keys = key_of(year, grid.cell(lon_i, lat_i))
    if not are_tiles(year, lon_i, lat_i).all() or len(np.unique(keys)) != len(keys):
        raise InputError(f"{path}: a row is no tile, or stands there twice: make the plan again")
    pairs = table.group_by(["action", "reason"]).aggregate([])
    for action, reason in zip(
        pc.cast(pairs["action"], pa.string()).to_pylist(),
        pc.cast(pairs["reason"], pa.string()).to_pylist(),
        strict=True,
    ):
        if ACTIONS.get(reason) != action:
            raise InputError(
                f"{path}: no tile is to {action} because {reason}: make the plan again"
            )

"""S3 Inventory: the listing that S3 itself writes, CSV or parquet files named by a manifest.json.

The format is https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html.
The files lie where S3 put them relative to manifest.json, or beside it, or in `data/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote_plus

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from tessera_catalog.arrays import texts, to_numpy
from tessera_catalog.columns import are_times
from tessera_catalog.errors import InputError
from tessera_sync.batches import Parsed, batch_of
from tessera_sync.dates import times
from tessera_sync.truth import UNKNOWN

_COLUMNS = {
    "key": ("Key", "key"),
    "size": ("Size", "size"),
    "modified": ("LastModifiedDate", "last_modified_date"),
    "latest": ("IsLatest", "is_latest"),
    "deleted": ("IsDeleteMarker", "is_delete_marker"),
}
"""Our name of a column, and its names in CSV's schema and in parquet."""


def find_manifest(path: Path, most: int) -> dict[str, Any] | None:
    """The content of a manifest.json; None when the file is something else.

    InputError when it does not say which files it is of.
    """
    with path.open("rb") as file:
        if file.peek(1)[:1] != b"{" or path.stat().st_size > most:
            return None
        text = file.read()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not {"fileFormat", "files"} <= value.keys():
        return None
    files = value["files"]
    if not isinstance(files, list) or not all(isinstance(f, dict) and "key" in f for f in files):
        raise InputError(f"listing {path}: its 'files' are none: fetch it again")
    return value


def read(path: Path, manifest: dict[str, Any]) -> Iterator[Parsed]:
    """The inventory's objects, in parts. InputError when a file is lacking, damaged or not ours."""
    kind = str(manifest["fileFormat"]).lower()
    if kind not in ("csv", "parquet"):
        raise InputError(f"listing {path}: an inventory of format {kind}; CSV and parquet are read")
    for entry in manifest["files"]:
        file = _located(path, str(entry["key"]))
        _check(file, entry.get("MD5checksum"))
        if kind == "csv":
            schema = manifest.get("fileSchema")
            if not isinstance(schema, str):
                raise InputError(f"listing {path}: no columns (fileSchema): fetch it again")
            names = [name.strip() for name in schema.split(",")]
            batches: Iterator[pa.RecordBatch] = _csv(file, names)
        else:
            batches = _parquet(file)
        for batch in batches:
            yield _parsed(batch, url_encoded=kind == "csv")


def _located(manifest: Path, key: str) -> Path:
    parts = PurePosixPath(key).parts
    # S3 writes manifest.json two levels below what the keys begin with; copies are often flatter.
    tails = [Path(*parts[i:]) for i in range(len(parts))]
    folders = [*manifest.resolve().parents]
    for folder in folders[:6]:
        for tail in tails:
            if (folder / tail).is_file():
                return folder / tail
    raise InputError(f"listing {manifest}: its file {key} is not here: fetch it to {folders[0]}")


def _check(file: Path, md5: object) -> None:
    """A file that was cut short on its way would empty half a manifest."""
    if isinstance(md5, str) and md5:
        with file.open("rb") as content:
            found = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
        if found.hexdigest() != md5.lower():
            raise InputError(f"listing {file}: its MD5 is not the manifest's: fetch it again")


def _csv(file: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    wanted = [name for name in names if name in {csv for csv, _ in _COLUMNS.values()}]
    convert = pcsv.ConvertOptions(
        include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string())
    )
    read_options = pcsv.ReadOptions(column_names=names, block_size=4 * 2**20)
    with pcsv.open_csv(file, read_options, convert_options=convert) as reader:
        yield from reader


def _parquet(file: Path) -> Iterator[pa.RecordBatch]:
    opened = pq.ParquetFile(file)
    known = {name for both in _COLUMNS.values() for name in both}
    columns = [name for name in opened.schema_arrow.names if name in known]
    for batch in opened.iter_batches(batch_size=65_536, columns=columns):
        # Arrow does not look at what it reads: offsets may be wild, text no UTF-8.
        batch.validate(full=True)
        yield batch


def _parsed(batch: pa.RecordBatch, *, url_encoded: bool) -> Parsed:
    columns = {}
    for ours, both in _COLUMNS.items():
        for name in both:
            if name in batch.schema.names:
                columns[ours] = batch.column(name)
    if "key" not in columns or "size" not in columns:
        raise InputError("the inventory has no Key or no Size: configure it with both")
    keep = pc.and_(_current(columns, batch.num_rows), columns["key"].is_valid())
    columns = {name: column.filter(keep) for name, column in columns.items()}
    paths = _decoded(columns["key"]) if url_encoded else columns["key"]
    sizes = pc.cast(_none_if_empty(columns["size"]), pa.int64())
    return Parsed(
        batch_of(paths.cast(pa.string()), to_numpy(sizes, UNKNOWN), _times(columns)),
        batch.num_rows,
        0,
        [],
    )


def _current(columns: dict[str, pa.Array], rows: int) -> pa.Array:
    """Objects as they are now: no older versions, no marks of deletion."""
    keep = pa.repeat(pa.scalar(True), rows)
    for name, wanted in (("latest", "true"), ("deleted", "false")):
        if name in columns:
            told = pc.utf8_lower(pc.cast(columns[name], pa.string()))
            keep = pc.and_(keep, pc.fill_null(pc.equal(told, wanted), True))
    return keep


def _times(columns: dict[str, pa.Array]) -> np.ndarray[Any, np.dtype[np.int64]]:
    modified = columns.get("modified")
    if modified is None:
        return np.full(len(columns["key"]), UNKNOWN)
    if pa.types.is_timestamp(modified.type):
        seconds = pc.cast(pc.cast(modified, pa.timestamp("s"), safe=False), pa.int64())
        known = to_numpy(seconds, UNKNOWN)
        return np.where(are_times(known * 1e6), known * 1_000_000, UNKNOWN)
    return times(_none_if_empty(modified))


def _none_if_empty(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    return column


def _decoded(keys: pa.Array) -> pa.Array:
    """Keys without URL encoding; tile paths have none, so few if any need it."""
    encoded = pc.match_substring_regex(keys, r"[%+]")
    if not pc.any(encoded).as_py():
        return keys
    return texts([unquote_plus(key) for key in keys.to_pylist()])

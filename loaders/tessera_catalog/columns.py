"""Columns of foreign parquet files as our own types: numbers, sizes, digests and times.

Each function takes an Arrow column of any type that may hold the thing, and says which of its
values are none.
"""

from __future__ import annotations

import binascii
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog.arrays import to_arrow, to_mask, to_numpy

TIMESTAMP = pa.timestamp("us", tz="UTC")

MAX_SIZE = 10 * 2**30
"""Bytes; a 0.1-degree tile of 128 int8 channels has 0.16 GB at the equator."""

OUR_TIMES = range(1, 4_100_000_000_000_000)
"""Microseconds since 1970, to 2099; 0 is what tools write that do not know."""


def are_times(micros: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which numbers are in OUR_TIMES; Python's calendar ends with the year 9999."""
    ours: npt.NDArray[np.bool_] = (micros >= OUR_TIMES.start) & (micros < OUR_TIMES.stop)
    return ours


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's many for text or bytes of any length."""
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def nulls(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values are null."""
    return to_mask(column.is_null())


def floats(column: pa.Array) -> npt.NDArray[np.float64]:
    """Numbers as float64, null as NaN, infinity as NaN."""
    values = to_numpy(pc.cast(decoded(column), pa.float64(), safe=False), null=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def computable(column: pa.Array) -> pa.Array:
    """The column, of a type that all of Arrow's functions know: not all know views."""
    if pa.types.is_string_view(column.type):
        return pc.cast(column, pa.large_string())
    if pa.types.is_binary_view(column.type):
        return pc.cast(column, pa.large_binary())
    return column


def decoded(column: pa.Array) -> pa.Array:
    """The column without dictionary encoding."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def sizes(raw: pa.RecordBatch, name: str) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Sizes in bytes, null where unknown, and which of them are no sizes."""
    if name not in raw.schema.names:
        return pa.nulls(raw.num_rows, pa.int64()), np.zeros(raw.num_rows, dtype=bool)
    column = decoded(raw.column(name))
    if pa.types.is_integer(column.type):
        # int64 exactly: a double holds sizes up to 2**53 only, and uint64 may overflow.
        values = to_numpy(pc.cast(column, pa.float64(), safe=False))
        unknown = nulls(column)
    else:
        values = to_numpy(pc.cast(column, pa.float64()), null=np.nan)
        unknown = np.isnan(values)
    bad = ~unknown & ~((values >= 0) & (values <= MAX_SIZE) & (values == np.floor(values)))
    whole = np.where(unknown | bad, 0, values).astype(np.int64)
    return to_arrow(whole, unknown | bad), bad


def digests(raw: pa.RecordBatch, name: str) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """SHA-256 digests as 32 bytes, null where unknown or empty, and which of them are malformed."""
    none = np.zeros(raw.num_rows, dtype=bool)
    if name not in raw.schema.names or pa.types.is_null(raw.schema.field(name).type):
        return pa.nulls(raw.num_rows, pa.binary(32)), none
    column = decoded(raw.column(name))
    if pa.types.is_fixed_size_binary(column.type) and column.type.byte_width == 32:
        return column, none
    column = pc.cast(column, pa.large_binary())
    lengths = to_numpy(pc.binary_length(column))
    full = lengths == 64
    bad = (lengths > 0) & ~full
    out = np.zeros((raw.num_rows, 32), dtype=np.uint8)
    out[full], malformed = _unhex(column.filter(to_arrow(full)))
    full[np.flatnonzero(full)[malformed]] = False
    bad |= (lengths == 64) & ~full
    validity = pa.py_buffer(np.packbits(full, bitorder="little"))
    digests = pa.Array.from_buffers(
        pa.binary(32), raw.num_rows, [validity, pa.py_buffer(out.reshape(-1))]
    )
    return digests, bad


def _unhex(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.intp]]:
    """64-digit texts as rows of 32 bytes, and the numbers of those that are not hexadecimal."""
    if len(texts) == 0:
        return np.zeros((0, 32), dtype=np.uint8), np.zeros(0, dtype=np.intp)
    _, offsets, data = texts.buffers()
    start = int(np.frombuffer(offsets, dtype=np.int64)[texts.offset])
    digits = memoryview(data)[start : start + 64 * len(texts)]
    bad = np.zeros(0, dtype=np.intp)
    try:
        packed = binascii.unhexlify(digits)
    except binascii.Error:
        rows = [bytes(digits[i : i + 64]) for i in range(0, len(digits), 64)]
        bad = np.array([i for i, row in enumerate(rows) if not _is_hex(row)], dtype=np.intp)
        for i in bad:
            rows[i] = b"0" * 64
        packed = binascii.unhexlify(b"".join(rows))
    return np.frombuffer(packed, dtype=np.uint8).reshape(-1, 32), bad


def _is_hex(text: bytes) -> bool:
    try:
        binascii.unhexlify(text)
    except binascii.Error:
        return False
    return True


def times(raw: pa.RecordBatch, name: str) -> pa.Array:
    """Modification times; numbers are seconds since 1970, or ms, us, ns by their magnitude."""
    if name not in raw.schema.names or pa.types.is_null(raw.schema.field(name).type):
        return pa.nulls(raw.num_rows, TIMESTAMP)
    column = decoded(raw.column(name))
    if pa.types.is_timestamp(column.type):
        whole = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
        micros = to_numpy(whole)
    else:
        values = to_numpy(pc.cast(column, pa.float64(), safe=False), null=np.nan)
        unit = np.select([values < 1e11, values < 1e14, values < 1e17], [1e6, 1e3, 1], 1e-3)
        micros = np.rint(np.nan_to_num(values * unit))
    known = are_times(micros)
    return to_arrow(np.where(known, micros, 0).astype(np.int64), ~known, TIMESTAMP)

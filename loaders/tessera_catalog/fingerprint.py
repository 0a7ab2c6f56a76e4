"""Digests of a manifest's rows: 64 bits of each row's hashes, SHA-256 of a year and of all rows."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from tessera_catalog.arrays import to_arrow, to_numpy, valid

FINGERPRINT = pa.field("fingerprint", pa.int64())
"""Mix of the known hashes of a row; its two low bits say which they are (1 embeddings, 2 scales).

Null when no hash is known. Of two fingerprints with the same low bits, equal ones mean equal hashes
(but for a chance of 2**-62) and different ones mean different hashes.
"""

_ODD = np.array(
    [
        [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93],
        [0xA0761D6478BD642F, 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3],
    ],
    dtype=np.uint64,
)
"""Odd multipliers for the words of both hashes: large, unlike one another, otherwise free."""

LINKED = ("lon_i", "lat_i", "embeddings_size", "scales_size", FINGERPRINT.name, "verified_at")
"""What of a manifest's row reaches the catalogue."""

DIGESTED = ("year", "lon_i", "lat_i", "embeddings_size", "scales_size")


class RowsDigest:
    """SHA-256 over the rows of a manifest, fed one year after another."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256(b"tessera manifest 1")

    def add(self, rows: pa.Table, marks: pa.Array | pa.ChunkedArray) -> None:
        """Add a year's rows, sorted by cell, with their fingerprints."""
        year = rows.column("year")[0].as_py()
        self._sum.update(f"{year} {rows.num_rows}".encode())
        for name in ("lon_i", "lat_i"):
            self._sum.update(to_numpy(rows.column(name)).astype("<i2").data)
        for name in ("embeddings_size", "scales_size"):
            self._sum.update(to_numpy(rows.column(name), -1).astype("<i8").data)
        self._sum.update(to_numpy(marks).astype("<i8").data)

    def text(self) -> str:
        """The digest so far, in hex."""
        return self._sum.hexdigest()


def year_digest(rows: pa.Table) -> str:
    """SHA-256, in hex, of LINKED of a year's rows, which are sorted by cell."""
    digest = hashlib.sha256(f"tessera link 2 {rows.num_rows}".encode())
    for name in LINKED:
        column = rows.column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        digest.update(to_numpy(column).astype("<i8").data)
        # Unknown is not zero.
        digest.update(np.packbits(valid(column)).data if column.null_count else b"")
    return digest.hexdigest()


def fingerprints(embeddings: Any, scales: Any) -> pa.Array:
    """`fingerprint` of rows from their SHA-256 columns (binary(32), null unknown)."""
    total = np.zeros(len(embeddings), dtype=np.uint64)
    flags = np.zeros(len(embeddings), dtype=np.uint64)
    for bit, column in ((1, embeddings), (2, scales)):
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if array.null_count == len(array):
            continue
        words = np.frombuffer(array.buffers()[1], dtype="<u8")
        words = words[4 * array.offset : 4 * (array.offset + len(array))].reshape(-1, 4)
        # Multiply-add with odd numbers: SHA-256 is even already, every bit only has to count.
        part = sum(words[:, i] * _ODD[bit - 1][i] for i in range(4))
        known = valid(array)
        total += np.where(known, part, np.uint64(0))
        flags += known * np.uint64(bit)
    mixed = (total & ~np.uint64(3)) | flags
    return to_arrow(mixed.view(np.int64), flags == 0)

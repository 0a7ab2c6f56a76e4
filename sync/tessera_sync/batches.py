"""Files as they were seen in a store: batches of paths with sizes and times.

Where they come from (a bucket, a tree, a listing) does not show in them, and their order says
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog.arrays import text, texts, to_arrow

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Files as they were seen: directory, name, bytes, and microseconds since 1970."""

    parents: pa.Array
    """Without a slash at the end; empty at the top."""
    names: pa.Array
    sizes: Numbers
    mtimes: Numbers


@dataclass(frozen=True)
class Parsed:
    """A part of a listing: its files, and the lines that were not understood."""

    batch: Batch
    lines: int
    unparsed: int
    examples: list[str]


def batch_of(paths: pa.Array, sizes: Numbers, mtimes: Numbers) -> Batch:
    """Files by their paths."""
    slashed = pc.match_substring(paths, "/")
    if not pc.all(slashed).as_py():
        paths = pc.if_else(slashed, paths, pc.binary_join_element_wise(text("/"), paths, text("")))
    parts = pc.split_pattern(paths, "/", max_splits=1, reverse=True).flatten()
    parent, name = (parts.take(to_arrow(np.arange(i, len(parts), 2))) for i in (0, 1))
    return Batch(parent, name, sizes, mtimes)


def chosen(batch: Batch, rows: npt.NDArray[np.bool_]) -> Batch:
    """Those of the files that are wanted."""
    mask = to_arrow(rows)
    return Batch(
        batch.parents.filter(mask), batch.names.filter(mask), batch.sizes[rows], batch.mtimes[rows]
    )


def joined(batches: Sequence[Batch]) -> Batch:
    """The files of all batches."""
    filled = [batch for batch in batches if len(batch.names)]
    if len(filled) == 1:
        return filled[0]
    nothing = np.zeros(0, dtype=np.int64)
    return Batch(
        pa.concat_arrays([texts([]), *(batch.parents for batch in filled)]),
        pa.concat_arrays([texts([]), *(batch.names for batch in filled)]),
        np.concatenate([nothing, *(batch.sizes for batch in filled)]),
        np.concatenate([nothing, *(batch.mtimes for batch in filled)]),
    )

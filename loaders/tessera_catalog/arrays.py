"""Arrow columns as NumPy arrays and back, without a copy and without pandas.

`to_numpy()`, `pa.array()`, `pa.scalar()` and `empty_table()` import pandas, which takes longer
than a plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def to_numpy(column: pa.Array | pa.ChunkedArray, null: float = 0) -> npt.NDArray[Any]:
    """Values of a column of numbers, `null` in the empty places; read-only."""
    if column.null_count:
        column = pc.fill_null(column, number(null, column.type))
    if isinstance(column, pa.ChunkedArray):
        # Not combine_chunks(): of none it imports pandas.
        chunks = column.chunks or [pa.nulls(0, column.type)]
        column = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    values: npt.NDArray[Any] = np.from_dlpack(column)
    return values


def to_mask(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """A column of truth values, where an empty place is false."""
    return to_numpy(pc.cast(column, pa.uint8())).view(np.bool_)


def valid(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Whether each place of a column has a value."""
    return to_mask(pc.is_valid(column))


def to_arrow(
    values: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None = None, kind: Any = None
) -> pa.Array:
    """Whole numbers or truth values as an Arrow array, empty where `mask` is true.

    `kind` is another Arrow type of the same width, a timestamp for instance.
    """
    kind = kind or pa.from_numpy_dtype(values.dtype)
    data = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else values
    validity = None if mask is None else pa.py_buffer(np.packbits(~mask, bitorder="little"))
    buffers = [validity, pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(kind, len(values), buffers)


def texts(values: Sequence[str]) -> pa.Array:
    """Strings as an Arrow array."""
    encoded = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = [pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.StringArray.from_buffers(len(encoded), *buffers)


def text(value: str) -> pa.Scalar:
    """A string as Arrow's functions take it."""
    return texts([value])[0]


def number(value: float, kind: pa.DataType | None = None) -> pa.Scalar:
    """A number as Arrow's functions take it, of type `kind`, or int64 or double as it is."""
    column = to_arrow(np.array([value]))
    return pc.cast(column, kind or column.type)[0]


def empty(schema: pa.Schema) -> pa.Table:
    """A table of no rows."""
    return pa.Table.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)

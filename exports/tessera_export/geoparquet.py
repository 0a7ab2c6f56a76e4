"""GeoParquet 1.1 files: written a row group at a time, and what they tell of themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

CORNERS = ("xmin", "ymin", "xmax", "ymax")

BBOX = pa.struct([(corner, pa.float64()) for corner in CORNERS])
"""The type of the column `bbox`, which readers prune row groups by."""

_OURS = "tessera:export"

Mark = dict[str, Any]
"""What an export's file is of: two files with the same mark have the same content."""


_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    # Without a crs the coordinates are longitude and latitude, as GeoParquet has it.
    "columns": {
        "geometry": {
            "encoding": "WKB",
            "geometry_types": ["Polygon"],
            "covering": {"bbox": {corner: ["bbox", corner] for corner in CORNERS}},
        }
    },
}


@contextmanager
def writing(
    path: Path, schema: pa.Schema, mark: Mark, **metadata: Any
) -> Iterator[Callable[[pa.Table], None]]:
    """Write a file while the block runs; yields what adds a table as a row group.

    The schema has columns `geometry` (polygons as WKB) and `bbox`. Other metadata is kept as JSON.
    """
    members = {"geo": _GEO, _OURS: mark, **metadata}
    # In Arrow's schema, where also those look who read many files as one.
    described = schema.with_metadata({key: json.dumps(value) for key, value in members.items()})
    with pq.ParquetWriter(path, described, compression="zstd") as writer:
        yield writer.write_table


def bbox(corners: npt.NDArray[np.float64]) -> pa.StructArray:
    """The column `bbox` of n boxes (n × 4: west, south, east, north in degrees)."""
    return pa.StructArray.from_arrays(list(corners.T), fields=list(BBOX))


def mark_of(path: Path) -> Mark | None:
    """The mark of a file that an export wrote; None when it is anything else."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
        mark = json.loads(metadata.get(_OURS.encode(), b"null"))
    except (OSError, ValueError):  # Arrow's own errors are among these
        return None
    return mark if isinstance(mark, dict) else None

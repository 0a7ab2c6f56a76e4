"""Rows of tessera.tile as Arrow tables."""

from __future__ import annotations

import pyarrow as pa
import shapely

from tessera_export.geoparquet import BBOX, bbox
from tessera_export.reading import Rows

_TIME = pa.timestamp("us", "UTC")

_READ = pa.schema(
    [
        ("id", pa.int64()),
        ("dataset", pa.string()),
        ("year", pa.int16()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("embeddings_size", pa.int64()),
        ("scales_size", pa.int64()),
        ("embeddings_mtime", _TIME),
        ("scales_mtime", _TIME),
        ("verified", _TIME),
        ("embeddings_sha256", pa.string()),
        ("scales_sha256", pa.string()),
        ("stores", pa.list_(pa.string())),
        ("unsound_stores", pa.list_(pa.string())),
        ("store_count", pa.int16()),
        ("geometry", pa.binary()),
    ]
)
"""Columns as queries/export_tiles.sql has them."""

SCHEMA = _READ.append(pa.field("bbox", BBOX))


def table(rows: Rows) -> pa.Table:
    """The rows of queries/export_tiles.sql, with the bounds of their geometries."""
    columns = [
        pa.array(values, field.type)
        for values, field in zip(zip(*rows, strict=True), _READ, strict=True)
    ]
    bounds = shapely.bounds(shapely.from_wkb([row[-1] for row in rows]))
    return pa.table([*columns, bbox(bounds)], schema=SCHEMA)

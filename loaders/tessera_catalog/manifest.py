"""The parquet schemas: the normal form of tiles, and the file of a store's manifest."""

from __future__ import annotations

import pyarrow as pa

from tessera_catalog.columns import TIMESTAMP

TILES = pa.schema(
    [
        pa.field("year", pa.int16(), nullable=False),
        pa.field("lon_i", pa.int16(), nullable=False),
        pa.field("lat_i", pa.int16(), nullable=False),
        pa.field("embeddings_size", pa.int64()),
        pa.field("scales_size", pa.int64()),
        pa.field("embeddings_sha256", pa.binary(32)),
        pa.field("scales_sha256", pa.binary(32)),
        pa.field("embeddings_mtime", TIMESTAMP),
        pa.field("scales_mtime", TIMESTAMP),
    ]
)
"""The normal form: one row a tile; null is "unknown". Sizes in bytes, 0 is a file of no bytes."""

MANIFEST = pa.schema(
    [
        # Both forms of the key: the integers are what joins and sorting use; the degrees are what
        # the first catalogue server and geotessera read, so their tools open our files unchanged.
        pa.field("year", pa.int16(), nullable=False),
        pa.field("lon_i", pa.int16(), nullable=False),
        pa.field("lat_i", pa.int16(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("file_size", pa.int64()),
        pa.field("scales_size", pa.int64()),
        pa.field("hash", pa.binary(32)),
        pa.field("scales_hash", pa.binary(32)),
        pa.field("mtime", TIMESTAMP),
        pa.field("scales_mtime", TIMESTAMP),
        pa.field("seen_at", TIMESTAMP),
        pa.field("verified_at", TIMESTAMP),
    ]
)
"""A store's manifest on disk, sorted by year and `grid.cell`; null is "unknown" as in TILES."""

SYNTHETIC_KEY = "tessera:synthetic"
"""Key of the schema metadata that marks a file as made up; its value is JSON text."""

"""Manifests for tests, from a dictionary of tiles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_sync import manifests
from tessera_sync.row_tables import split

Key = tuple[int, int, int]
Row = dict[str, Any]
MADE = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def sha(number: int) -> bytes:
    """Some hash; different numbers differ in their last byte only."""
    return bytes(31) + bytes([number])


def row(
    embeddings: int | None = 1000,
    scales: int | None = 100,
    embeddings_sha256: bytes | None = None,
    scales_sha256: bytes | None = None,
    **more: Any,
) -> Row:
    """What a manifest knows of a tile."""
    return {
        "embeddings_size": embeddings,
        "scales_size": scales,
        "embeddings_sha256": embeddings_sha256,
        "scales_sha256": scales_sha256,
        **more,
    }


def table(tiles: Mapping[Key, Mapping[str, Any]]) -> pa.Table:
    """Rows (ROWS), in the order of the dictionary."""
    rows = [
        {"year": year, "lon_i": lon_i, "lat_i": lat_i, **known}
        for (year, lon_i, lat_i), known in tiles.items()
    ]
    return pa.Table.from_pylist(rows, schema=ROWS)


def save(
    folder: Path, store: str, tiles: Mapping[Key, Mapping[str, Any]], dataset: str = "v1"
) -> Manifest:
    """Write a store's manifest and open it."""
    manifests.save(folder, About(store, dataset, MADE, "test"), split(table(tiles)))
    return manifests.load(folder, store, dataset)


def read(manifest: Manifest) -> dict[Key, dict[str, Any]]:
    """All rows of a manifest by their keys."""
    found = {}
    for year in manifest.years:
        for values in manifest.read(year).to_pylist():
            key = (values.pop("year"), values.pop("lon_i"), values.pop("lat_i"))
            assert key not in found
            found[key] = values
    return found

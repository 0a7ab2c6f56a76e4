"""From a journal to the target's manifest: its rows become what the journal says was done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tessera_catalog import grid
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_sync import manifests
from tessera_sync.journal import Entry, Journal, Lineage
from tessera_sync.layout import Tile
from tessera_sync.tiles import Whole


def merge(
    data_dir: Path, target: str, dataset: str, journal: Journal, lineage: Lineage, how: str
) -> int:
    """Bring the target's manifest up to the journal; the number of tiles it learned.

    Doing it twice changes nothing. Refused when another process keeps the manifest locked.
    """
    entries = list(journal.unmerged)
    if not entries:
        return 0
    # A scan made since has seen these tiles itself, or has seen that they are gone again.
    scanned = manifests.load(data_dir, target, dataset).about.made
    fresh = [entry for entry in entries if entry.at >= scanned]
    if fresh:
        manifests.update(
            data_dir,
            target,
            dataset,
            how=how,
            upsert=rows_of(fresh),
            remove=keys_of([entry.tile for entry in fresh if entry.whole is None]),
            before=lineage.add,
        )
    journal.merged(len(entries))
    return len(fresh)


def rows_of(entries: Sequence[Entry]) -> pa.Table:
    """Manifest rows (ROWS) of the tiles that are whole, seen and verified when they were placed."""
    found = [(entry.at, entry.whole) for entry in entries if entry.whole is not None]
    return pa.Table.from_pylist([_row(whole) | _times(at) for at, whole in found], schema=ROWS)


def keys_of(tiles: Sequence[Tile]) -> pa.Table:
    """Table of year, lon_i and lat_i."""
    names = ("year", "lon_i", "lat_i")
    return pa.table(
        {name: pa.array([tile[i] for tile in tiles], pa.int16()) for i, name in enumerate(names)}
    )


def rows_by_tile(manifest: Manifest, tiles: Iterable[Tile]) -> dict[Tile, dict[str, Any]]:
    """A manifest's rows (ROWS) of those of the tiles that it has."""
    wanted: dict[int, list[int]] = {}
    for tile in tiles:
        wanted.setdefault(tile.year, []).append(int(grid.cell(tile.lon_i, tile.lat_i)))
    rows = {}
    for year in wanted.keys() & set(manifest.years):
        cells = manifests.cells_of(manifest.read(year, ["lon_i", "lat_i"]))
        places = np.flatnonzero(np.isin(cells, wanted[year]))
        for row in manifest.take(year, places, ROWS.names).to_pylist():
            rows[Tile(row["year"], row["lon_i"], row["lat_i"])] = row
    return rows


def _row(whole: Whole) -> dict[str, object]:
    return {
        **whole.tile._asdict(),
        "embeddings_size": whole.embeddings.size,
        "scales_size": whole.scales.size,
        "embeddings_sha256": whole.embeddings.sha256,
        "scales_sha256": whole.scales.sha256,
        "embeddings_mtime": whole.embeddings.mtime,
        "scales_mtime": whole.scales.mtime,
    }


def _times(at: object) -> dict[str, object]:
    return {"seen_at": at, "verified_at": at}

"""Registries and manifests that other tools have written, brought into the form of ours."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog.errors import InputError
from tessera_catalog.manifest import TILES
from tessera_catalog.manifest_header import About
from tessera_catalog.manifest_writer import write
from tessera_catalog.registry import open_registry
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_sync.row_tables import in_order, split


@dataclass
class Foreign:
    """A file of another tool in our form: its tiles by year, and what could not be one."""

    path: Path
    dataset: str
    years: dict[int, pa.Table]
    """Rows (ROWS), in any order."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Rows that are no tiles, by reason (the keys are those of tessera_catalog's REASONS)."""


def read_foreign(path: Path, dataset: str) -> Foreign:
    """Read a registry or manifest of any schema; rows of other datasets are left out.

    InputError when it is none, or when it names datasets and the wanted one is not among them.
    """
    registry = open_registry(path)
    named = [name for name in registry.datasets() if name is not None]
    if named and dataset not in named:
        raise InputError(f"{path} has no tiles of dataset '{dataset}', only of {', '.join(named)}")
    rejected: Counter[str] = Counter()
    parts: dict[int, list[pa.RecordBatch]] = {}
    for batch in registry.batches(dataset if named else None):
        for reason in pc.value_counts(batch.rejected.column("reason")).to_pylist():
            rejected[reason["values"]] += reason["counts"]
        for year, tiles in split(batch.tiles).items():
            parts.setdefault(year, []).append(tiles)
    complete = {year: _complete(pa.Table.from_batches(parts.pop(year))) for year in sorted(parts)}
    return Foreign(path, dataset, complete, rejected)


def as_manifest(path: Path, store: str, dataset: str) -> Manifest:
    """The file as a manifest of the store, in memory; InputError as for `read_foreign`."""
    foreign = read_foreign(path, dataset)
    made = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    about = About(store, dataset, made, "a file of another tool")
    sink = pa.BufferOutputStream()
    write(sink, about, (in_order(table) for table in foreign.years.values()))
    manifest = Manifest(sink.getvalue(), str(path))
    manifest.rejected.update(foreign.rejected)
    return manifest


def _complete(tiles: pa.Table) -> pa.Table:
    """Tiles with the columns that only manifests have, unknown."""
    for name in ROWS.names[len(TILES.names) :]:
        tiles = tiles.append_column(
            ROWS.field(name), pa.nulls(tiles.num_rows, ROWS.field(name).type)
        )
    return tiles

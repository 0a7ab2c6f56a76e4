"""Writing the file of one store's manifest, year by year; store_manifest reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow, to_numpy
from tessera_catalog.fingerprint import FINGERPRINT, RowsDigest, fingerprints, year_digest
from tessera_catalog.manifest import MANIFEST
from tessera_catalog.manifest_header import FORMAT, KEY, About
from tessera_catalog.store_manifest import FILE_COLUMNS, ROWS, ascending

ROW_GROUP = 65_536
"""Rows of a row group: few enough to stay in a processor's cache, enough to be read at once."""

# Plain where values hardly repeat: decoding is then a copy.
_REPEATING = [
    n for n in MANIFEST.names if n not in ("hash", "scales_hash", "mtime", "scales_mtime")
]


def write(
    target: Path | pa.NativeFile,
    about: About,
    years: Iterable[pa.Table],
    labels: Mapping[str, str] | None = None,
) -> str:
    """Write tables of ROWS, one a year in ascending order and each sorted by cell.

    `labels` are more schema metadata. Returns the digest. OSError when the file cannot be written;
    ValueError when the rows are not in order or a tile stands there twice.
    """
    written = _Written()
    schema = pa.schema([*MANIFEST, FINGERPRINT], dict(labels or {}))
    with pq.ParquetWriter(
        target,
        schema,
        compression="none",
        use_dictionary=_REPEATING,
        write_page_index=False,
        # A bit that flips on a disk would make a size or a hash another one, and a tile stale.
        write_page_checksum=True,
    ) as writer:
        for table in years:
            if table.num_rows == 0:
                continue
            rows = table.combine_chunks()
            marks = fingerprints(rows.column("embeddings_sha256"), rows.column("scales_sha256"))
            content = _to_file(rows, marks, schema)
            written.add(rows, marks, content)
            writer.write_table(content, row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({KEY.decode(): json.dumps(written.describe(about))})
    return written.digest.text()


@dataclass
class _Written:
    """What the file will say of itself: of all its rows, and of each year."""

    digest: RowsDigest = field(default_factory=RowsDigest)
    tiles: int = 0
    digests: dict[int, str] = field(default_factory=dict)
    groups: list[int] = field(default_factory=list)
    """The year of each row group."""

    unknown: dict[int, list[str]] = field(default_factory=dict)
    """Columns of each year that have no value at all."""

    def add(self, rows: pa.Table, marks: pa.Array, content: pa.Table) -> None:
        """Count a year: its rows, their fingerprints, and both as they stand in the file.

        ValueError when it does not come after those before it, or is not in order.
        """
        year, last = _one_year(rows), next(reversed(self.digests), 0)
        if year <= last:
            raise ValueError(f"year {year} comes after {last}")
        self.digest.add(rows, marks)
        self.tiles += rows.num_rows
        self.digests[year] = year_digest(rows.append_column(FINGERPRINT, marks))
        self.groups += [year] * -(-rows.num_rows // ROW_GROUP)
        self.unknown[year] = [
            name
            for name in content.column_names
            if content.column(name).null_count == rows.num_rows
        ]

    def describe(self, about: About) -> dict[str, Any]:
        """The text of the file's metadata, as JSON has it."""
        return {
            **asdict(about),
            "made": about.made.isoformat(),
            "format": FORMAT,
            "digest": self.digest.text(),
            "tiles": self.tiles,
            "years": self.digests,
            "groups": self.groups,
            "unknown": self.unknown,
        }


def _one_year(rows: pa.Table) -> int:
    years = to_numpy(rows.column("year"))
    cells = grid.cell(
        to_numpy(rows.column("lon_i")).astype(np.int32),
        to_numpy(rows.column("lat_i")).astype(np.int32),
    )
    if years.min() != years.max() or not ascending(cells):
        raise ValueError("rows of a manifest must be of one year and sorted by cell, each once")
    return int(years[0])


def _to_file(rows: pa.Table, marks: pa.Array, schema: pa.Schema) -> pa.Table:
    columns = {FILE_COLUMNS[name]: rows.column(name) for name in ROWS.names}
    for name in ("lon", "lat"):
        columns[name] = to_arrow(to_numpy(rows.column(f"{name}_i")) / 100.0)
    columns[FINGERPRINT.name] = marks
    return pa.table([columns[name] for name in schema.names], schema=schema)

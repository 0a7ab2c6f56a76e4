"""The file of one store's manifest, `<store>.parquet`, read year by year.

`manifest_writer` writes it. The columns are MANIFEST's and one more, `fingerprint`, so that two
manifests are compared without reading their hashes. Row groups do not cross years, rows are sorted
by `grid.cell`, and the metadata says whose manifest it is, the digest of its rows, the year of each
row group and which columns know nothing. (Parquet's own statistics tell the latter two as well; but
pyarrow ends the whole process when it is asked for those of some damaged files.) A file with
MANIFEST's columns and order but without these helps is read too, more slowly; other files are not
for this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tessera_catalog.arrays import empty, number, to_arrow
from tessera_catalog.columns import TIMESTAMP
from tessera_catalog.errors import InputError, first_line
from tessera_catalog.fingerprint import (
    DIGESTED,
    FINGERPRINT,
    LINKED,
    RowsDigest,
    fingerprints,
    year_digest,
)
from tessera_catalog.manifest import MANIFEST, TILES
from tessera_catalog.manifest_header import read_header

ROWS = pa.schema([*TILES, pa.field("seen_at", TIMESTAMP), pa.field("verified_at", TIMESTAMP)])
"""Rows in memory: the normal form of tiles, and when each was last seen and verified."""

FILE_COLUMNS = dict(
    zip(ROWS.names, [n for n in MANIFEST.names if n not in ("lon", "lat")], strict=True)
)
"""Name in the file of each of our columns."""


class Manifest:
    """An opened manifest file. Every error of the file is an InputError of one line."""

    def __init__(self, source: Path | pa.Buffer, name: str | None = None) -> None:
        self.name = name or str(source)
        try:
            self._file = pq.ParquetFile(
                pa.BufferReader(source) if name else source, page_checksum_verification=True
            )
            schema = self._file.schema_arrow
        except FileNotFoundError as error:
            raise InputError(f"{self.name}: no such file") from error
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            why = first_line(error)
            raise InputError(f"{self.name}: not a readable parquet file: {why}") from error
        if not is_manifest(schema):
            raise InputError(f"{self.name}: not a manifest of this tool: ingest it first")
        self.tiles: int = self._file.metadata.num_rows
        self._marked = FINGERPRINT.name in schema.names
        try:
            self._header = read_header(self._file, source if isinstance(source, Path) else None)
        except (ValueError, ArithmeticError, AttributeError, TypeError, RecursionError) as error:
            raise InputError(f"{self.name}: damaged: what it says of itself is cut up") from error
        self.about = self._header.about
        self._digest = self._header.digest
        # Arrow's readers are for one thread at a time.
        self._lock = Lock()
        groups = self._header.groups
        self._groups = self._found_groups() if groups is None else [(y, y) for y in groups]
        """First and last year of each row group."""
        self.rejected: Counter[str] = Counter()
        """Rows of another tool's file that are no tiles, by reason."""

    @property
    def digest(self) -> str:
        """SHA-256 of keys, sizes and hashes of all rows, in hex; times do not count."""
        if self._digest is None:
            digest = RowsDigest()
            for year in self.years:
                rows = self.read(year, [*DIGESTED, FINGERPRINT.name])
                if rows.num_rows:
                    digest.add(rows, rows.column(FINGERPRINT.name))
            self._digest = digest.text()
        return self._digest

    def year_digest(self, year: int) -> str:
        """SHA-256 of what reaches the catalogue of a year's rows, in hex."""
        known = self._header.digests
        if known is not None and str(year) in known:
            return known[str(year)]
        if known is None and year in self.years:
            return year_digest(self.read(year, LINKED))
        nothing = empty(ROWS)
        return year_digest(nothing.append_column(FINGERPRINT, pa.nulls(0, FINGERPRINT.type)))

    @property
    def years(self) -> list[int]:
        """Years that may have tiles, ascending; read() of one may yet be empty."""
        years: set[int] = set()
        for first, last in self._groups:
            years.update(range(first, last + 1))
        return sorted(years)

    def knows(self, year: int, column: str) -> bool:
        """Whether some row of the year may have a value there, judged without reading rows."""
        if column == FINGERPRINT.name and not self._marked:
            return self.knows(year, "embeddings_sha256") or self.knows(year, "scales_sha256")
        unknown = self._header.unknown.get(str(year), [])
        return FILE_COLUMNS.get(column, column) not in unknown

    def read(self, year: int, columns: Sequence[str] = tuple(ROWS.names)) -> pa.Table:
        """Rows of a year in the order of cells: columns of ROWS, and `fingerprint`."""
        return self._read(year, self._groups_of(year), list(columns))

    def blocks(self, year: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The rows of `read`, one row group after another: little memory, used again and again."""
        for group in self._groups_of(year):
            yield self._read(year, [group], list(columns))

    def take(self, year: int, rows: npt.NDArray[Any], columns: Sequence[str]) -> pa.Table:
        """Some rows of a year, by ascending numbers within it; other row groups stay unread."""
        if not self._aligned(year):
            return self.read(year, columns).take(to_arrow(rows))
        parts, start = [], 0
        for group in self._groups_of(year):
            stop = start + self._file.metadata.row_group(group).num_rows
            first, last = np.searchsorted(rows, (start, stop))
            if first < last:
                part = self._read_groups([group], sorted(columns))
                parts.append(part.take(to_arrow(rows[first:last] - start)))
            start = stop
        nothing = empty(ROWS).select(columns)
        return pa.concat_tables([part.select(columns) for part in parts]) if parts else nothing

    def _read(self, year: int, groups: list[int], columns: list[str]) -> pa.Table:
        wanted = set(columns)
        unmarked = FINGERPRINT.name in wanted and not self._marked
        if unmarked:
            wanted = (wanted - {FINGERPRINT.name}) | {"embeddings_sha256", "scales_sha256"}
        if any(self._groups[group] != (year, year) for group in groups):
            rows = self._read_groups(groups, sorted(wanted | {"year"}))
            rows = rows.filter(pc.equal(rows.column("year"), number(year, pa.int16())))
        else:
            rows = self._read_groups(groups, sorted(wanted))
        if unmarked:
            marks = fingerprints(rows.column("embeddings_sha256"), rows.column("scales_sha256"))
            rows = rows.append_column(FINGERPRINT, marks)
        return rows.select(columns)

    def _read_groups(self, groups: list[int], names: list[str]) -> pa.Table:
        columns = [FILE_COLUMNS.get(name, name) for name in names]
        try:
            with self._lock:
                rows = self._file.read_row_groups(groups, columns, use_threads=len(groups) > 1)
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.name}: damaged: {first_line(error)}") from error
        ours = {theirs: name for name, theirs in FILE_COLUMNS.items()}
        return rows.rename_columns([ours.get(name, name) for name in rows.schema.names])

    def _found_groups(self) -> list[tuple[int, int]]:
        """First and last year of each row group, by reading the years."""
        found = []
        for group in range(self._file.metadata.num_row_groups):
            years = pc.min_max(self._read_groups([group], ["year"]).column("year"))
            if not years["min"].is_valid:
                raise InputError(f"{self.name}: row group {group} has no year")
            found.append((years["min"].as_py(), years["max"].as_py()))
        return found

    def _groups_of(self, year: int) -> list[int]:
        return [i for i, (first, last) in enumerate(self._groups) if first <= year <= last]

    def _aligned(self, year: int) -> bool:
        """Whether the row groups with the year's rows have no others."""
        return all(self._groups[group] == (year, year) for group in self._groups_of(year))


def is_manifest(schema: pa.Schema) -> bool:
    """Whether a file's columns are MANIFEST's, in names and types."""
    return all(
        field.name in schema.names and schema.field(field.name).type == field.type
        for field in MANIFEST
    )


def ascending(cells: npt.NDArray[Any]) -> bool:
    """Whether cell numbers are in order and none stands there twice."""
    return bool((cells[1:] > cells[:-1]).all())

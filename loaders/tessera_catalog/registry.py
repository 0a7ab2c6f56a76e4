"""Registries and foreign manifests, read as one normal form.

Three generations of files are accepted (registry 2025, manifest 2026, the per-store manifests of
the first catalogue server and of this one); only `lat`, `lon` and `year` are required and unknown
columns are ignored. Reading is by batches, so memory does not grow with the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tessera_catalog.arrays import text, to_arrow
from tessera_catalog.columns import computable, is_text
from tessera_catalog.errors import InputError, first_line
from tessera_catalog.normal_form import Batch, Seen, dataset_column, normalise

ALIASES: dict[str, tuple[str, ...]] = {
    "lat": ("lat",),
    "lon": ("lon",),
    "year": ("year",),
    "embeddings_size": ("file_size", "grid_size"),
    "scales_size": ("scales_size",),
    "embeddings_sha256": ("hash", "grid_hash"),
    "scales_sha256": ("scales_hash",),
    "embeddings_mtime": ("mtime", "grid_mtime"),
    "scales_mtime": ("scales_mtime",),
    "version": ("version",),
    "variant": ("variant",),
}
"""Our name of each column: the names it has in files, the first present one is read."""

REQUIRED = ("lat", "lon", "year")

_BATCH_ROWS = 131_072


@dataclass
class Registry:
    """An opened registry or manifest. Every error of the file is an InputError of one line."""

    path: Path
    _file: pq.ParquetFile
    _columns: dict[str, str]
    rows: int
    metadata: dict[str, str]
    """Text stored with the file's schema, without Arrow's and pandas' own."""

    def datasets(self) -> Counter[str | None]:
        """Rows by dataset; the key is None where the file does not say."""
        if "version" not in self._columns:
            return Counter({None: self.rows})
        counts: Counter[str | None] = Counter()
        for _, raw in self._read([c for c in ("version", "variant") if c in self._columns]):
            for entry in pc.value_counts(raw.column("dataset")).to_pylist():
                counts[entry["values"]] += entry["counts"]
        return counts

    def batches(self, dataset: str | None = None) -> Iterator[Batch]:
        """Read the file once. With `dataset`, rows of other datasets are left out, uncounted.

        A row that names no dataset in a file that names some is refused then.
        """
        seen = Seen()
        for first_row, raw in self._read(list(self._columns)):
            numbers = to_arrow(np.arange(first_row, first_row + raw.num_rows))
            batch = raw.append_column("row", numbers)
            if dataset is not None and "version" in self._columns:
                named = raw.column("dataset")
                ours = pc.equal(named, text(dataset))
                batch = batch.filter(pc.or_kleene(ours, pc.is_null(named)))
            yield normalise(batch, seen, named=dataset is not None)

    def _read(self, names: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Batches of the columns under our names, each with the number of its first row.

        With a version among them there is one more, `dataset`.
        """
        first = 0
        wanted = [self._columns[name] for name in names]
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
                # Arrow does not look at what it reads: offsets may be wild, text no UTF-8.
                batch.validate(full=True)
                columns = [computable(batch.column(name)) for name in wanted]
                raw = pa.RecordBatch.from_arrays(columns, names=names)
                if "version" in names:
                    raw = raw.append_column("dataset", dataset_column(raw))
                yield first, raw
                first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{self.path}: damaged after row {first}: {first_line(error)}"
            ) from error


def open_registry(path: Path) -> Registry:
    """Open a parquet file and find its columns; InputError when it cannot be one of ours."""
    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20)
        schema = file.schema_arrow
        names = schema.names
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable parquet file: {first_line(error)}") from error
    columns = {}
    for ours, aliases in ALIASES.items():
        found = next((name for name in aliases if name in names), None)
        if found is not None:
            if names.count(found) > 1:
                raise InputError(f"{path}: two columns are called {found}")
            _check_type(path, ours, schema.field(found))
            columns[ours] = found
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InputError(
            f"{path}: no column {' and no column '.join(missing)}; "
            f"it has {', '.join(names[:20]) or 'none'}"
        )
    own = {b"ARROW:schema", b"pandas"}
    metadata = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (schema.metadata or {}).items()
        if key not in own
    }
    return Registry(path, file, columns, file.metadata.num_rows, metadata)


def _check_type(path: Path, ours: str, column: pa.Field) -> None:
    """Refuse a column whose type cannot hold what it should."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if ours == "year":
        fits, want = pa.types.is_integer(kind), "whole numbers"
    elif ours in ("lat", "lon") or ours.endswith("_size"):
        fits, want = numeric, "numbers"
    elif ours.endswith("_mtime"):
        fits, want = numeric or pa.types.is_timestamp(kind), "a time or seconds since 1970"
    else:
        fits, want = is_text(kind) or pa.types.is_fixed_size_binary(kind), "text"
    # An all-null column, as pandas writes it, says "unknown" of every row.
    if not fits and not (pa.types.is_null(kind) and ours not in REQUIRED):
        raise InputError(f"{path}: column {column.name} is {column.type}, it must be {want}")

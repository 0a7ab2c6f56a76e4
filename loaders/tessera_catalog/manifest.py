"""The parquet schemas of registries and store manifests, read as one normal form.

Three generations of files are accepted (registry 2025, manifest 2026, the per-store manifests of
the first catalogue server and of this one); only `lat`, `lon` and `year` are required and unknown
columns are ignored. Reading is by batches, so memory does not grow with the file, and every row
that cannot be a tile is reported with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tessera_catalog import grid
from tessera_catalog.arrays import text, texts, to_arrow, to_numpy
from tessera_catalog.columns import (
    MAX_SIZE,
    TIMESTAMP,
    computable,
    decoded,
    digests,
    floats,
    is_text,
    nulls,
    sizes,
    times,
)
from tessera_catalog.errors import InputError

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

REASONS = {
    "no dataset": "the row names no dataset, and others of the file do",
    "null key": "lat, lon or year is null or not a number",
    "out of range": "the coordinates or the year lie outside the grid",
    "off-grid": "the centre is not at .x5 degrees",
    "bad size": f"a size is negative, fractional or above {MAX_SIZE // 2**30} GiB",
    "bad hash": "a hash is not 64 hexadecimal digits",
    "duplicate": "the tile stands in the file already; the first row counts",
}
"""Why a row is refused, in the order of testing, with what it means."""

_BATCH_ROWS = 131_072


@dataclass
class Batch:
    """Rows of a file: `tiles` in the form of TILES, `rejected` as read plus `row` and `reason`."""

    rows: int
    tiles: pa.RecordBatch
    rejected: pa.RecordBatch


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
            for entry in pc.value_counts(_dataset_column(raw)).to_pylist():
                counts[entry["values"]] += entry["counts"]
        return counts

    def batches(self, dataset: str | None = None) -> Iterator[Batch]:
        """Read the file once. With `dataset`, rows of other datasets are left out, uncounted.

        A row that names no dataset in a file that names some is refused then.
        """
        seen = _Seen()
        for first_row, raw in self._read(list(self._columns)):
            numbers = to_arrow(np.arange(first_row, first_row + raw.num_rows))
            batch = raw.append_column("row", numbers)
            if dataset is not None and "version" in self._columns:
                named = _dataset_column(raw)
                ours = pc.equal(named, text(dataset))
                batch = batch.filter(pc.or_kleene(ours, pc.is_null(named)))
            yield _normalise(batch, seen, named=dataset is not None)

    def _read(self, names: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Batches of the columns under our names, each with the number of its first row."""
        first = 0
        wanted = [self._columns[name] for name in names]
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
                # Arrow does not look at what it reads: offsets may be wild, text no UTF-8.
                batch.validate(full=True)
                columns = [computable(batch.column(name)) for name in wanted]
                yield first, pa.RecordBatch.from_arrays(columns, names=names)
                first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{self.path}: damaged after row {first}: {_line(error)}") from error


def open_registry(path: Path) -> Registry:
    """Open a parquet file and find its columns; InputError when it cannot be one of ours."""
    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20)
        schema = file.schema_arrow
        names = schema.names
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable parquet file: {_line(error)}") from error
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


@dataclass
class _Seen:
    """The tiles met so far: a map of the grid's cells for each year, constant in memory."""

    _years: dict[int, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def first(
        self, years: npt.NDArray[np.int16], cells: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Whether each tile is met for the first time, and remember it."""
        result = np.zeros(len(years), dtype=bool)
        for year in np.unique(years):
            of_year = np.flatnonzero(years == year)
            known = self._years.setdefault(int(year), np.zeros(grid.CELLS, dtype=bool))
            _, first_of_batch = np.unique(cells[of_year], return_index=True)
            fresh = of_year[first_of_batch]
            fresh = fresh[~known[cells[fresh]]]
            known[cells[fresh]] = True
            result[fresh] = True
        return result


def _normalise(raw: pa.RecordBatch, seen: _Seen, *, named: bool) -> Batch:
    """Divide a batch into tiles and rejected rows; the reason of a row is the first that fits.

    With `named`, a row of a file with datasets has to name one.
    """
    names = list(REASONS)
    # Of each row the number of its reason in `names`, beyond the last of them where there is none.
    reasons = np.full(raw.num_rows, len(names), dtype=np.int8)

    def reject(bad: npt.NDArray[np.bool_], reason: str) -> None:
        reasons[bad & (reasons == len(names))] = names.index(reason)

    if named and "version" in raw.schema.names:
        reject(nulls(_dataset_column(raw)), "no dataset")
    lon, lat = floats(raw.column("lon")), floats(raw.column("lat"))
    year = raw.column("year")
    years = to_numpy(year).astype(np.int64)
    reject(np.isnan(lon) | np.isnan(lat) | nulls(year), "null key")
    lon_i, lon_usable, lon_centred = grid.to_hundredths(lon)
    lat_i, lat_usable, lat_centred = grid.to_hundredths(lat)
    inside = (np.abs(lon_i) < 18000) & (np.abs(lat_i) < 9000) & lon_usable & lat_usable
    reject(
        ~inside | (years < grid.YEARS.start) | (years >= grid.YEARS.stop),
        "out of range",
    )
    reject(~(lon_centred & lat_centred), "off-grid")
    columns: dict[str, pa.Array] = {}
    for name in ("embeddings_size", "scales_size"):
        columns[name], bad = sizes(raw, name)
        reject(bad, "bad size")
    for name in ("embeddings_sha256", "scales_sha256"):
        columns[name], bad = digests(raw, name)
        reject(bad, "bad hash")
    for name in ("embeddings_mtime", "scales_mtime"):
        columns[name] = times(raw, name)

    good = np.flatnonzero(reasons == len(names))
    fresh = seen.first(years[good].astype(np.int16), grid.cell(lon_i[good], lat_i[good]))
    reasons[good[~fresh]] = names.index("duplicate")
    kept = to_arrow(good[fresh])
    columns["year"] = to_arrow(years.astype(np.int16))
    columns["lon_i"] = to_arrow(np.where(inside, lon_i, 0).astype(np.int16))
    columns["lat_i"] = to_arrow(np.where(inside, lat_i, 0).astype(np.int16))
    tiles = pa.RecordBatch.from_arrays([columns[n] for n in TILES.names], schema=TILES).take(kept)
    bad_rows = np.flatnonzero(reasons < len(names))
    rejected = raw.take(to_arrow(bad_rows)).append_column(
        "reason", texts([names[reason] for reason in reasons[bad_rows]])
    )
    return Batch(raw.num_rows, tiles, rejected)


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


def _dataset_column(raw: pa.RecordBatch) -> pa.Array:
    """Dataset ids of the rows: the version, and the variant after a hyphen where there is one."""
    version = pc.cast(decoded(raw.column("version")), pa.string())
    if "variant" not in raw.schema.names:
        return version
    variant = pc.fill_null(pc.cast(decoded(raw.column("variant")), pa.string()), "")
    joined = pc.binary_join_element_wise(version, variant, "-")
    return pc.if_else(pc.equal(variant, ""), version, joined)


def _line(error: BaseException) -> str:
    """The first line of a library's message, without its trailing details."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__

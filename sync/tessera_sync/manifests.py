"""The manifests of a data directory, `<data>/<store>.parquet`: load, save, update.

A manifest changes only under its lock and only as a whole, so a reader needs no lock: it sees the
old file or the new one. Files of the first catalogue server and of geotessera lie here unchanged,
as they are or as links; they are brought into our form in memory each time until ingested.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tessera_catalog import atomic, grid
from tessera_catalog.arrays import empty, to_arrow, to_numpy
from tessera_catalog.errors import InputError
from tessera_catalog.locks import lock
from tessera_catalog.manifest import TILES
from tessera_catalog.manifest_writer import write
from tessera_catalog.registry import open_registry
from tessera_catalog.store_manifest import ROWS, About, Manifest, is_manifest

__all__ = [
    "About",
    "Foreign",
    "Manifest",
    "load",
    "load_file",
    "lock",
    "path_of",
    "read_foreign",
    "save",
    "update",
]


@dataclass
class Foreign:
    """A file of another tool in our form: its tiles by year, and what could not be one."""

    path: Path
    dataset: str
    years: dict[int, pa.Table]
    rejected: Counter[str] = field(default_factory=Counter)
    """Rows that are no tiles, by reason (the keys are those of tessera_catalog's REASONS)."""


def path_of(data_dir: Path, store: str) -> Path:
    """Where a store's manifest lies."""
    return data_dir / f"{store}.parquet"


def load(data_dir: Path, store: str, dataset: str) -> Manifest:
    """Open a store's manifest, whoever wrote it.

    InputError when there is none, when it is damaged, or when it is another store's or dataset's.
    """
    path = path_of(data_dir, store)
    if not path.exists():
        raise InputError(
            f"store '{store}' has no manifest ({path}): make one with 'tessera-sync scan {store}' "
            f"or 'tessera-sync ingest FILE {store}'"
        )
    return load_file(path, store, dataset)


def load_file(path: Path, store: str, dataset: str) -> Manifest:
    """Open a file as a store's manifest; InputError as for `load`."""
    manifest = Manifest(path) if _ours(path) else _converted(path, store, dataset)
    if manifest.about.store not in ("", store):
        raise InputError(
            f"{path} is the manifest of store '{manifest.about.store}', not of '{store}': move it "
            f"away, or take it over with 'tessera-sync ingest {path} {store}'"
        )
    if manifest.about.dataset not in ("", dataset):
        raise InputError(
            f"{path} is a manifest of dataset '{manifest.about.dataset}', not of '{dataset}'"
        )
    return manifest


def save(data_dir: Path, about: About, years: Mapping[int, pa.Table]) -> str:
    """Replace a store's manifest by tables of ROWS in any order; the caller holds the lock.

    Returns the digest of the new one.
    """
    return replace(data_dir, about, (in_order(years[y]) for y in sorted(years)))


def replace(
    data_dir: Path,
    about: About,
    years: Iterable[pa.Table],
    before: Callable[[str], None] = lambda _digest: None,
) -> str:
    """Replace a store's manifest by tables of ROWS, a year each, ascending and in order.

    The caller holds the lock. `before` is told the digest just before the old manifest is
    replaced; when it raises, or the tables do, the old one stays. Returns the digest.
    """
    path = path_of(data_dir, about.store)
    for leftover in atomic.leftovers(path):
        leftover.unlink(missing_ok=True)
    with atomic.replacing(path) as temporary:
        digest = write(temporary, about, years)
        before(digest)
        return digest


def update(
    data_dir: Path,
    store: str,
    dataset: str,
    *,
    how: str,
    upsert: pa.Table | None = None,
    remove: pa.Table | None = None,
    before: Callable[[str | None, str], None] = lambda _old, _new: None,
) -> str:
    """Add or replace the rows `upsert` (ROWS) and take out the tiles `remove` (year, lon_i, lat_i).

    Everything else stays as it is; a tile in both is there afterwards. Takes the lock itself and
    returns the digest of the new manifest. A store without a manifest begins with an empty one.
    `before` is told the digests of the old and the new one just before the old one is replaced.
    """
    added = split(upsert if upsert is not None else empty(ROWS))
    gone = split(remove if remove is not None else empty(ROWS).select(["year", "lon_i", "lat_i"]))
    with lock(data_dir, store):
        old = load(data_dir, store, dataset) if path_of(data_dir, store).exists() else None
        years = sorted({*(old.years if old else ()), *added})
        changed = f"{now().isoformat()} {how}"
        about = (
            dataclasses.replace(old.about, changed=changed, tool=tool())
            if old
            else About(store, dataset, now(), how, tool())
        )

        def merged() -> Iterator[pa.Table]:
            for year in years:
                rows = old.read(year) if old and year in old.years else empty(ROWS)
                rows = _without(
                    rows, [t for t in (gone.get(year), added.get(year)) if t is not None]
                )
                if year in added:
                    rows = in_order(pa.concat_tables([rows.select(ROWS.names), added[year]]))
                yield rows

        known = old.digest if old else None
        return replace(data_dir, about, merged(), lambda new: before(known, new))


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
        years = to_numpy(batch.tiles.column("year"))
        for year in np.unique(years):
            of_year = batch.tiles.filter(to_arrow(years == year))
            parts.setdefault(int(year), []).append(of_year)
    years_tables = {
        year: _complete(pa.Table.from_batches(parts.pop(year))) for year in sorted(parts)
    }
    return Foreign(path, dataset, years_tables, rejected)


def split(rows: pa.Table) -> dict[int, pa.Table]:
    """Rows by year."""
    years = to_numpy(rows.column("year"))
    return {int(y): rows.filter(to_arrow(years == y)) for y in np.unique(years)}


def cells_of(rows: pa.Table) -> npt.NDArray[np.int32]:
    """Cell numbers of rows with lon_i and lat_i."""
    lon_i = to_numpy(rows.column("lon_i")).astype(np.int32)
    lat_i = to_numpy(rows.column("lat_i")).astype(np.int32)
    cells: npt.NDArray[np.int32] = grid.cell(lon_i, lat_i)
    return cells


def in_order(rows: pa.Table) -> pa.Table:
    """Rows of one year sorted by cell."""
    cells = cells_of(rows)
    if (cells[1:] > cells[:-1]).all():
        return rows
    return rows.take(to_arrow(np.argsort(cells, kind="stable")))


def now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


def tool() -> str:
    """Name and version of this tool, for metadata."""
    from importlib.metadata import version  # slow to import, and reading does without

    return f"tessera-sync {version('tessera-stac')}"


def _ours(path: Path) -> bool:
    try:
        return is_manifest(pq.read_schema(path))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not a readable parquet file: {str(error).splitlines()[0]}: move it away, "
            "then scan or ingest again"
        ) from error


def _converted(path: Path, store: str, dataset: str) -> Manifest:
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


def _without(rows: pa.Table, keys: list[pa.Table]) -> pa.Table:
    """Rows whose tiles are in none of the tables."""
    if not keys or rows.num_rows == 0:
        return rows
    named = np.concatenate([cells_of(table) for table in keys])
    return rows.filter(to_arrow(~np.isin(cells_of(rows), named)))

"""The manifests of a data directory, `<data>/<store>.parquet`: load, save, update.

A manifest changes only under its lock and only as a whole, so a reader needs no lock: it sees the
old file or the new one. Files of the first catalogue server and of geotessera lie here unchanged,
as they are or as links; they are brought into our form in memory each time until ingested.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tessera_catalog import atomic
from tessera_catalog.arrays import empty
from tessera_catalog.errors import InputError, first_line
from tessera_catalog.locks import lock
from tessera_catalog.manifest_header import About
from tessera_catalog.manifest_writer import write
from tessera_catalog.store_manifest import ROWS, Manifest, is_manifest
from tessera_catalog.stores import Stores
from tessera_sync.layout import Tile
from tessera_sync.other_tools import as_manifest
from tessera_sync.row_tables import in_order, split, without
from tessera_sync.texts import printable
from tessera_sync.version import version

Rows = tuple[pa.Table | None, pa.Table | None]
"""Rows (ROWS) to add or replace, and tiles (year, lon_i, lat_i) to take out."""


def path_of(data_dir: Path, store: str) -> Path:
    """Where a store's manifest lies."""
    return data_dir / f"{store}.parquet"


def has(data_dir: Path, store: str) -> bool:
    """Whether a store has a manifest, be it one on a disk that is not there now."""
    return os.path.lexists(path_of(data_dir, store))


def known(data_dir: Path, stores: Stores) -> list[str]:
    """Names of the stores that have a manifest, in their order; InputError when none has."""
    names = [name for name in stores.names if has(data_dir, name)]
    if not names:
        raise InputError(f"{data_dir} has no manifests of the configured stores: scan or ingest")
    return names


def load(data_dir: Path, store: str, dataset: str) -> Manifest:
    """Open a store's manifest, whoever wrote it.

    InputError when there is none, when it is damaged, or when it is another store's or dataset's.
    """
    path = path_of(data_dir, store)
    if not has(data_dir, store):
        raise InputError(
            f"store '{store}' has no manifest ({path}): make one with 'tessera-sync scan {store}' "
            f"or 'tessera-sync ingest FILE {store}'"
        )
    return load_file(path, store, dataset)


def find(data_dir: Path, store: str, dataset: str) -> Manifest | None:
    """A store's manifest as `load` opens it; None when there is none."""
    return load(data_dir, store, dataset) if has(data_dir, store) else None


def load_file(path: Path, store: str, dataset: str) -> Manifest:
    """Open a file as a store's manifest; InputError as for `load`."""
    manifest = Manifest(path) if _ours(path) else as_manifest(path, store, dataset)
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
    how, changed = printable(about.how), printable(about.changed)
    about = dataclasses.replace(about, how=how, changed=changed)
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

    Everything else stays as it is; a tile in both is there afterwards. For the rest see `revise`.
    """
    return revise(data_dir, store, dataset, lambda _old: (upsert, remove), how=how, before=before)


def revise(
    data_dir: Path,
    store: str,
    dataset: str,
    rows: Callable[[Manifest | None], Rows],
    *,
    how: str,
    before: Callable[[str | None, str], None] = lambda _old, _new: None,
) -> str:
    """Change a store's manifest by the rows that are made of it as it is, under its lock.

    Returns the digest of the new manifest. A store without a manifest begins with an empty one.
    `before` is told the digests of the old and the new one just before the old one is replaced.
    """
    with lock(data_dir, store):
        old = find(data_dir, store, dataset)
        upsert, remove = rows(old)
        added = split(upsert if upsert is not None else empty(ROWS))
        gone = split(remove if remove is not None else empty(ROWS).select(list(Tile._fields)))
        changed = f"{now().isoformat()} {how}"
        about = (
            dataclasses.replace(old.about, changed=changed, tool=tool())
            if old
            else About(store, dataset, now(), how, tool())
        )
        digest = old.digest if old else None
        return replace(data_dir, about, _merged(old, added, gone), lambda new: before(digest, new))


def now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


def tool() -> str:
    """Name and version of this tool, for metadata."""
    return f"tessera-sync {version()}"


def _ours(path: Path) -> bool:
    try:
        return is_manifest(pq.read_schema(path))
    except FileNotFoundError as error:
        raise InputError(
            f"{path} leads to {os.path.realpath(path)}, and there is no such file: mount its disk, "
            "or remove the link"
        ) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not a readable parquet file: {first_line(error)}: move it away, "
            "then scan or ingest again"
        ) from error


def _merged(
    old: Manifest | None, added: Mapping[int, pa.Table], gone: Mapping[int, pa.Table]
) -> Iterator[pa.Table]:
    """The rows of each year, those of `gone` taken out and those of `added` put in."""
    for year in sorted({*(old.years if old else ()), *added}):
        rows = old.read(year) if old and year in old.years else empty(ROWS)
        rows = without(rows, [t for t in (gone.get(year), added.get(year)) if t is not None])
        if year in added:
            rows = in_order(pa.concat_tables([rows.select(ROWS.names), added[year]]))
        yield rows

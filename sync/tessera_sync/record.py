"""`record STORE FILE`: take tiles into a manifest that some other tool has copied."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow
from tessera_catalog.errors import InputError
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_catalog.stores import Stores
from tessera_sync import manifests
from tessera_sync.attempts import CopyError, Outage, Policy
from tessera_sync.layout import Tile, parse_path
from tessera_sync.pool import Stop, interruptible, run, spread
from tessera_sync.progress import Course, course
from tessera_sync.row_tables import SIZES, Row, cells_of, rows_by_tile
from tessera_sync.storage import FileState, Storage, open_storage
from tessera_sync.succession import MARKED, is_marked
from tessera_sync.tiles import look_at

Sizes = tuple[int | None, int | None]

MAX_LINE = 4096
"""Characters; a longer line is no path of a tile."""

PORTION = 50_000
"""Tiles after which the manifest is written: each time the whole file is."""


@dataclass
class Recorded:
    """What became of the lines. Exit code 1 when `failed` or `bad` has any, or `stopped`."""

    store: str
    recorded: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason of each tile that is not whole in the store."""
    bad: list[tuple[int, str]] = field(default_factory=list)
    """Number and text of each line that names no tile."""
    stopped: str = ""


def record(
    data_dir: Path,
    stores: Stores,
    dataset: str,
    name: str,
    lines: Iterable[str],
    *,
    trust: bool,
    jobs: int,
    say: Callable[[str], None],
    policy: Policy | None = None,
) -> Recorded:
    """Record the tiles that the lines name, one path a line (`2024/grid_0.85_49.95`).

    Only tiles whose files are all there, with the sizes that a preferred store's manifest knows,
    are recorded; with `trust` all are, unseen and with nothing known of their files.
    """
    store, report, stop = stores.get(name), Recorded(name), Stop()
    storage = None if trust else open_storage(store)
    for tiles in chunks(read_paths(lines, report)):
        found: dict[Tile, Row] = {tile: tile._asdict() for tile in tiles}
        if storage is not None:
            known = known_sizes(data_dir, stores, dataset, name, tiles)
            look = _Look(storage, known, policy or Policy(), report, stop)
            with course(f"looking at {name}", len(tiles), 0) as bar:
                run(look.all(tiles, jobs, bar, say))
            found = look.rows
        if found:
            rows = partial(_rows, found, report)
            manifests.revise(data_dir, name, dataset, rows, how="record")
        if stop.why:
            break
    report.stopped = stop.why
    if report.bad and not report.recorded and not report.failed:
        number, text = report.bad[0]
        raise InputError(f"line {number}: '{text}' is no tile's path, as 2024/grid_0.85_49.95 is")
    return report


def read_paths(lines: Iterable[str], report: Recorded) -> Iterator[Tile]:
    """The tiles of the lines, each once; other lines go to `report.bad`. Empty ones are skipped."""
    seen: set[int] = set()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        tile = parse_path(text) if len(text) <= MAX_LINE else None
        if tile is None:
            if text:
                report.bad.append((number, text[:100]))
        elif tile.key not in seen:
            seen.add(tile.key)
            yield tile


def chunks(tiles: Iterator[Tile]) -> Iterator[list[Tile]]:
    """Tiles in portions: what is looked at, and lost by a kill, at once."""
    while portion := list(islice(tiles, PORTION)):
        yield portion


def known_sizes(
    data_dir: Path, stores: Stores, dataset: str, name: str, tiles: list[Tile]
) -> dict[Tile, Sizes]:
    """Sizes of the tiles' embeddings and scales in the most preferred other store that has them.

    Of the primary store's own tiles nothing is known: it is the one that may be ahead.
    """
    keys = np.array(tiles, dtype=np.int64)
    known: dict[Tile, Sizes] = {}
    others = [other for other in stores.names if other != name]
    for other in others if name != stores.primary.name else ():
        manifest = manifests.find(data_dir, other, dataset)
        if manifest is None:
            continue
        for year in set(manifest.years) & set(keys[:, 0].tolist()):
            rows = manifest.read(year, ["lon_i", "lat_i", *SIZES])
            of_year = keys[keys[:, 0] == year]
            wanted = grid.cell(of_year[:, 1], of_year[:, 2])
            found = rows.filter(to_arrow(np.isin(cells_of(rows), wanted)))
            for lon_i, lat_i, *sizes in zip(*(c.to_pylist() for c in found.columns), strict=True):
                if 0 not in sizes:
                    known.setdefault(Tile(year, lon_i, lat_i), (sizes[0], sizes[1]))
    return known


@dataclass
class _Look:
    """The store looked at, path by path."""

    storage: Storage
    known: dict[Tile, Sizes]
    policy: Policy
    report: Recorded
    stop: Stop
    rows: dict[Tile, Row] = field(default_factory=dict)

    async def all(
        self, tiles: list[Tile], jobs: int, bar: Course, say: Callable[[str], None]
    ) -> None:
        async def one(tile: Tile) -> None:
            await self._one(tile)
            bar.finished()

        with interruptible(self.stop, say):
            await spread(tiles, jobs, one, self.stop)

    async def _one(self, tile: Tile) -> None:
        names, seen_at = (tile.embeddings, tile.scales), dt.datetime.now(dt.UTC)
        try:
            there = await look_at(self.storage, tile, self.policy, names)
        except CopyError as error:
            self.stop.went(isinstance(error, Outage))
            self.report.failed.append((tile.path, str(error)))
            return
        self.stop.went(outage=False)
        lack = incomplete(tile, there, self.known.get(tile, (None, None)))
        if lack:
            self.report.failed.append((tile.path, lack))
            return
        embeddings, scales = there[tile.embeddings], there[tile.scales]
        self.rows[tile] = row_of(tile, embeddings, scales, seen_at)


def incomplete(tile: Tile, there: dict[str, FileState], known: Sizes) -> str:
    """Why a tile as the store shows it is not whole; empty when it is."""
    for name, want in zip((tile.embeddings, tile.scales), known, strict=True):
        if name not in there:
            return f"{name} is not there"
        if there[name].size == 0:
            return f"{name} has no bytes"
        size = there[name].size
        if want is not None and want != size:
            return f"{name} has {size} bytes, in other stores {want}"
    return ""


def row_of(tile: Tile, embeddings: FileState, scales: FileState, seen_at: dt.datetime) -> Row:
    """A row of a manifest (ROWS) for files that were seen and not read."""
    return {
        **tile._asdict(),
        "embeddings_size": embeddings.size,
        "scales_size": scales.size,
        "embeddings_mtime": embeddings.mtime,
        "scales_mtime": scales.mtime,
        "seen_at": seen_at,
    }


def _rows(found: dict[Tile, Row], report: Recorded, manifest: Manifest | None) -> manifests.Rows:
    """What to record of tiles that were found, or told of, by what the manifest knows of them."""
    before = rows_by_tile(manifest, found) if manifest else {}
    rows = []
    for tile, row in found.items():
        old = before.get(tile)
        corrupt = _corrupt(tile, row, old) if old else ""
        if corrupt:
            report.failed.append((tile.path, corrupt))
        else:
            report.recorded += 1
            rows.append(_succeeding(row, old) if old else row)
    return pa.Table.from_pylist(rows, schema=ROWS), None


def _corrupt(tile: Tile, row: Row, old: Row) -> str:
    """Which file of a tile that was found verify has found corrupt; empty when none."""
    for kind, name in (("embeddings", tile.embeddings), ("scales", tile.scales)):
        if f"{kind}_mtime" in row and is_marked(old, kind, row[f"{kind}_mtime"]):
            return f"{name} {MARKED}"
    return ""


def _succeeding(row: Row, old: Row) -> Row:
    """A row with what stays known of files of the same size and time; the old one if it is newer.

    Of a tile that was not looked at nothing stays known.
    """
    if "seen_at" not in row:
        return row
    if old["seen_at"] is not None and old["seen_at"] > row["seen_at"]:
        return old
    unchanged = all(None is not row[column] == old[column] for column in _IDENTITY)
    return old | row if unchanged else row


_IDENTITY = (*SIZES, "embeddings_mtime", "scales_mtime")

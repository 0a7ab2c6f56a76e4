"""A new look at a store against the manifest before it: what stays known of each tile."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog.arrays import empty, to_arrow, to_numpy, valid
from tessera_catalog.store_manifest import ROWS
from tessera_sync.row_tables import SIZES, Row, cells_of, in_order, without
from tessera_sync.truth import UNKNOWN

Mask = npt.NDArray[np.bool_]

MARKED = "was found corrupt, and has not been written since"
"""Of a file of which `is_marked` holds."""


@dataclass
class Change:
    """Numbers of tiles, and of files whose hashes were known."""

    tiles: int = 0
    added: int = 0
    lost: int = 0
    changed: int = 0
    """Tiles of which a size is another one."""
    hashes_kept: int = 0
    hashes_dropped: int = 0
    incomplete: int = 0


def succeed(
    before: pa.Table | None, seen: pa.Table | None, since: dt.datetime | None, change: Change
) -> pa.Table:
    """One year's rows (ROWS) as they are to be recorded; counts into `change`.

    A hash stays known where size and time of the file are as they were. Rows recorded after
    `since`, when the look began, stay as they are, whatever was seen.
    """
    before = empty(ROWS) if before is None else before
    seen = empty(ROWS) if seen is None else in_order(seen)
    later = _recorded_after(before, since)
    newer = before.filter(to_arrow(later))
    if newer.num_rows:
        before, seen = before.filter(to_arrow(~later)), without(seen, [newer])
    old, new = cells_of(before), cells_of(seen)
    places = np.searchsorted(old, new).clip(max=max(len(old) - 1, 0))
    known = old[places] == new if len(old) else np.zeros(len(new), dtype=bool)
    same = {}
    for kind in ("embeddings", "scales"):
        seen = _keep_mark(before, seen, kind, places, known)
        seen, same[kind] = _keep_hash(before, seen, kind, places, known, change)
    kept = known & same["embeddings"] & same["scales"]
    verified = _taken(before.column("verified_at"), places, kept)
    seen = seen.set_column(ROWS.names.index("verified_at"), ROWS.field("verified_at"), verified)
    change.added += int(np.count_nonzero(~known))
    change.lost += int(np.count_nonzero(~np.isin(old, new)))
    change.changed += int(np.count_nonzero(known & _resized(before, seen, places)))
    if newer.num_rows:
        seen = in_order(pa.concat_tables([seen, newer]))
    sizes = [to_numpy(seen.column(name), UNKNOWN) for name in SIZES]
    change.incomplete += int(np.count_nonzero((sizes[0] == 0) | (sizes[1] == 0)))
    change.tiles += seen.num_rows
    return seen


def _keep_mark(
    before: pa.Table, seen: pa.Table, kind: str, places: npt.NDArray[np.intp], known: Mask
) -> pa.Table:
    """Rows in which files stay unusable that were found corrupt and have not been written since.

    verify gives such a file a size of 0 beside the hash that it has; its size alone looks right.
    """
    if not before.num_rows:
        return seen
    ours, theirs = (_integers(table.column(f"{kind}_mtime")) for table in (seen, before))
    marked = known & (_integers(before.column(f"{kind}_size"))[places] == 0)
    marked &= valid(before.column(f"{kind}_sha256"))[places]
    marked &= (ours != UNKNOWN) & _same_time(ours, theirs[places])
    if not marked.any():
        return seen
    sizes = np.where(marked, 0, _integers(seen.column(f"{kind}_size")))
    index = ROWS.names.index(f"{kind}_size")
    return seen.set_column(index, ROWS.field(index), to_arrow(sizes, sizes == UNKNOWN))


def is_marked(row: Row, kind: str, mtime: dt.datetime | None) -> bool:
    """Whether a row says of a file that it is corrupt, and its time not that it was written since.

    `mtime` is the file's now.
    """
    if row[f"{kind}_size"] != 0 or row[f"{kind}_sha256"] is None:
        return False
    marked = row[f"{kind}_mtime"]
    if marked is None or mtime is None:
        return True
    ours, theirs = (round(time.timestamp() * 1e6) for time in (mtime, marked))
    return bool(_same_time(ours, theirs))


def _keep_hash(
    before: pa.Table,
    seen: pa.Table,
    kind: str,
    places: npt.NDArray[np.intp],
    known: Mask,
    change: Change,
) -> tuple[pa.Table, Mask]:
    """Rows with the hashes of one kind of file that hold still, and which files are as before."""
    same = known.copy()
    for name, alike in ((f"{kind}_size", np.equal), (f"{kind}_mtime", _same_time)):
        ours, theirs = (_integers(table.column(name)) for table in (seen, before))
        if len(theirs):
            there = theirs[places]
            same &= (ours != UNKNOWN) & (there != UNKNOWN) & alike(ours, there)
    column = before.column(f"{kind}_sha256")
    hashes = _taken(column, places, same)
    kept = len(hashes) - hashes.null_count
    change.hashes_kept += kept
    change.hashes_dropped += len(column) - column.null_count - kept
    index = ROWS.names.index(f"{kind}_sha256")
    return seen.set_column(index, ROWS.field(index), hashes), same


def _same_time(ours: Any, theirs: Any) -> Mask:
    """Whether times in microseconds are one, told to different fractions of a second.

    Listings tell whole seconds, some stores thousandths, and a double the millionths unsurely.
    """
    whole = (ours % 1_000_000 == 0) | (theirs % 1_000_000 == 0)
    near: Mask = np.abs(ours - theirs) < 1000
    same_second: Mask = ours // 1_000_000 == theirs // 1_000_000
    same: Mask = near | (whole & same_second)
    return same


def _taken(column: pa.ChunkedArray, places: npt.NDArray[np.intp], where: Mask) -> pa.Array:
    """Values of the old rows for the new ones, empty where not `where`."""
    if not len(column):
        return pa.nulls(len(where), column.type)
    taken = column.take(to_arrow(places, ~where))
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken


def _recorded_after(rows: pa.Table, since: dt.datetime | None) -> Mask:
    if since is None or not rows.num_rows:
        return np.zeros(rows.num_rows, dtype=bool)
    later: Mask = _integers(rows.column("seen_at")) > round(since.timestamp() * 1e6)
    return later


def _resized(before: pa.Table, seen: pa.Table, places: npt.NDArray[np.intp]) -> Mask:
    resized = np.zeros(seen.num_rows, dtype=bool)
    for name in SIZES:
        theirs = _integers(before.column(name))
        if len(theirs):
            ours, there = _integers(seen.column(name)), theirs[places]
            resized |= (ours != there) & (ours != UNKNOWN) & (there != UNKNOWN)
    return resized


def _integers(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.int64())
    return to_numpy(column, UNKNOWN)

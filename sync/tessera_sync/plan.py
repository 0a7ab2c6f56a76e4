"""Make a plan: what brings a target into step with a source, in bytes, money and time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tessera_catalog import grid
from tessera_catalog.arrays import texts, to_arrow
from tessera_catalog.store_manifest import Manifest
from tessera_sync import truth
from tessera_sync.compare import Diff, compare
from tessera_sync.plan_file import ACTIONS, PLAN, Header, Plan
from tessera_sync.row_tables import HASHES, SIZES
from tessera_sync.selection import Selection, in_shard

Columns = dict[str, npt.NDArray[Any]]

ORDERS = ("key", "newest", "smallest", "largest")
"""By year and place; the newest year first; by bytes. Deletions come last in each."""

FILES_PER_TILE = 2

_REASONS = ("missing", "stale", "incomplete", "extra")
_EXTRA = _REASONS.index("extra")
_TO_COPY = {truth.MISSING: 0, truth.STALE: 1, truth.INCOMPLETE: 2}
"""States that are acted on, each with its place in _REASONS."""

_REASON_OF = np.full(len(truth.NAMES), -1, dtype=np.int8)
_REASON_OF[list(_TO_COPY)] = list(_TO_COPY.values())


@dataclass(frozen=True)
class Wanted:
    """What a plan is to contain."""

    selection: Selection = field(default_factory=Selection)
    delete_extra: bool = False
    limit: int | None = None
    order: str = "key"
    shard: tuple[int, int] | None = None


@dataclass(frozen=True)
class Todo:
    """What is to be done, and what all selected tiles are."""

    counts: Counter[str]
    """Tiles of the selection by state, `extra` included, whatever the plan takes of them."""
    rows: Columns
    """In the plan's order: year, cell, place (in the source's year), reason, and both sizes."""

    @property
    def copies(self) -> int:
        """Tiles to copy or replace."""
        return int(np.count_nonzero(self.rows["reason"] != _EXTRA))

    @property
    def deletions(self) -> int:
        """Tiles to delete from the target."""
        return len(self.rows["reason"]) - self.copies

    @property
    def bytes(self) -> int:
        """Known bytes to copy."""
        return sum(int(self.rows[name].clip(min=0).sum()) for name in SIZES)

    @property
    def unsized(self) -> int:
        """Tiles to copy some size of which nobody knows, and `bytes` lacks."""
        unknown = (self.rows[SIZES[0]] < 0) | (self.rows[SIZES[1]] < 0)
        return int(np.count_nonzero(unknown & (self.rows["reason"] != _EXTRA)))


def find(source: Manifest, target: Manifest, wanted: Wanted) -> Todo:
    """Compare the manifests and choose what is to be done."""
    counts = Counter(dict.fromkeys((*truth.NAMES, "extra"), 0))
    parts: list[Columns] = []
    for diff in compare(source, target, wanted.selection):
        counts.update(diff.counts())
        parts += [_copies(diff)] + ([_deletions(diff)] if wanted.delete_extra else [])
    names = ("year", "cell", "place", "reason", *SIZES)
    rows = {
        name: np.concatenate([np.zeros(0, dtype=np.int64), *(part[name] for part in parts)])
        for name in names
    }
    if wanted.shard is not None:
        ours = in_shard(rows["year"], rows["cell"], wanted.shard)
        rows = {name: values[ours] for name, values in rows.items()}
    order = _order(rows, wanted.order)[: wanted.limit]
    return Todo(counts, {name: values[order] for name, values in rows.items()})


def make_plan(
    source: Manifest, target: Manifest, wanted: Wanted, todo: Todo, created: str, tool: str
) -> Plan:
    """The plan as it is saved, with the source's hashes."""
    rows = todo.rows
    lon_i, lat_i = grid.cell_centre(rows["cell"])
    reasons = rows["reason"].astype(np.int8)
    hashes = _hashes(source, rows)
    table = pa.Table.from_arrays(
        [
            *(to_arrow(values.astype(np.int16)) for values in (rows["year"], lon_i, lat_i)),
            _words(reasons, [ACTIONS[reason] for reason in _REASONS]),
            _words(reasons, list(_REASONS)),
            *(to_arrow(rows[name], rows[name] == truth.UNKNOWN) for name in SIZES),
            *(hashes.column(name) for name in HASHES),
        ],
        schema=PLAN,
    )
    header = Header(
        source=source.about.store,
        target=target.about.store,
        dataset=source.about.dataset or target.about.dataset,
        created=created,
        tool=tool,
        source_digest=source.digest,
        target_digest=target.digest,
        shard="/".join(map(str, wanted.shard or ())),
        order=wanted.order,
        bytes=todo.bytes,
        files=todo.copies * FILES_PER_TILE,
    )
    return Plan(header, table)


def describe(
    source: Manifest, target: Manifest, todo: Todo, usd_per_gb: float, rate: float | None
) -> dict[str, Any]:
    """The plan in numbers, as `--json` prints it; `seconds` is null while no rate is known."""
    seconds = todo.bytes / rate if rate else (0.0 if not todo.copies else None)
    return {
        "source": source.about.store,
        "target": target.about.store,
        "dataset": source.about.dataset or target.about.dataset,
        **todo.counts,
        "tiles": todo.copies,
        "deletions": todo.deletions,
        "files": todo.copies * FILES_PER_TILE,
        "bytes": todo.bytes,
        "unsized": todo.unsized,
        "seconds": None if seconds is None else round(seconds, 1),
        "bytes_per_second": rate,
        "usd": round(todo.bytes / 1e9 * usd_per_gb, 2),
    }


def _copies(diff: Diff) -> Columns:
    reasons = _REASON_OF[diff.states]
    rows = np.flatnonzero(reasons >= 0)
    sizes = {}
    for name in SIZES:
        known = diff.source.size(name)
        sizes[name] = np.full(len(rows), truth.UNKNOWN) if known is None else known[rows]
    return {
        "year": np.full(len(rows), diff.year),
        "cell": diff.source.cells[rows],
        "place": diff.source.places[rows],
        "reason": reasons[rows],
        **sizes,
    }


def _deletions(diff: Diff) -> Columns:
    cells = diff.target.cells[diff.extra]
    nothing = np.full(len(cells), truth.UNKNOWN)
    return {
        "year": np.full(len(cells), diff.year),
        "cell": cells,
        "place": nothing,
        "reason": np.full(len(cells), _EXTRA),
        **dict.fromkeys(SIZES, nothing),
    }


def _order(rows: Columns, order: str) -> npt.NDArray[np.intp]:
    """Row numbers in the wanted order."""
    year, cell = rows["year"], rows["cell"]
    size = rows[SIZES[0]].clip(min=0) + rows[SIZES[1]].clip(min=0)
    first = {"key": year, "newest": -year, "smallest": size, "largest": -size}[order]
    return np.lexsort((cell, year, first, rows["reason"] == _EXTRA))


def _hashes(source: Manifest, rows: Columns) -> pa.Table:
    """The source's hashes of the plan's rows, empty for those to delete."""
    copies = np.flatnonzero(rows["place"] >= 0)
    # The manifest is read in its own order, and what was read then brought into the plan's.
    sorted_copies = copies[np.lexsort((rows["place"][copies], rows["year"][copies]))]
    years = rows["year"][sorted_copies]
    parts = [
        source.take(int(year), rows["place"][sorted_copies[years == year]], HASHES)
        for year in np.unique(years)
    ]
    nothing = pa.table({name: pa.nulls(1, PLAN.field(name).type) for name in HASHES})
    found = pa.concat_tables([*parts, nothing])
    index = np.full(len(rows["place"]), len(sorted_copies))
    index[sorted_copies] = np.arange(len(sorted_copies))
    return found.take(to_arrow(index)).combine_chunks()


def _words(codes: npt.NDArray[np.int8], words: list[str]) -> pa.Array:
    """A dictionary column; the words may repeat, a dictionary's may not."""
    distinct = sorted(set(words))
    place = np.array([distinct.index(word) for word in words], dtype=np.int8)
    return pa.DictionaryArray.from_arrays(to_arrow(place[codes]), texts(distinct))

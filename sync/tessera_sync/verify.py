"""`verify STORE`: hold a manifest against what the store really has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from tessera_catalog.errors import Refused
from tessera_catalog.store_manifest import ROWS, Manifest
from tessera_catalog.stores import Stores
from tessera_sync import manifests
from tessera_sync.attempts import Policy
from tessera_sync.checking import CORRUPT, GOOD, UNREAD, VANISHED, Finding, check_tile
from tessera_sync.choosing import Which, choose, known_bytes, rows_of
from tessera_sync.pool import Stop, in_thread, interruptible, run, spread
from tessera_sync.progress import Course, course
from tessera_sync.row_tables import Row, keys_of, rows_by_tile
from tessera_sync.scan import LOSS
from tessera_sync.storage import Storage, open_storage

SAVE_EVERY = 50_000
"""Findings after which the manifest is written: each time the whole file is."""

Found = tuple[Row, Finding]
"""A row as it was read from the manifest, and what its tile turned out to be."""


@dataclass
class Verified:
    """What was found. Exit code 1 unless all that was checked is good and nothing stopped it."""

    store: str
    deep: bool
    good: int = 0
    vanished: list[str] = field(default_factory=list)
    """Paths of tiles of which no file is there."""
    corrupt: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason of each tile whose files are not the ones of the manifest."""
    unread: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason of each tile that could not be judged; its row stays as it is."""
    left: int = 0
    """Tiles that were not come to."""
    stopped: str = ""
    bytes: int = 0
    """Bytes that were read."""

    @property
    def checked(self) -> int:
        """Tiles that were looked at, with whatever result."""
        return self.good + len(self.vanished) + len(self.corrupt) + len(self.unread)


def verify(
    data_dir: Path,
    stores: Stores,
    dataset: str,
    name: str,
    which: Which,
    *,
    deep: bool,
    jobs: int,
    say: Callable[[str], None],
    allow_loss: bool = False,
    policy: Policy | None = None,
) -> Verified:
    """Check tiles by their sizes, with `deep` by their SHA-256, and put it into the manifest.

    Good tiles are verified now; vanished ones leave the manifest (a plan then finds them missing);
    of corrupt ones it says that the files are unusable (a plan replaces them). Refused, and nothing
    is removed, when more than a hundredth of the manifest has vanished, unless `allow_loss`.
    """
    store = stores.get(name)
    manifest = manifests.load(data_dir, name, dataset)
    chosen = choose(manifest, which)
    report = Verified(name, deep)
    total = sum(len(places) for places in chosen.values())
    known = known_bytes(manifest, chosen) if deep else 0
    check = _Check(data_dir, dataset, open_storage(store), deep, policy or Policy(), report)
    with course(f"verifying {name}", total, known) as bar:
        run(check.all(rows_of(manifest, chosen), jobs, bar, say))
    report.left = total - report.checked
    lost = len(report.vanished)
    if lost > max(1, LOSS * manifest.tiles) and not allow_loss:
        raise Refused(
            f"{lost:,} of {report.checked:,} tiles are not in store '{name}': is it the right "
            "place, and all of it there? If so, verify again with --allow-loss to believe it"
        )
    check.save(check.vanished)
    return report


@dataclass
class _Check:
    """The store checked, tile by tile, and the manifest told now and then."""

    data_dir: Path
    dataset: str
    storage: Storage
    deep: bool
    policy: Policy
    report: Verified
    vanished: list[Found] = field(default_factory=list)
    _unsaved: list[Found] = field(default_factory=list)
    _stop: Stop = field(default_factory=Stop)

    async def all(
        self, rows: Iterator[Row], jobs: int, bar: Course, say: Callable[[str], None]
    ) -> None:
        """Check the rows' tiles, `jobs` at a time, and save all findings but vanished tiles."""

        def moved(size: int) -> None:
            self.report.bytes += size
            bar.moved(size)

        async def one(row: Row) -> None:
            finding = await check_tile(self.storage, row, self.deep, self.policy, moved)
            self._stop.went(finding.outage)
            self._take(row, finding)
            bar.finished()
            if len(self._unsaved) >= SAVE_EVERY:
                unsaved, self._unsaved = self._unsaved, []
                await in_thread(self.save, unsaved)

        try:
            with interruptible(self._stop, say):
                await spread(rows, jobs, one, self._stop)
        finally:
            self.report.stopped = self._stop.why
            self.save(self._unsaved)

    def save(self, findings: list[Found]) -> None:
        """Put findings into the manifest, but for tiles whose rows have changed meanwhile."""
        name = self.storage.name

        def rows(manifest: Manifest | None) -> manifests.Rows:
            manifest = manifest or manifests.load(self.data_dir, name, self.dataset)
            current = rows_by_tile(manifest, [finding.tile for _, finding in findings])
            valid = [finding for row, finding in findings if current.get(finding.tile) == row]
            upsert = [finding.row for finding in valid if finding.kind in (GOOD, CORRUPT)]
            gone = [finding.tile for finding in valid if finding.kind == VANISHED]
            return pa.Table.from_pylist(upsert, schema=ROWS), keys_of(gone)

        if findings:
            manifests.revise(self.data_dir, name, self.dataset, rows, how="verify")

    def _take(self, row: Row, finding: Finding) -> None:
        report = self.report
        if finding.kind == VANISHED:
            report.vanished.append(finding.tile.path)
            self.vanished.append((row, finding))
            return
        if finding.kind == UNREAD:
            report.unread.append((finding.tile.path, finding.why))
            return
        report.good += finding.kind == GOOD
        if finding.kind == CORRUPT:
            report.corrupt.append((finding.tile.path, finding.why))
        self._unsaved.append((row, finding))

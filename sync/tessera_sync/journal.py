"""The journal of a plan: what has been done of it, on disk before anything else relies on it.

`<data>/journals/<plan>[.<i>-of-<n>].jsonl` has a line of JSON for each tile, appended and made
durable as the work goes on. It is the truth about an interrupted apply: manifests follow from it.
`<data>/journals/<plan>.manifests.jsonl` tells which manifests came of the plan's own work.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tessera_catalog import grid
from tessera_catalog.errors import Failed, InputError
from tessera_catalog.locks import hold
from tessera_sync.layout import Tile, parse_path
from tessera_sync.placing import in_thread
from tessera_sync.tiles import Placed, Whole

FOLDER = "journals"
SUFFIX, LINEAGE = ".jsonl", ".manifests.jsonl"

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """What was done with one tile, and when: it is whole in the target, or it is deleted."""

    at: dt.datetime
    tile: Tile
    whole: Whole | None
    """None: the tile was deleted."""


def plan_id(path: Path) -> str:
    """Short name of a plan, from the bytes of its file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def key_of(tile: Tile) -> int:
    """A tile as one integer."""
    return tile.year * grid.CELLS + int(grid.cell(tile.lon_i, tile.lat_i))


@contextmanager
def open_journal(data_dir: Path, plan: str, shard: str = "") -> Iterator[Journal]:
    """Open the journal of a plan, or of its part "i/n", for this process alone.

    Refused when another process has it open; InputError when it is damaged or cannot be written.
    """
    folder = data_dir / FOLDER
    name = f"{plan}.{shard.replace('/', '-of-')}" if shard else plan
    path = folder / f"{name}{SUFFIX}"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
    with hold(folder / f".{name}.lock", "the plan is being applied"):
        journal = Journal(path)
        try:
            journal.begin(plan, shard)
            yield journal
        finally:
            journal.close()


@dataclass
class Journal:
    """An open journal. Writing fails with Failed: work that cannot be recorded must not go on."""

    path: Path
    finished: set[int] = field(default_factory=set)
    """Keys of the tiles that are done with."""
    unmerged: list[Entry] = field(default_factory=list)
    """What no manifest tells yet."""
    _descriptor: int = -1
    _waiting: list[str] = field(default_factory=list)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _broken: Failed | None = None

    def begin(self, plan: str, shard: str) -> None:
        """Read what is there and go on behind the last whole line."""
        end = self.read(plan, shard) if self.path.exists() else 0
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o666)
            os.ftruncate(self._descriptor, end)
            os.lseek(self._descriptor, end, os.SEEK_SET)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from error
        self._write([_line(journal=FORMAT, plan=plan, shard=shard)])

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    async def done(self, tile: Tile, whole: Whole | None) -> None:
        """Record that a tile is whole in the target, or deleted; returns when it is durable."""
        now = dt.datetime.now(dt.UTC)
        if whole is None:
            await self._append(_line(deleted=tile.path))
        else:
            files = {"embeddings": _placed(whole.embeddings), "scales": _placed(whole.scales)}
            await self._append(_line(done=tile.path, **files))
        self.finished.add(key_of(tile))
        self.unmerged.append(Entry(now, tile, whole))

    async def failed(self, tile: Tile, why: str) -> None:
        """Record a failure, for people to read."""
        await self._append(_line(failed=tile.path, why=why))

    def merged(self, count: int) -> None:
        """Record that a manifest has the first `count` of the unmerged entries."""
        self._write([_line(merged=count)])
        del self.unmerged[:count]

    async def _append(self, line: str) -> None:
        """Write a line; lines that come while another is being made durable go out together."""
        self._waiting.append(line)
        async with self._turn:
            if self._broken:  # whoever wrote for all of us could not
                raise self._broken
            lines, self._waiting = self._waiting, []
            if lines:
                await in_thread(self._write, lines)

    def _write(self, lines: list[str]) -> None:
        data = "".join(lines).encode()
        try:
            with self._writing:
                while data:
                    data = data[os.write(self._descriptor, data) :]
                os.fsync(self._descriptor)
        except OSError as error:
            self._broken = Failed(f"{self.path}: cannot be written: {error.strerror}")
            raise self._broken from error

    def read(self, plan: str, shard: str) -> int:
        """Take in the lines; the offset behind the last whole one, where a killed write may be.

        InputError when they are damaged, or another plan's.
        """
        end = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    self._take(json.loads(line), plan, shard)
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(
                        f"{self.path}: line {number} is damaged: move the file away; apply then "
                        "looks at every tile again and copies none that is there"
                    ) from error
                end += len(line)
        return end

    def _take(self, record: dict[str, Any], plan: str, shard: str) -> None:
        if "journal" in record:
            if (record["journal"], record["plan"], record["shard"]) != (FORMAT, plan, shard):
                raise ValueError(record)
        elif "merged" in record:
            del self.unmerged[: record["merged"]]
        elif "done" in record or "deleted" in record:
            entry = _entry(record)
            self.finished.add(key_of(entry.tile))
            self.unmerged.append(entry)


@dataclass(frozen=True)
class Lineage:
    """Which manifests of the target are the plan's own: what it began with and what it made of it.

    Shared by all parts of a plan and written under the manifest's lock, before the manifest.
    """

    path: Path

    @classmethod
    def of(cls, data_dir: Path, plan: str) -> Lineage:
        """The lineage of a plan."""
        return cls(data_dir / FOLDER / f"{plan}{LINEAGE}")

    def add(self, old: str | None, new: str) -> None:
        """Record that the plan is about to turn the manifest of digest `old` into `new`."""
        with self.path.open("ab") as file:
            # The empty line ends one that a crash may have torn.
            file.write(f"\n{_line(old=old, new=new)}".encode())
            file.flush()
            os.fsync(file.fileno())

    def has(self, first: str, digest: str) -> bool:
        """Whether a manifest came of the one the plan was made from by the plan's work alone."""
        own = {first}
        for line in self.path.read_bytes().splitlines() if self.path.exists() else ():
            try:
                step = json.loads(line)
            except ValueError:
                continue  # empty, or torn by a crash: then the manifest was not written either
            if step["old"] in own:
                own.add(step["new"])
        return digest in own


def _line(**values: Any) -> str:
    at = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    return json.dumps({"at": at, **values}, separators=(",", ":")) + "\n"


def _placed(placed: Placed) -> list[Any]:
    return [placed.size, placed.sha256.hex(), placed.mtime and placed.mtime.isoformat()]


def _entry(record: dict[str, Any]) -> Entry:
    at = dt.datetime.fromisoformat(record["at"])
    tile = parse_path(record.get("done") or record["deleted"])
    if tile is None:
        raise ValueError(record)
    if "deleted" in record:
        return Entry(at, tile, None)
    embeddings, scales = (
        Placed(size, bytes.fromhex(digest), mtime and dt.datetime.fromisoformat(mtime))
        for size, digest, mtime in (record["embeddings"], record["scales"])
    )
    return Entry(at, tile, Whole(tile, embeddings, scales))

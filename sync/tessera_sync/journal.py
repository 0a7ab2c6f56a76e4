"""The journal of a plan: what has been done of it, on disk before anything else relies on it.

`<data>/journals/<plan>[.<i>-of-<n>].jsonl` has a line of JSON for each tile, appended and made
durable as the work goes on. It is the truth about an interrupted apply: manifests follow from it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tessera_catalog.errors import Failed, InputError
from tessera_catalog.locks import hold
from tessera_sync.journal_lines import Entry, entry_of, line_now, line_of, time_of
from tessera_sync.layout import Tile
from tessera_sync.pool import in_thread
from tessera_sync.tiles import Whole

FOLDER = "journals"
SUFFIX = ".jsonl"

FORMAT = 1


def plan_id(path: Path) -> str:
    """Short name of a plan, from the bytes of its file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


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
    _looked: dt.datetime | None = None
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
        self._write([line_now(journal=FORMAT, plan=plan, shard=shard)])

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def looked(self, at: dt.datetime) -> None:
        """Record when the whole target was last looked at before what will be done now."""
        self._write([line_now(looked=at.isoformat())])
        self._looked = at

    async def done(self, tile: Tile, whole: Whole | None) -> None:
        """Record that a tile is whole in the target, or deleted; returns when it is durable."""
        entry = Entry(dt.datetime.now(dt.UTC), tile, whole, self._looked)
        await self._append(line_of(entry))
        self._finish(entry)

    async def failed(self, tile: Tile, why: str) -> None:
        """Record a failure, for people to read."""
        await self._append(line_now(failed=tile.path, why=why))

    def merged(self, count: int) -> None:
        """Record that a manifest has the first `count` of the unmerged entries."""
        self._write([line_now(merged=count)])
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
        with self._writing:
            if self._broken:
                raise self._broken
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
                os.fsync(self._descriptor)
            except OSError as error:
                with suppress(OSError):  # what is half there is then the end, which `read` drops
                    os.ftruncate(self._descriptor, end)
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
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
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
        elif "looked" in record:
            self._looked = time_of(record["looked"])
        elif "merged" in record:
            count = record["merged"]
            if type(count) is not int or not 0 <= count <= len(self.unmerged):
                raise ValueError(record)
            del self.unmerged[:count]
        elif "done" in record or "deleted" in record:
            self._finish(entry_of(record, self._looked))

    def _finish(self, entry: Entry) -> None:
        self.finished.add(entry.tile.key)
        self.unmerged.append(entry)

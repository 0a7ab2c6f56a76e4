"""One run of apply: its streams, its journal, its signals, and what it tells at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa

from tessera_catalog.errors import InputError, Refused, TesseraError
from tessera_catalog.stores import Store
from tessera_sync.attempts import Policy
from tessera_sync.carry import Outcome, Sink, carry
from tessera_sync.journal import Journal
from tessera_sync.lineage import Lineage
from tessera_sync.merge import merge
from tessera_sync.plan_file import Header
from tessera_sync.pool import Stop, in_thread, interruptible, run
from tessera_sync.progress import Course, course
from tessera_sync.rates import store_rate
from tessera_sync.steps import Step, action_of, bytes_of, steps_of
from tessera_sync.storage import UPLOAD_TIMEOUT, check_room, open_storage
from tessera_sync.uploads import drop_unfinished

MERGE_SECONDS = 300.0
"""How often a running apply brings the manifest up to its journal."""

Carrier = Callable[[Iterator[Step], Course, Sink, Stop], Awaitable[None]]
"""Does steps, showing their course, gives each outcome to the sink and heeds the stop."""


@dataclass(frozen=True)
class Options:
    """How to carry a plan out."""

    jobs: int = 16
    """Tiles under way at once."""
    shard: str = ""
    """Part "i/n" of the plan, for job arrays; empty is all."""
    cluster: str = ""
    """Address of a Dask scheduler; empty is this process."""
    policy: Policy = field(default_factory=Policy)


@dataclass
class Report:
    """What one run of apply did; a failure in `failed`, or `stopped`, is an exit code of 1."""

    plan: str
    source: str
    target: str
    done: Counter[str] = field(default_factory=Counter)
    """Tiles by action: copy, replace, delete."""
    before: int = 0
    """Tiles that earlier runs had done."""
    left: int = 0
    """Tiles neither done nor failed."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason of each tile that failed."""
    stopped: str = ""
    """Why not everything was tried, else empty."""
    bytes: int = 0
    """Bytes that came from the source."""
    seconds: float = 0.0
    merged: int = 0
    """Tiles the target's manifest learned."""


@dataclass
class Run:
    """The work on a plan under the target's and the journal's locks."""

    data_dir: Path
    header: Header
    journal: Journal
    lineage: Lineage
    report: Report
    say: Callable[[str], None]
    _stop: Stop = field(default_factory=Stop)

    def merge(self) -> None:
        """Bring the target's manifest up to the journal."""
        header = self.header
        how = f"apply {self.report.plan} from {header.source}"
        self.report.merged += merge(
            self.data_dir, header.target, header.dataset, self.journal, self.lineage, how
        )

    def all(self, source: Store, target: Store, todo: pa.Table, options: Options) -> None:
        """Do what is to do; the manifest and the measured rate follow, however it ends.

        Refused, before anything is begun, when the target cannot take it.
        """
        report, begun = self.report, time.monotonic()
        try:
            with course(f"{source.name} → {target.name}", todo.num_rows, bytes_of(todo)) as bar:
                run(self._work(self._carrier(source, target, todo, options), todo, bar))
        finally:
            report.seconds = time.monotonic() - begun
            report.left = todo.num_rows - sum(report.done.values()) - len(report.failed)
            report.stopped = self._stop.why if report.left else ""
            self.merge()
        if report.bytes and options.policy.rate is None:
            with contextlib.suppress(TesseraError):  # it only serves guesses
                store_rate(self.data_dir, source.name, target.name, report.bytes / report.seconds)

    def _carrier(self, source: Store, target: Store, todo: pa.Table, options: Options) -> Carrier:
        """What moves the tiles: this process, or a cluster that reaches both stores."""
        jobs, policy, coming = options.jobs, options.policy, bytes_of(todo)
        if options.cluster:
            from tessera_sync.cluster import carry_on_cluster  # only some have Dask

            if policy.rate is not None:
                raise InputError("--limit-rate cannot be held by the workers of --dask")
            return partial(carry_on_cluster, options.cluster, source, target, coming, jobs, policy)
        ours, theirs = (open_storage(s, request_timeout=UPLOAD_TIMEOUT) for s in (source, target))
        check_room(theirs, coming)
        drop_unfinished(target, todo, self.say)
        return partial(carry, ours, theirs, jobs, policy)

    async def _work(self, carrier: Carrier, todo: pa.Table, bar: Course) -> None:
        merging = asyncio.create_task(self._merge_now_and_then())
        try:
            with interruptible(self._stop, self.say):
                await carrier(steps_of(todo), bar, self._take, self._stop)
        finally:
            merging.cancel()
            await asyncio.gather(merging, return_exceptions=True)

    async def _take(self, outcome: Outcome) -> None:
        """Record what became of a tile; a series of failures of a store ends the run."""
        tile, report = outcome.step.tile, self.report
        self._stop.went(outcome.outage)
        if outcome.failure is None:
            await self.journal.done(tile, outcome.whole)
            report.done[action_of(outcome.step)] += 1
            report.bytes += outcome.moved
            return
        report.failed.append((tile.path, outcome.failure))
        await self.journal.failed(tile, outcome.failure)
        if outcome.full:
            self._stop.ask(f"no space is left in '{report.target}'")

    async def _merge_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(MERGE_SECONDS)
            # Another process may be busy with the manifest; the journal loses nothing meanwhile.
            with contextlib.suppress(Refused):
                await in_thread(self.merge)

"""What is killed: a tool at work, PostgreSQL, the S3 server; and a network that misbehaves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fault_proxy import Fault, Faults
from seaweedfs import DIES_WITH_US, Weed

from tessera_local.cluster import Cluster

DEADLINE = 180
"""Seconds a tool may take, whatever happens beside it."""

TOOL, POSTGRES, S3, NETWORK = "tool", "postgres", "s3", "network"


@dataclass
class Ended:
    """How a tool ended: as subprocess has it, and what was done to it when."""

    code: int
    said: str
    struck: float | None = None


@dataclass
class Victims:
    """The servers of a world and the tools that use them."""

    chance: random.Random
    database: Cluster
    weed: Weed
    faults: Faults
    usual: dict[str, float] = field(default_factory=dict)
    """Seconds that each step takes when nobody disturbs it."""

    def run(
        self, step: str, command: list[str], env: dict[str, str], victim: str | None = None
    ) -> Ended:
        """Run a tool to its end; with a victim, strike at any moment of its usual time."""
        begun = time.monotonic()
        moment = self.chance.uniform(0.2, self.usual.get(step, 1.5))
        with self._misbehaving(victim == NETWORK), _started(command, env) as process:
            struck = None
            if victim in (TOOL, POSTGRES, S3):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(moment)
                if process.poll() is None:
                    struck = moment
                    self._strike(victim, process)
            output, errors = process.communicate(timeout=DEADLINE)
        if victim is None:
            self.usual[step] = 0.5 * self.usual.get(step, 0.0) + 0.5 * (time.monotonic() - begun)
        return Ended(process.returncode, output + errors, struck)

    def _strike(self, victim: str, process: subprocess.Popen[str]) -> None:
        if victim == TOOL:
            process.kill()
            return
        if victim == POSTGRES:
            self._kill_postgres()
        else:
            self.weed.kill()
        time.sleep(self.chance.choice([0, 0, 1]))
        if victim == POSTGRES:
            self.database.start()
        else:
            self.weed.start()

    def _kill_postgres(self) -> None:
        assert self.database.directory is not None
        pid = int((self.database.directory / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        # A killed process takes a moment to die, and so long the cluster counts as running.
        with suppress(OSError):
            while Path(f"/proc/{pid}/cmdline").read_bytes():
                time.sleep(0.01)

    @contextmanager
    def _misbehaving(self, really: bool) -> Iterator[None]:
        """A fifth of all requests to the S3 server goes wrong for the time of the block."""
        ways: list[Fault] = [500, 503, 0.3, "cut", "twice", "short", "long"]
        # Its own chance: how many requests there are must not decide what comes after them.
        own = random.Random(self.chance.random())
        if really:
            self.faults.choose = lambda *_: own.choice(ways) if own.random() < 0.2 else None
        try:
            yield
        finally:
            self.faults.choose = lambda *_: None


@contextmanager
def _started(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*DIES_WITH_US, *command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()

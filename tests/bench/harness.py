"""What every row of the bench shares: timing, the server it runs on, and the table."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from tessera_local.cluster import Cluster
from tessera_local.server import Server
from tessera_local.tuning import demo_settings

FULL = 3_831_542
"""Tiles of the real catalogue; rows marked * are meant at this size."""

BIN = Path(sys.executable).parent

_BEGUN = time.perf_counter()


@dataclass(frozen=True)
class Row:
    """One measurement beside its rival; `ratio` is what `reach` and `aim` are about."""

    name: str
    rival: float
    ours: float
    ratio: float
    reach: str
    aim: str
    unit: str
    tiles: int

    @property
    def bound(self) -> str:
        """What the ratio is held against; empty when nothing is asked of it."""
        return self.reach or self.aim

    @property
    def more_is_better(self) -> bool:
        """Which way the ratio should go."""
        return self.bound.startswith(">")

    @property
    def is_reached(self) -> bool:
        """Whether the ratio is what `reach` asks for."""
        if not self.reach:
            return True
        bound = float(self.reach.split()[1])
        return self.ratio >= bound if self.more_is_better else self.ratio <= bound


@dataclass(frozen=True, eq=False)
class Bench:
    """Where the rows are measured: a server of the bench's own, and a folder for files."""

    server: Server
    folder: Path
    tiles: int

    def create(self) -> dict[str, str]:
        """The environment of a new database, there until the bench ends."""
        name = f"bench_{uuid.uuid4().hex[:8]}"
        self._administer(f"CREATE DATABASE {name}")
        return os.environ | self.server.environment(name)

    @contextmanager
    def database(self) -> Iterator[dict[str, str]]:
        """The environment of a new database, dropped afterwards."""
        environment = self.create()
        try:
            yield environment
        finally:
            self._administer(f"DROP DATABASE {environment['PGDATABASE']} WITH (FORCE)")

    def synthetic(self, tiles: int) -> Path:
        """A folder with a synthetic registry and manifests of that many tiles."""
        folder = self.folder / f"synthetic-{tiles}"
        if not folder.exists():
            note(f"making {tiles:,} synthetic tiles")
            run([BIN / "python", "-m", "tessera_catalog.synthetic", folder, "--tiles", str(tiles)])
        return folder

    def forget(self, tiles: int) -> None:
        """Delete the synthetic files of that size, which may be many gigabytes."""
        shutil.rmtree(self.folder / f"synthetic-{tiles}")

    def _administer(self, statement: str) -> None:
        conninfo = self.server.conninfo("postgres")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def bench(tiles: int) -> Iterator[Bench]:
    """Start a server with the demo's settings, fsync and all, for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the server's own user passes through
        cluster = Cluster(folder / "postgres", demo_settings())
        try:
            yield Bench(cluster.start(), folder, tiles)
        finally:
            cluster.remove()


def connect(environment: dict[str, str]) -> psycopg.Connection:
    """A connection to the database that an environment names."""
    return psycopg.connect(
        host=environment["PGHOST"],
        port=environment["PGPORT"],
        user=environment["PGUSER"],
        password=environment.get("PGPASSWORD"),
        dbname=environment["PGDATABASE"],
    )


def run(command: list[object], environment: dict[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed; an exit code but 0 ends the bench."""
    done = subprocess.run(
        [str(word) for word in command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Run from an interpreter that has loaded nothing: a child's peak begins with its parent's."""


def peak_memory(command: list[object], environment: dict[str, str] | None = None) -> float:
    """Gigabytes that a program had at most in memory."""
    return int(run([sys.executable, "-c", _PEAK, *command], environment)) * 1024 / 1e9


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median(work: Callable[[], object], runs: int = 5) -> float:
    """Median wall time of several calls after one that warms up."""
    work()
    return statistics.median(seconds(work) for _ in range(runs))


def medians(*works: Callable[[], object], runs: int = 5) -> list[float]:
    """Median wall time of each of several calls, done by turns after a first one of each.

    What slows the machine for a while slows all of them.
    """
    turns = [[seconds(work) for work in works] for _ in range(runs + 1)]
    return [statistics.median(times) for times in zip(*turns[1:], strict=True)]


def note(line: str) -> None:
    """Tell who waits what is going on, and since how many seconds."""
    print(f"{time.perf_counter() - _BEGUN:5.0f}  {line}", file=sys.stderr, flush=True)


def table(rows: list[Row]) -> str:
    """The rows as people read them; ! marks a ratio that does not reach what it should."""
    lines = [
        f"{'':<40}{'rival':>12}{'ours':>12}  {'ratio':>8}  {'reach':<8}{'aim':<8}{'tiles':>10}"
    ]
    for row in rows:
        lines.append(
            f"{row.name:<40}{row.rival:>12.4g}{row.ours:>12.4g}  {row.ratio:>8.3g}"
            f"{' ' if row.is_reached else '!'} "
            f"{row.reach:<8}{row.aim:<8}{row.tiles:>10,}  {row.unit}"
        )
    return "\n".join(lines)


def save(rows: list[Row], path: Path) -> None:
    """Write the rows as JSON, one object each."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")

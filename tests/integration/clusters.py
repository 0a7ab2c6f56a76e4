"""Real PostgreSQL servers for one test: a primary, and others made of it as an operator would.

All data directories lie in one folder. PostgreSQL's own programs make, start and end them; run by
root, as whom PostgreSQL refuses to, they change to its user by themselves.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import api_catalogue
import psycopg
import pytest
from console import rehearse
from registries import TOOL, environment

from tessera_catalog.migrations import migrate
from tessera_local.binaries import find_binaries
from tessera_local.ports import free_port
from tessera_local.server import Server
from tessera_local.throwaway import throwaway
from tessera_local.tuning import throwaway_settings

DATABASE = "stac"

SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "10",
    # What pg_rewind asks for.
    "full_page_writes": "on",
    "wal_log_hints": "on",
}


class Site:
    """A primary that runs, and the folder for all servers beside it."""

    def __init__(self, primary: Server, data: Path) -> None:
        """`data` is the data directory of the primary."""
        self.primary = primary
        self.data = data
        self.folder = data.parent
        self.work = self.folder / "work"
        self._programs = self.folder / "bin"
        owner = data.stat()
        self.work.mkdir()
        os.chown(self.work, owner.st_uid, owner.st_gid)
        _write_programs(self._programs)

    @property
    def path(self) -> str:
        """A PATH on which PostgreSQL's programs come first."""
        return f"{self._programs}{os.pathsep}{os.environ['PATH']}"

    def rehearse(self, page: Path) -> Server:
        """Carry out a page about two servers; the second of them.

        The servers are in /srv/postgresql, the primary is `one`, and their ports are 5432 and 5433;
        its other files go to `work`.
        """
        second = free_port()
        while "5432" in str(second):  # It would be taken for the page's.
            second = free_port()
        of = self.primary
        rehearse(
            page,
            self.work,
            environment(of.environment(DATABASE) | {"PATH": f"{TOOL.parent}:{self.path}"}),
            {
                "/srv/postgresql/one": str(self.data),
                "/srv/postgresql": str(self.folder),
                "5433": str(second),
                "5432": str(of.port),
            },
        )
        return Server(of.host, second, of.user, of.password)

    def run(self, program: str, *arguments: str, password: str | None = None) -> str:
        """What a program of PostgreSQL prints."""
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self.folder,
            env={"PATH": self.path, "PGPASSWORD": password or str(self.primary.password)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def standby(self, name: str, **settings: str) -> Server:
        """A streaming hot standby of the primary, in a folder of this name."""
        of = self.primary
        source = f"host={of.host} port={of.port} user={of.user}"
        self.run("pg_basebackup", "-D", name, "-R", "-X", "stream", "-c", "fast", "-d", source)
        return self.start(name, **settings)

    def start(self, name: str, **settings: str) -> Server:
        """Start the server of a data directory, on a port of its own."""
        port = free_port()
        options = " ".join(f"-c {key}={value}" for key, value in settings.items())
        # With its log elsewhere it does not keep our pipe open.
        self.run(
            "pg_ctl", "start", "-w", "-D", name, "-l", f"{name}.log", "-o", f"-p {port} {options}"
        )
        return Server(self.primary.host, port, self.primary.user, self.primary.password)

    def kill(self, data: Path) -> None:
        """End a server as a power cut would, and wait until nothing of it is left."""
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        family = [postmaster, *_children(postmaster)]
        os.kill(postmaster, signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))

    def stop_all(self) -> None:
        """Stop every server that runs on a data directory of the folder."""
        for file in self.folder.glob("*/postmaster.pid"):
            if Path(f"/proc/{file.read_text().split()[0]}").exists():
                self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(file.parent))


@contextmanager
def running_site(**settings: str) -> Iterator[Site]:
    """A new primary without a database of ours; everything is gone afterwards."""
    with throwaway({**throwaway_settings(), **SETTINGS, **settings}) as cluster:
        primary = cluster.start()
        assert cluster.directory is not None
        made = Site(primary, cluster.directory / "data")
        try:
            yield made
        finally:
            made.stop_all()


@pytest.fixture
def site() -> Iterator[Site]:
    """A primary of the test's own."""
    with running_site() as made:
        yield made


def create_database(server: Server) -> str:
    """Make the empty database `stac` of a new server; its connection string."""
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'")
    return server.conninfo(DATABASE)


def fill(server: Server) -> None:
    """Make the database `stac` of a new server, with the small catalogue."""
    conninfo = create_database(server)
    migrate(conninfo)
    api_catalogue.fill(conninfo)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def _write_programs(folder: Path) -> None:
    owner = folder.parent.stat()
    user = () if os.geteuid() else (
        "setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups",
    )  # fmt: skip
    folder.mkdir()
    for program in find_binaries().folder.iterdir():
        shim = folder / program.name
        shim.write_text(f'#!/bin/sh\nexec {shlex.join([*user, str(program)])} "$@"\n')
        shim.chmod(0o755)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]

"""A private PostgreSQL cluster: made, started, stopped and removed, whoever runs it.

PostgreSQL refuses to run as root. For root the cluster belongs to the system user `postgres`, and
where that user cannot reach the home folder its files go below /var/lib instead. The home folder
always holds `postgres.json` (mode 0600): where the files are, the port and the password.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tessera_catalog.errors import Failed, InputError
from tessera_local.account import give, may_enter, run
from tessera_local.binaries import Binaries, find_binaries
from tessera_local.files import tail, write_private
from tessera_local.ports import ADDRESS, free_port, is_free
from tessera_local.server import PRIVATE_PASSWORD, Server

SUPERUSER = "tessera"

_ELSEWHERE = Path("/var/lib/tessera-stac")

_START_SECONDS = 600
"""As long as crash recovery after a bulk load may take."""


@dataclass(frozen=True)
class _Pointer:
    """What `postgres.json` says."""

    directory: str
    port: int
    password: str


class Cluster:
    """The cluster whose pointer lies in `home`; made on the first start."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self._home = home
        self._settings = settings
        self._pointer_file = home / "postgres.json"

    @property
    def server(self) -> Server | None:
        """Where the cluster listens when it runs; None when none was made."""
        pointer = self._pointer()
        return None if pointer is None else _server(pointer)

    @property
    def directory(self) -> Path | None:
        """The folder with the cluster's data and log; None when none was made."""
        pointer = self._pointer()
        return None if pointer is None else Path(pointer.directory)

    def start(self) -> Server:
        """Start the cluster, making it first if need be; nothing happens when it runs."""
        pointer = self._pointer() or self._place()
        data = Path(pointer.directory, "data")
        if _postmaster(data) is None:
            version = data / "PG_VERSION"
            binaries = find_binaries(int(version.read_text()) if version.exists() else None)
            if not version.exists():
                _create(binaries, pointer)
            pointer = self._launch(binaries, pointer)
        return _server(pointer)

    def stop(self) -> bool:
        """Stop the cluster, waiting for it; whether it was running."""
        pointer = self._pointer()
        if pointer is None:
            return False
        data = Path(pointer.directory, "data")
        if _postmaster(data) is None:
            return False
        major = int((data / "PG_VERSION").read_text())
        stopped = run(
            [find_binaries(major).program("pg_ctl"), "stop", "-D", str(data), "-m", "fast",
             "-w", "-t", str(_START_SECONDS)]
        )  # fmt: skip
        if stopped.returncode != 0:
            raise Failed(f"the private PostgreSQL did not stop: {stopped.stderr.strip()}")
        return True

    def remove(self) -> None:
        """Stop the cluster and delete its files."""
        self.stop()
        directory = self.directory
        if directory is not None and directory.exists():
            shutil.rmtree(directory)
        with suppress(OSError):  # not empty, or never made
            _ELSEWHERE.rmdir()
        self._pointer_file.unlink(missing_ok=True)

    def forget_unreadable(self) -> list[Path]:
        """Have a pointer that cannot be read point at the home folder, where the files are mostly.

        Returns where else they may be: any of these may also be of another demo.
        """
        try:
            self._pointer()
        except InputError:
            here = self._home.resolve() / "postgres"
            self._write(_Pointer(str(here), free_port(), ""))
            return [] if here.exists() else sorted(_ELSEWHERE.glob("*"))
        return []

    def _pointer(self) -> _Pointer | None:
        try:
            return _Pointer(**json.loads(self._pointer_file.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{self._pointer_file} cannot be read ({error}): 'make clean' begins anew"
            ) from error

    def _place(self) -> _Pointer:
        """Choose where the files go. The pointer comes first, so no folder is ever forgotten."""
        self._home.mkdir(parents=True, exist_ok=True)
        directory = self._home.resolve() / "postgres"
        if not may_enter(directory.parent):
            directory = _ELSEWHERE / secrets.token_hex(6)
        password = PRIVATE_PASSWORD + secrets.token_urlsafe(24)
        pointer = _Pointer(str(directory), free_port(), password)
        self._write(pointer)
        return pointer

    def _write(self, pointer: _Pointer) -> None:
        write_private(self._pointer_file, json.dumps(asdict(pointer), indent=1) + "\n")

    def _launch(self, binaries: Binaries, pointer: _Pointer) -> _Pointer:
        """Start the server; on another port when someone else has taken ours meanwhile."""
        data = Path(pointer.directory, "data")
        log = data.parent / "log"
        for _ in range(3):
            if not is_free(pointer.port):
                pointer = _Pointer(pointer.directory, free_port(), pointer.password)
                self._write(pointer)
            _write_settings(data, self._settings, pointer.port)
            _forget_dead_postmaster(data)
            started = run(
                [binaries.program("pg_ctl"), "start", "-D", str(data), "-l", str(log),
                 "-w", "-t", str(_START_SECONDS)]
            )  # fmt: skip
            if started.returncode == 0:
                return pointer
            # The port was taken in between, or backends of a killed server are still ending.
            time.sleep(1)
        raise Failed(f"the private PostgreSQL did not start; its log {log} ends:\n{tail(log)}")


def _server(pointer: _Pointer) -> Server:
    return Server(ADDRESS, pointer.port, SUPERUSER, pointer.password)


def _create(binaries: Binaries, pointer: _Pointer) -> None:
    """Make the data directory under another name, so that a broken attempt is never used."""
    directory = Path(pointer.directory)
    directory.parent.mkdir(exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    give(directory)
    unfinished = directory / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=directory) as password:
        password.write(pointer.password)
        password.flush()
        give(Path(password.name))
        made = run(
            [binaries.program("initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-E", "UTF8",
             # Sorts by bytes, several times as fast as by the rules of any language.
             "--locale=C.UTF-8", "--lc-collate=C", "--no-sync",
             "-A", "scram-sha-256", f"--pwfile={password.name}"]
        )  # fmt: skip
    if made.returncode != 0:
        raise Failed(f"initdb could not make {unfinished}: {made.stderr.strip()}")
    with (unfinished / "postgresql.conf").open("a") as config:
        config.write("include 'tessera.conf'\n")
    unfinished.rename(directory / "data")


def _write_settings(data: Path, settings: Mapping[str, str], port: int) -> None:
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    config = data / "tessera.conf"
    config.write_text(f"# Written at every start.\nport = {port}\n{''.join(lines)}")
    give(config)


def _postmaster(data: Path) -> int | None:
    """Process id of the server that runs on this data directory."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(data) in command else None


def _forget_dead_postmaster(data: Path) -> None:
    """Remove a pid file that names a process of somebody else, after a crash of the machine.

    PostgreSQL itself replaces one that names no process at all, but stops at a reused number.
    """
    if _postmaster(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)

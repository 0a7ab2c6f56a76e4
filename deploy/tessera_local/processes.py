"""Servers that go on running after the command that started them, and how to find them again.

Each has a record `run/NAME.json` and a log `log/NAME.log` below the home folder. A process is
ours only when its number and its start time are the recorded ones: numbers are used again.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tessera_catalog.errors import Failed
from tessera_local.files import tail, write_private

_HEALTHY_SECONDS = 60.0

_STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Service:
    """A server to run: `port` is the one it will listen on, `health` a URL that answers 200."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    health: str
    code: str
    """Changes when what the command runs has changed, so that a new start is due."""

    def digest(self) -> str:
        """One word for all of it; no secret can be read from it."""
        parts = (self.command, sorted(self.environment.items()), self.health, self.code)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class _Record:
    pid: int
    started: str
    digest: str
    port: int


class Processes:
    """The servers recorded below one home folder."""

    def __init__(self, home: Path) -> None:
        self._records = home / "run"
        self._logs = home / "log"

    def port(self, name: str) -> int | None:
        """The port of a server that runs; None when it does not."""
        record = self._running(name)
        return None if record is None else record.port

    def ensure(self, service: Service) -> bool:
        """Have exactly this server running and healthy; whether it had to be started."""
        record = self._running(service.name)
        if record is not None and record.digest == service.digest() and _healthy(service.health):
            return False
        self.stop(service.name)
        self._start(service)
        return True

    def stop(self, name: str) -> bool:
        """Stop a server and everything it started; whether it was running."""
        record = self._running(name)
        if record is not None:
            _end(record)
        self._file(name).unlink(missing_ok=True)
        return record is not None

    def _start(self, service: Service) -> None:
        self._records.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(exist_ok=True)
        log = self._logs / f"{service.name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **service.environment},
                start_new_session=True,
            )
        record = _Record(
            process.pid, _start_time(process.pid) or "", service.digest(), service.port
        )
        write_private(self._file(service.name), json.dumps(asdict(record)) + "\n")
        deadline = time.monotonic() + _HEALTHY_SECONDS
        while not _healthy(service.health):
            ended = process.poll()
            if ended is not None or time.monotonic() > deadline:
                self.stop(service.name)
                what = "did not answer in time" if ended is None else f"ended with status {ended}"
                raise Failed(f"{service.name} {what}; its log {log} ends:\n{tail(log)}")
            time.sleep(0.05)
        # It outlives this process on purpose, so nobody will wait for it.
        process.returncode = 0

    def _running(self, name: str) -> _Record | None:
        try:
            record = _Record(**json.loads(self._file(name).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return record if _start_time(record.pid) == record.started else None

    def _file(self, name: str) -> Path:
        return self._records / f"{name}.json"


def _end(record: _Record) -> None:
    """Ask the process to end, then end its whole group."""
    with suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _start_time(record.pid) == record.started:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    # What it started is in its process group, which keeps its number as long as it has members.
    with suppress(ProcessLookupError):
        os.killpg(record.pid, signal.SIGKILL)


def _start_time(pid: int) -> str | None:
    """When a process began, in ticks since the machine did; None when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the name before it may hold spaces
    return None if state == "Z" else fields[18]


def _healthy(url: str) -> bool:
    request = urllib.request.Request(url)  # noqa: S310 - an address of our own
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False

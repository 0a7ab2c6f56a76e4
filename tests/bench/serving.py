"""Requests to an API that runs as a process of its own, and how long they take."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tessera_local.ports import free_port

_START_SECONDS = 60

_HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Request:
    """A request: GET, or POST when it has a body."""

    path: str
    body: Any = None


@dataclass(frozen=True)
class Times:
    """How long requests of one kind took, in milliseconds."""

    p50: float
    p95: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times:
        """From wall times in seconds."""
        ordered = sorted(1000 * each for each in seconds)
        return cls(ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1) + 0.5)])


class Client:
    """One connection, which is kept open, but which the server closes when it is idle.

    It does little else: what is timed is the server.
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def send(self, request: Request) -> bytes:
        """The body of the answer; SystemExit unless it is 200."""
        body = None if request.body is None else json.dumps(request.body)
        self._connection.request("GET" if body is None else "POST", request.path, body, _HEADERS)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status} to {request}: {content[:300]!r}")
        return content

    def times(self, requests: Sequence[Request], most: int = 60, seconds: float = 7) -> Times:
        """Send the requests in turn, after one that warms up, for some time, thrice at least."""
        taken: list[float] = []
        self.send(requests[0])
        end = time.perf_counter() + seconds
        for request in itertools.cycle(requests):
            begun = time.perf_counter()
            self.send(request)
            taken.append(time.perf_counter() - begun)
            if len(taken) == most or (len(taken) >= 3 and time.perf_counter() > end):
                return Times.of(taken)
        raise AssertionError


@contextmanager
def serving(factory: str, environment: dict[str, str]) -> Iterator[int]:
    """Run the ASGI application that a function makes by one uvicorn; yields its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", factory, "--host", "127.0.0.1",
         "--port", str(port), "--no-access-log", "--log-level", "critical"],
        env=environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            Client(port).send(Request("/_mgmt/ping"))
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"an API did not start within {_START_SECONDS} s")


def throughput(
    port: int, requests: Sequence[Request], clients: int = 16, seconds: float = 8
) -> tuple[float, Times]:
    """Answers a second with so many clients that ask on and on, and how long each one waits.

    SystemExit when an answer is an error.
    """
    taken: list[float] = []
    failures: list[BaseException] = []
    end = time.perf_counter() + seconds

    def ask(number: int) -> None:
        order = random.Random(number)
        client = Client(port)
        while (begun := time.perf_counter()) < end:
            client.send(order.choice(requests))
            taken.append(time.perf_counter() - begun)

    def guarded(number: int) -> None:
        try:
            ask(number)
        except BaseException as error:  # noqa: BLE001  # told by the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(f"{len(failures)} of {clients} clients failed: {failures[0]!r}")
    return len(taken) / (time.perf_counter() - begun), Times.of(taken)

"""Commands at work: started, waited for, and ended whatever happens."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sync_world import World

DEADLINE = 120
"""Seconds a test waits for something that must come."""


def wait_for(what: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Poll until something is true, or fail."""
    deadline = time.monotonic() + DEADLINE
    while not what():
        assert time.monotonic() < deadline, "it did not come"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.01)


@contextlib.contextmanager
def started(world: World, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A command at work; killed at the end if it still is."""
    process = subprocess.Popen(
        world.tool(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=world.variables(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()

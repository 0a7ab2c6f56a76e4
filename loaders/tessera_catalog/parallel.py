"""Several transactions at a time, and an orderly end when one of them fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from tessera_catalog.database import cancel_statements
from tessera_catalog.errors import Failed

WORKERS = 2
"""Years in work at once: rendering keeps one core of the server busy for each."""

Result = TypeVar("Result")
Step = Callable[[int], None]


def side_by_side(works: Sequence[Callable[[Step], Result]], advance: Step) -> Iterator[Result]:
    """Run the works, WORKERS at a time, and yield their results as they come.

    Each work reports its progress by the function it is given, which stops it (by Failed) once
    another work has failed or the user has interrupted: then nothing more is committed, and what
    the server is at is cancelled.
    """
    stop = threading.Event()

    def step(count: int) -> None:
        if stop.is_set():
            raise Failed("stopped; run it again to go on")
        advance(count)

    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(work, step) for work in works]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            cancel_statements()
            raise

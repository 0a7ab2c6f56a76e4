"""Many things at once in one process, until they are done, are stopped, or a store is down."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from tessera_catalog.errors import TesseraError

P = ParamSpec("P")
T = TypeVar("T")

ALIKE = 20
"""So many failures of a store in a row, with no tile done between, are an outage."""


@dataclass
class Stop:
    """Whether new work may begin: not once there is a reason, of which the first stays."""

    why: str = ""
    _alike: int = 0

    def ask(self, why: str) -> None:
        """Let what is under way be the last."""
        self.why = self.why or why

    def went(self, outage: bool) -> None:
        """Count how a piece of work went; a series of a store's failures is a reason to stop."""
        self._alike = self._alike + 1 if outage else 0
        if self._alike >= ALIKE:
            self.ask(f"{ALIKE} tiles in a row failed by a store, not by themselves")


async def spread(
    items: Iterable[T], jobs: int, work: Callable[[T], Awaitable[None]], stop: Stop
) -> None:
    """Work on the items, `jobs` at a time; once `stop` is asked no other one is begun."""
    shared = iter(items)

    async def stream() -> None:
        for item in shared:
            if stop.why:
                return
            await work(item)

    # As many threads as streams: each may hash, write or make durable at the same time.
    threads = ThreadPoolExecutor(jobs + 4, "tessera-sync")
    asyncio.get_running_loop().set_default_executor(threads)
    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(stream())


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a file operation beside the others; a cancellation waits for it to end.

    Otherwise the thread would still write to a descriptor that is closed and has become another
    file's.
    """
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


@contextlib.contextmanager
def interruptible(stop: Stop, say: Callable[[str], None]) -> Iterator[None]:
    """First Ctrl-C or SIGTERM: finish what is under way. Second: cancel the task at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    watched = []
    before = False

    def asked() -> None:
        nonlocal before
        if before and task is not None:
            task.cancel()
            return
        before = True
        stop.ask("interrupted")
        say("finishing the tiles under way; once more stops at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        # Outside the main thread there are no signals to watch.
        with contextlib.suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, asked)
            watched.append(number)
    try:
        yield
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, or until cancelled by `interruptible`; of several errors raise one."""
    try:
        asyncio.run(work)
    except asyncio.CancelledError:
        return
    except ExceptionGroup as group:
        raise _first(group) from group


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """What to tell of several errors at once: one of ours before a bug."""
    found: BaseException = group.subgroup(TesseraError) or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, Exception) else group

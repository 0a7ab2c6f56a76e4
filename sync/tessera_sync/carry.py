"""Many tiles from store to store at once, by this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from tessera_sync.attempts import CopyError, Outage, Policy, TargetFull
from tessera_sync.pool import Stop, spread
from tessera_sync.progress import Course
from tessera_sync.steps import Drop, Step
from tessera_sync.storage import Storage
from tessera_sync.tiles import Whole, copy_tile, delete_tile


@dataclass(frozen=True)
class Outcome:
    """What became of a step: the tile is whole in the target, is deleted, or failed."""

    step: Step
    whole: Whole | None = None
    failure: str | None = None
    outage: bool = False
    """The store failed rather than the tile."""
    full: bool = False
    """The target has no space left."""
    moved: int = 0
    """Bytes that came from the source for it, second tries included."""


Sink = Callable[[Outcome], Awaitable[None]]


async def carry(
    source: Storage,
    target: Storage,
    jobs: int,
    policy: Policy,
    steps: Iterator[Step],
    course: Course,
    sink: Sink,
    stop: Stop,
) -> None:
    """Do the steps, `jobs` at a time, and give each outcome to `sink`.

    When `stop` is asked, what is under way is finished and nothing else begun.
    """

    async def one(step: Step) -> None:
        await sink(await do(source, target, step, policy, course))

    await spread(steps, jobs, one, stop)


async def do(
    source: Storage, target: Storage, step: Step, policy: Policy, course: Course | None = None
) -> Outcome:
    """Do one step; every failure that is not a bug of ours is told in the outcome."""
    moved = 0

    def count(size: int) -> None:
        nonlocal moved
        moved += size
        if course:
            course.moved(size)

    own = replace(policy, moved=count)
    try:
        if isinstance(step, Drop):
            await delete_tile(target, step.tile, own)
            outcome = Outcome(step)
        else:
            whole = await copy_tile(source, target, step, own)
            outcome = Outcome(step, whole, moved=moved)
    except CopyError as error:
        full = isinstance(error, TargetFull)
        outcome = Outcome(step, None, str(error), isinstance(error, Outage), full)
    if course:
        # The bar counts what was planned: not second tries, nor the little SHA256 files.
        course.moved((0 if outcome.failure else step.bytes) - moved)
        course.finished()
    return outcome

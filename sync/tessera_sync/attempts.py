"""Trying again, for a bounded time, what a store, the network or a file system refused once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity
from aiolimiter import AsyncLimiter
from obstore.exceptions import NotSupportedError, PermissionDeniedError, UnauthenticatedError

from tessera_catalog.errors import InputError
from tessera_sync.storage import STORAGE_ERRORS, reason

T = TypeVar("T")

_LASTING = (
    FileNotFoundError,
    PermissionError,
    PermissionDeniedError,
    UnauthenticatedError,
    NotSupportedError,
)
_FULL = {errno.ENOSPC, errno.EDQUOT}


class CopyError(Exception):
    """A file or tile that could not be brought over, in one line; others may yet be."""


class Outage(CopyError):
    """A failure of the store, not of the tile: the next tile would meet it too."""


class TargetFull(Outage):
    """No space is left: there is no point in going on."""


@dataclass(frozen=True)
class Policy:
    """How hard to try and how fast to go."""

    attempts: int = 4
    """Tries of one file, each of which may itself repeat requests."""
    stall: float = 300.0
    """Seconds without a byte moving after which a try is given up."""
    backoff: float = 1.0
    """Seconds the random pause between two tries grows from."""
    rate: AsyncLimiter | None = None
    """Bytes per second for all streams together."""
    moved: Callable[[int], None] = field(default=lambda _: None)
    """Told of bytes as they arrive, for the progress bar."""


def limiter(text: str) -> AsyncLimiter:
    """A limit of bytes per second: `500k`, `20M`, `1.5G`, powers of 1000; else InputError."""
    unit = {"k": 10**3, "m": 10**6, "g": 10**9}.get(text[-1:].lower(), 1)
    number = text if unit == 1 else text[:-1]
    with contextlib.suppress(ValueError, OverflowError):
        rate = int(float(number) * unit)
        if rate >= 1:
            return AsyncLimiter(rate, 1)
    raise InputError(f"--limit-rate {text}: it must be bytes per second, as in 500k, 20M or 1.5G")


async def asked(what: str, policy: Policy, request: Callable[[], Awaitable[T]]) -> T:
    """Run one short request until it works, as `tried` does."""
    return await tried(what, policy, lambda _alive: request())


async def tried(what: str, policy: Policy, once: Callable[[Callable[[], None]], Awaitable[T]]) -> T:
    """Run `once` until it works, with growing random pauses; CopyError when it never does.

    `once` is given a function to call whenever something moved; without a call for
    `policy.stall` seconds the try is given up.
    """
    loop = asyncio.get_running_loop()
    retrying = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(policy.attempts),
        wait=tenacity.wait_random_exponential(multiplier=policy.backoff, max=30),
        retry=tenacity.retry_if_exception(_may_pass),
        reraise=True,
    )

    async def bounded() -> T:
        async with asyncio.timeout(policy.stall) as watch:
            return await once(lambda: watch.reschedule(loop.time() + policy.stall))

    try:
        return await retrying(bounded)
    except STORAGE_ERRORS as error:
        raise _copy_error(what, error) from error


def _may_pass(error: BaseException) -> bool:
    """Whether a failure may be gone at the next try."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return False
    return isinstance(error, STORAGE_ERRORS) and not isinstance(error, _LASTING)


def _copy_error(what: str, error: BaseException) -> CopyError:
    line = f"{what}: {reason(error)}"
    if isinstance(error, OSError) and error.errno in _FULL:
        return TargetFull(line)
    if isinstance(error, FileNotFoundError):
        return CopyError(line)
    return Outage(line)

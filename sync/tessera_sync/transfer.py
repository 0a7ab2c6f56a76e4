"""One file from any store to any other: streamed, hashed on the way, whole or not there at all."""

from __future__ import annotations

import asyncio
import errno
import glob
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import obstore
import tenacity
from aiolimiter import AsyncLimiter
from obstore.exceptions import NotSupportedError, PermissionDeniedError, UnauthenticatedError

from tessera_sync.storage import STORAGE_ERRORS, Storage, reason

CHUNK = 4 * 2**20
"""Bytes read at a time."""

PART = 8 * 2**20
"""Bytes of one part of an upload; smaller files are sent in one request."""

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


@dataclass(frozen=True)
class Source:
    """One file to copy: where it is and what is known of it."""

    storage: Storage
    path: str
    sha256: bytes | None = None

    def __str__(self) -> str:
        return f"{self.storage.name}:{self.path}"


@dataclass(frozen=True)
class Digest:
    """What was read: number of bytes and their SHA-256."""

    size: int
    sha256: bytes


class Reading:
    """A source file as a stream of chunks that raises at its end unless all was as it should be."""

    def __init__(self, source: Source, policy: Policy) -> None:
        self.source = source
        self.policy = policy
        self.size = 0
        self._hash = hashlib.sha256()
        self._opened: Any = None

    @property
    def digest(self) -> Digest:
        """Of what has been read so far."""
        return Digest(self.size, self._hash.digest())

    async def open(self) -> int:
        """Ask for the file; its size."""
        source = self.source
        self._opened = await obstore.get_async(source.storage.objects, source.path)
        return int(self._opened.meta["size"])

    async def chunks(self, alive: Callable[[], None]) -> AsyncIterator[bytes]:
        """The bytes, at the agreed rate. CopyError when they are not what they should be."""
        async for chunk in self._opened.stream(min_chunk_size=CHUNK):
            await _wait_turn(self.policy.rate, len(chunk), alive)
            # Hashing lets other streams run: it holds no lock for chunks of this size.
            await asyncio.to_thread(self._hash.update, chunk)
            self.size += len(chunk)
            self.policy.moved(len(chunk))
            alive()
            yield bytes(chunk)
        await self._check()

    async def _check(self) -> None:
        source, meta = self.source, self._opened.meta
        if self.size != meta["size"]:
            raise CopyError(f"{source} changed while it was copied: {self.size} bytes came")
        if source.sha256 is not None:
            if self.digest.sha256 != source.sha256:
                raise CopyError(
                    f"{source} is corrupt: its SHA-256 is {self.digest.sha256.hex()}, "
                    f"expected {source.sha256.hex()}"
                )
            return
        after = await obstore.head_async(source.storage.objects, source.path)
        if any(after[key] != meta[key] for key in ("size", "e_tag", "last_modified")):
            raise CopyError(f"{source} changed while it was copied")


async def read_digest(source: Source, policy: Policy) -> Digest:
    """Read a file for its size and SHA-256. CopyError when it cannot be read, or is not as told."""

    async def once(alive: Callable[[], None]) -> Digest:
        reading = Reading(source, policy)
        await reading.open()
        async for _ in reading.chunks(alive):
            pass
        return reading.digest

    return await tried(f"reading {source}", policy, once)


async def read_small(storage: Storage, path: str, limit: int, policy: Policy) -> bytes:
    """Content of a file of at most `limit` bytes."""

    async def once(alive: Callable[[], None]) -> bytes:
        result = await obstore.get_async(storage.objects, path)
        alive()
        if result.meta["size"] > limit:
            raise CopyError(f"{storage.name}:{path} has {result.meta['size']} bytes, over {limit}")
        return bytes(await result.bytes_async())

    return await tried(f"reading {storage.name}:{path}", policy, once)


async def upload(source: Source, target: Storage, path: str, policy: Policy) -> Digest:
    """Copy into an object store: the object is replaced when the last byte has been checked."""

    async def once(alive: Callable[[], None]) -> Digest:
        reading = Reading(source, policy)
        size = await reading.open()
        chunks = reading.chunks(alive)
        if size <= PART:
            content = b"".join([chunk async for chunk in chunks])
            await obstore.put_async(target.objects, path, content, use_multipart=False)
        else:
            await obstore.put_async(
                target.objects, path, chunks, chunk_size=PART, max_concurrency=2
            )
        return reading.digest

    return await tried(f"copying {source} to {target.name}", policy, once)


async def download(source: Source, folder: Path, name: str, policy: Policy) -> tuple[Path, Digest]:
    """Copy into a folder under a temporary name, made durable; the caller renames it to `name`."""

    async def once(alive: Callable[[], None]) -> tuple[Path, Digest]:
        reading = Reading(source, policy)
        await reading.open()
        # Unique: a worker thought dead may still be writing one of the same tile.
        temporary = folder / f".{name}.{secrets.token_hex(6)}.part"
        try:
            with temporary.open("xb", buffering=0) as file:
                async for chunk in reading.chunks(alive):
                    await asyncio.to_thread(_write_all, file.fileno(), chunk)
                await asyncio.to_thread(os.fsync, file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary, reading.digest

    return await tried(f"copying {source}", policy, once)


def leftovers(folder: Path, name: str) -> list[Path]:
    """Temporary files of a copy of `name` that was killed."""
    return sorted(folder.glob(f".{glob.escape(name)}.*.part"))


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


async def _wait_turn(rate: AsyncLimiter | None, size: int, alive: Callable[[], None]) -> None:
    """Wait until `size` bytes may pass."""
    while rate is not None and size > 0:
        share = min(size, int(rate.max_rate))
        await rate.acquire(share)
        size -= share
        alive()


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]

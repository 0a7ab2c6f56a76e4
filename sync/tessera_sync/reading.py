"""A file of any store as a stream: at the agreed rate, hashed on the way, checked at its end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import obstore
from aiolimiter import AsyncLimiter

from tessera_sync.attempts import CopyError, Policy, tried
from tessera_sync.storage import Storage

CHUNK = 4 * 2**20
"""Bytes read at a time."""


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
        return int(_meta(self._opened, str(source))["size"])

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
        size = _meta(result, f"{storage.name}:{path}")["size"]
        if size > limit:
            raise CopyError(f"{storage.name}:{path} has {size} bytes, over {limit}")
        return bytes(await result.bytes_async())

    return await tried(f"reading {storage.name}:{path}", policy, once)


def _meta(opened: obstore.GetResult, what: str) -> obstore.ObjectMeta:
    """What a store says of an opened file. CopyError when its time is none of the calendar."""
    try:
        return opened.meta
    except ValueError as error:
        raise CopyError(f"{what} has no possible time, touch it: {error}") from error


async def _wait_turn(rate: AsyncLimiter | None, size: int, alive: Callable[[], None]) -> None:
    """Wait until `size` bytes may pass."""
    while rate is not None and size > 0:
        share = min(size, int(rate.max_rate))
        await rate.acquire(share)
        size -= share
        alive()

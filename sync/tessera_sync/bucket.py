"""The files of a store in an S3 bucket, listed by many requests at once.

A listing is a chain: each page of 1000 keys names the next. So a year is cut at longitudes into
chains of their own, but only while connections are free and enough is left to be worth a cut:
every cut costs a page that is read over the end.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import obstore
from obstore.exceptions import BaseError

from tessera_catalog import grid
from tessera_catalog.arrays import texts
from tessera_catalog.errors import Failed
from tessera_sync.batches import Batch, batch_of
from tessera_sync.storage import STORAGE_ERRORS, Storage, reason

if TYPE_CHECKING:
    from obstore import ObjectMeta

CONNECTIONS = 48
"""Chains followed at once."""

PAGE = 1000
"""Keys S3 gives at once."""

_WORTH_A_CUT = 6
"""Pages that must be left in a chain, as far as one can guess, before it is cut in two."""

_TRIES = 4
"""Attempts at a page, beyond the client's own at each request, before the scan gives up."""

_YEAR = re.compile(r"\d{4}")

Take = Callable[[Batch], Awaitable[None]]


@dataclass
class _Chain:
    """Keys of a year after `low` and before `high`; None is the end."""

    year: str
    low: str | None
    high: str | None


async def list_files(storage: Storage, take: Take) -> None:
    """Hand all files of the store to `take`, in batches in no order.

    Failed when the bucket cannot be listed to the end: half a listing is worse than none.
    """
    try:
        top = await obstore.list_with_delimiter_async(storage.objects)
        await take(_batch(top["objects"]))
        years = [name for name in top["common_prefixes"] if _YEAR.fullmatch(name)]
        await _Listing(storage, take).run(years)
    except (*STORAGE_ERRORS, ExceptionGroup) as raised:
        error = _first(raised)
        if not isinstance(error, STORAGE_ERRORS):
            raise error from None
        raise Failed(
            f"store '{storage.name}' ({storage.store.root}) could not be listed: {reason(error)}; "
            "nothing is recorded"
        ) from error


class _Listing:
    def __init__(self, storage: Storage, take: Take) -> None:
        self._storage = storage
        self._take = take
        self._running = 0
        self._slots = asyncio.Semaphore(CONNECTIONS)

    async def run(self, years: Sequence[str]) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            for year in years:
                self._start(_Chain(year, None, None))

    def _start(self, chain: _Chain) -> None:
        self._running += 1
        self._tasks.create_task(self._follow(chain))

    async def _follow(self, chain: _Chain) -> None:
        async with self._slots:
            begin, pages, failures = _place(chain.year, chain.low), 0, 0
            while True:
                try:
                    stream = obstore.list(
                        self._storage.objects, chain.year, offset=chain.low, chunk_size=PAGE
                    )
                    async for page in stream:
                        pages += 1
                        if await self._page(chain, list(page)):
                            break
                        self._cut(chain, begin, pages)
                    break
                except (BaseError, OSError):
                    failures += 1
                    if failures == _TRIES:
                        raise
                    await asyncio.sleep(failures)
        self._running -= 1

    async def _page(self, chain: _Chain, page: list[ObjectMeta]) -> bool:
        """Take what belongs to the chain; whether it ends here."""
        keys = [meta["path"] for meta in page]
        if any(a >= b for a, b in zip([chain.low or "", *keys], keys, strict=False)):
            raise Failed(
                f"store '{self._storage.name}' does not list its keys in order: scan a listing"
            )
        mine = len(page) if chain.high is None else bisect_left(keys, chain.high)
        if mine:
            await self._take(_batch(page[:mine]))
            chain.low = keys[mine - 1]
        return mine < len(page)

    def _cut(self, chain: _Chain, begin: int, pages: int) -> None:
        """Leave the second half of what remains to a chain of its own, if that is worth it."""
        labels = _labels(chain.year)
        here, end = _place(chain.year, chain.low), _place(chain.year, chain.high or "~")
        left = pages * (end - here) / max(here - begin, 1)
        middle = (here + end) // 2
        if self._running < CONNECTIONS and left >= _WORTH_A_CUT and here < middle < end:
            self._start(_Chain(chain.year, labels[middle], chain.high))
            chain.high = labels[middle]


def _first(error: Exception) -> Exception:
    """What went wrong first among things that ran together."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


@cache
def _labels(year: str) -> list[str]:
    """What the keys of each longitude begin with, in the order of keys."""
    longitudes = range(grid.WEST_I, -grid.WEST_I + 1, grid.SIZE)
    return sorted(f"{year}/grid_{grid.degrees(lon_i)}_" for lon_i in longitudes)


def _place(year: str, key: str | None) -> int:
    """How many longitudes come before a key."""
    return 0 if key is None else bisect_left(_labels(year), key)


def _batch(page: Sequence[ObjectMeta]) -> Batch:
    sizes = np.array([meta["size"] for meta in page], dtype=np.int64)
    times = [round(meta["last_modified"].timestamp() * 1e6) for meta in page]
    paths = texts([meta["path"] for meta in page])
    return batch_of(paths, sizes, np.array(times, dtype=np.int64))

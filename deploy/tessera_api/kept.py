"""Answers that take long to make, kept while what they are made from stays as it is."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """At most `size` values, one a key; the ones asked for last stay.

    One value is made at a time: who asks for it meanwhile waits and gets the same, and who asks
    for another does not add to the load.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, tuple[Hashable, T]] = OrderedDict()
        self._making = asyncio.Lock()

    async def get(self, key: Hashable, version: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The value of a key in this version, from `make` when it is not there."""
        if not self._has(key, version):
            async with self._making:
                if not self._has(key, version):
                    self._put(key, version, await make())
        self._values.move_to_end(key)
        return self._values[key][1]

    def _has(self, key: Hashable, version: Hashable) -> bool:
        return key in self._values and self._values[key][0] == version

    def _put(self, key: Hashable, version: Hashable, value: T) -> None:
        self._values[key] = version, value
        self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)

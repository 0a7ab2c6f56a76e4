"""What the API keeps in memory of the database, for as long as the catalogue's revision lasts."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg
from starlette.requests import Request

from tessera_api.caching import REVISION
from tessera_api.filters.properties import Properties
from tessera_api.queries import query

Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy

MAX_AGE = 60.0
"""Seconds after which the queryables are read again: an operator may edit them by hand."""

MAX_COUNTS = 10_000
"""Searches whose number of matches is remembered."""


@dataclass
class Snapshot:
    """One revision of the catalogue."""

    revision: str
    definitions: dict[str, dict[str, Any]]
    """JSON schemas of the queryables by name."""

    read_at: float
    counts: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Matches by search; the ones asked for last at the end."""

    base_items: dict[tuple[str, int | None], dict[str, Any]] = field(default_factory=dict)
    """By collection and number of the base item; None is the collection's first."""

    def __post_init__(self) -> None:
        self.properties = Properties(self.definitions)

    async def count(self, connection: Connection, search: str) -> int:
        """Matches of a search, a JSON text without what makes its page."""
        if search not in self.counts:
            self.counts[search] = await connection.fetchval(query("count"), search)
            if len(self.counts) > MAX_COUNTS:
                self.counts.popitem(last=False)
        self.counts.move_to_end(search)
        return self.counts[search]

    async def base_item(
        self, connection: Connection, collection: str, number: int | None
    ) -> dict[str, Any]:
        """What the items of a collection with that number have in common, without nulls."""
        key = (collection, number)
        if key not in self.base_items:
            found = await connection.fetchval(query("base_item"), collection, number) or {}
            self.base_items[key] = {k: v for k, v in found.items() if v is not None}
        return self.base_items[key]


async def snapshot(request: Request, connection: Connection) -> Snapshot:
    """The catalogue as it is now; read anew when its revision has changed."""
    state = request.app.state
    revision = request.scope.get(REVISION) or await connection.fetchval(query("revision"))
    known: Snapshot | None = getattr(state, "snapshot", None)
    now = time.monotonic()
    if known is None or known.revision != revision or now - known.read_at > MAX_AGE:
        definitions = await connection.fetchval(query("catalogue"))
        known = state.snapshot = Snapshot(revision, definitions, now)
    return known

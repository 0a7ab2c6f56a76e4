"""What the API keeps in memory of the database, for as long as the catalogue's revision lasts."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import asyncpg
from starlette.requests import Request

from tessera_api.caching import REVISION
from tessera_api.filters.properties import Properties
from tessera_api.queries import query

Connection: TypeAlias = asyncpg.pool.PoolConnectionProxy

MAX_AGE = 60.0
"""Seconds after which the queryables are read again: an operator may edit them by hand."""

MAX_KEPT = 10_000
"""Searches of which something is remembered."""

MAX_PLAN = 10_000
"""Characters of a condition that is remembered; those with large polygons are longer."""

T = TypeVar("T")


class Recent(OrderedDict[bytes, T]):
    """What was put last under at most `MAX_KEPT` texts, of which it keeps but a digest."""

    def find(self, text: str) -> T | None:
        """What was put under a text; None when there is nothing."""
        return self.get(_digest(text))

    def put(self, text: str, value: T) -> T:
        """Keep a value, and let go of the one that was put first when there are too many."""
        self[_digest(text)] = value
        if len(self) > MAX_KEPT:
            self.popitem(last=False)
        return value


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Plan:
    """What a search amounts to; the columns of sql/plan.sql."""

    condition: str
    forward: str
    backward: str
    key: str
    descending: bool
    id_breaks_ties: bool
    by_columns: bool


@dataclass
class Snapshot:
    """One revision of the catalogue."""

    revision: str
    properties: Properties
    placed: bool
    """Whether every item is a tile that the placements count."""

    all_stores: int | None
    """Copies of a tile that is on every store; None: it cannot be told by their number."""

    collections: list[dict[str, Any]]
    """Of each collection of tiles the values of `collection`, `tessera:dataset`, `tessera:year`."""

    literals: dict[str, str]
    """All collections as SQL writes them, in the order that it sorts them."""

    years: range
    """Years that items may be of."""

    read_at: float
    plans: Recent[Plan] = field(default_factory=Recent)
    counts: Recent[int] = field(default_factory=Recent)
    """Matches by condition."""

    tiles: Recent[dict[str, int]] = field(default_factory=Recent)
    """Tiles of each collection by search of the placements."""

    base_items: dict[tuple[str, int | None], dict[str, Any]] = field(default_factory=dict)
    """By collection and number of the base item; None is the collection's first."""

    def year_of(self, collection: str | None) -> int | None:
        """Year of a collection of tiles; None of any other."""
        for one in self.collections:
            if one["collection"] == collection:
                return int(one["tessera:year"])
        return None

    async def plan(self, connection: Connection, search: str) -> Plan:
        """What a search amounts to, a JSON text without what makes its page."""
        known = self.plans.find(search)
        if known is not None:
            return known
        plan = Plan(**await connection.fetchrow(query("plan"), search))
        return self.plans.put(search, plan) if len(plan.condition) <= MAX_PLAN else plan

    async def count(self, connection: Connection, condition: str) -> int:
        """How many items a condition of pgSTAC's holds for."""
        known = self.counts.find(condition)
        if known is not None:
            return known
        statement = f"SELECT count(*) FROM items WHERE {condition}"  # noqa: S608
        return self.counts.put(condition, await connection.fetchval(statement))

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
    if known is None or known.revision != revision or time.monotonic() - known.read_at > MAX_AGE:
        known = state.snapshot = await _read(connection, revision)
    return known


async def _read(connection: Connection, revision: str) -> Snapshot:
    row = await connection.fetchrow(query("catalogue"))
    queryables = row["queryables"]
    properties = Properties(
        {name: each["definition"] for name, each in queryables.items()},
        [name for name, each in queryables.items() if str(each["index"]).upper() == "BTREE"],
    )
    return Snapshot(
        revision,
        properties,
        row["placed"],
        row["all_stores"],
        row["collections"],
        row["literals"],
        range(max(row["first_year"] or 1, 1), (row["last_year"] or 0) + 1),
        time.monotonic(),
    )

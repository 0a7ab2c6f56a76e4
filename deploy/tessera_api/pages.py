"""Pages of searches: which rows of pgstac.items they have, in their order.

The steps of pgSTAC's search() less its formatting, which takes most of its time, and with the rows
looked for in parts, one after the other until the page is full, each of which an index leads to:
when sorted by time a year at a time (all partitions at once would each have to find its first
match, though the newest year has enough of them); and beginning where the page before ended, which
search() looks for in every row of the catalogue, by a comparison no index serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import orjson

from tessera_api.catalogue import Connection, Plan, Snapshot
from tessera_api.errors import InvalidParameter
from tessera_api.placements import Narrowed
from tessera_api.queries import query
from tessera_api.searches import Token
from tessera_catalog.grid import parse_tile_name

_COLUMNS = "collection, id, ST_AsGeoJSON(geometry, 20) AS geometry, content::text AS content"

_NEVER_NULL = ("datetime", "end_datetime", "id", "collection")


@dataclass(frozen=True)
class After:
    """Where a page begins: the columns of sql/after.sql."""

    condition: str
    value: str | None
    year: int
    collection: str


async def page(
    connection: Connection, short: Narrowed, token: Token, limit: int, catalogue: Snapshot
) -> list[asyncpg.Record]:
    """The rows of a page, and one more if there is another page; backwards if the token is.

    The columns are collection, id, geometry and content, the latter two as JSON texts.
    InvalidParameter when the item that the token names is not there.
    """
    asked = _text(short.asked)
    plan = await catalogue.plan(connection, asked)
    after = None if token.id is None else await _after(connection, asked, plan, token, catalogue)
    rows: list[asyncpg.Record] = []
    if short.matched == 0:
        return rows
    for condition, order in _parts(plan, after, token.backward, catalogue):
        conditions = [condition, after and after.condition, *short.sooner, plan.condition]
        where = " AND ".join(f"({each})" for each in conditions if each)
        rows += await connection.fetch(
            f"SELECT {_COLUMNS} FROM items WHERE {where} "  # noqa: S608  # pgSTAC's own conditions
            f"ORDER BY {order} LIMIT {limit + 1 - len(rows)}"
        )
        if len(rows) > limit:
            break
    return rows


async def _after(
    connection: Connection, asked: str, plan: Plan, token: Token, catalogue: Snapshot
) -> After:
    """Where the token's page begins; InvalidParameter when the item it names is not there."""
    known = _after_tile(plan, token, catalogue)
    if known is not None:
        return known
    row = await connection.fetchrow(
        query("after"), asked, token.collection, token.id, token.backward,
        plan.key, plan.descending, plan.by_columns,
    )  # fmt: skip
    if row is None:
        raise InvalidParameter("the item that the token names does not exist any more")
    return After(**row)


def _after_tile(plan: Plan, token: Token, catalogue: Snapshot) -> After | None:
    """The same of a tile in the usual order, which need not be looked up; None for all else."""
    year = catalogue.year_of(token.collection)
    begun, _, name = str(token.id).partition("_")
    if not plan.by_columns or year is None or begun != str(year) or not parse_tile_name(name):
        return None
    time = f"'{year:04}-01-01Z'"
    collection = catalogue.literals[str(token.collection)]
    beyond = "<" if plan.descending != token.backward else ">"
    condition = f"(datetime, collection, id) {beyond} ({time}, {collection}, '{token.id}')"
    return After(condition, time, year, str(token.collection))


async def matched(connection: Connection, short: Narrowed, catalogue: Snapshot) -> int:
    """How many items a search matches, whatever its page."""
    if short.matched is not None:
        return short.matched
    plan = await catalogue.plan(connection, _text(short.asked))
    return await catalogue.count(connection, plan.condition)


def _text(asked: dict[str, object]) -> str:
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS).decode()


def _parts(
    plan: Plan, after: After | None, backward: bool, catalogue: Snapshot
) -> Iterator[tuple[str | None, str]]:
    """Conditions that part the items, and the order within each, in the order of the page."""
    order = plan.backward if backward else plan.forward
    descending = plan.descending != backward
    if plan.key == "datetime":
        years = [y for y in catalogue.years if after is None or _not_before(y, after, descending)]
        for year in reversed(years) if descending else years:
            yield f"datetime >= '{year:04}-01-01Z' AND datetime < '{year + 1:04}-01-01Z'", order
        return
    nullable = plan.key not in _NEVER_NULL
    without = list(_without(plan, after, descending, order, catalogue)) if nullable else []
    value = after and after.value
    # Items without a value come first when descending and last when ascending.
    if descending:
        yield from without
    if after is None or value is not None or descending:
        if value is not None:
            yield f"{plan.key} {'<=' if descending else '>='} {value}", order
        else:
            yield (f"{plan.key} IS NOT NULL" if nullable else None), order
    if not descending:
        yield from without


def _not_before(year: int, after: After, descending: bool) -> bool:
    began: int = after.year
    return year <= began if descending else year >= began


def _without(
    plan: Plan, after: After | None, descending: bool, order: str, catalogue: Snapshot
) -> Iterator[tuple[str, str]]:
    """The parts without a value of the key: a collection each, in which ids alone sort them."""
    if after is not None and after.value is not None and descending:
        return
    if not plan.id_breaks_ties:
        yield f"{plan.key} IS NULL", order
        return
    ids = list(catalogue.literals)
    if descending:
        ids.reverse()
    if after is not None and after.value is None and after.collection in ids:
        ids = ids[ids.index(after.collection) :]
    for identifier in ids:
        condition = f"{plan.key} IS NULL AND collection = {catalogue.literals[identifier]}"
        yield condition, "id DESC" if descending else "id"

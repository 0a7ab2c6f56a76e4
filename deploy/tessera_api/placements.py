"""Searches made shorter by what is known of tiles, and of where they have their copies.

The placements say of each collection how many tiles are on which stores. What a search asks of
year, dataset and stores alone they answer by themselves: how many items match, and in which
collections there are any, so that no other is looked into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from tessera_api.catalogue import Connection, Snapshot
from tessera_api.filters.properties import names
from tessera_api.queries import query

STORES, MISSING = "tessera:stores", "tessera:missing_stores"
COPIES, MEMBER = "tessera:store_count", "tessera:in_"

_STORE = re.compile("[a-z0-9_]+")
"""A store's name; what is none may need quoting, and no item has it."""

CODE, CODE_PREFIX = {"property": "grid:code"}, "TESSERA-"
"""What is behind the prefix is an id without its year."""

PLACED = {
    "collection",
    "datetime",
    "start_datetime",
    "end_datetime",
    "tessera:year",
    "tessera:dataset",
    STORES,
    MISSING,
    COPIES,
}
"""What the tiles of a placement have in common, as sql/placements.sql has it."""

Json = Any


@dataclass(frozen=True)
class Narrowed:
    """A search, as pgSTAC takes it, and how many items match it (None: not known yet)."""

    asked: dict[str, Json]
    matched: int | None

    sooner: tuple[str, ...] = ()
    """Conditions in SQL that follow from the search's own, and take less to check."""


async def narrowed(connection: Connection, asked: dict[str, Json], catalogue: Snapshot) -> Narrowed:
    """An equal search that looks into fewer collections and asks them for less."""
    if not catalogue.placed:
        return Narrowed(asked, None)
    asked = dict(asked)
    placed, others = _split(_by_id(_by_stores(asked.pop("filter", None), catalogue), catalogue))
    where: dict[str, Json] = {n: asked[n] for n in ("collections", "datetime") if n in asked}
    all_tiles = await _tiles(connection, {}, catalogue)
    tiles = await _tiles(connection, {**where, **_filter(placed)}, catalogue)
    if len(tiles) < len(all_tiles):
        asked["collections"] = sorted(tiles)
    if any(tiles[collection] != all_tiles[collection] for collection in tiles):
        others = [*placed, *others]
        exact = len(others) == len(placed)
    else:
        exact = not others
    certain = exact and not {"ids", "intersects"} & set(asked)
    matched = sum(tiles.values()) if certain or not tiles else None
    sooner = tuple(filter(None, (_sooner(part) for part in others)))
    return Narrowed({**asked, **_filter(others)}, matched, sooner)


async def _tiles(
    connection: Connection, asked: dict[str, Json], catalogue: Snapshot
) -> dict[str, int]:
    """Tiles by collection, of the collections that have any."""
    text = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS).decode()
    known = catalogue.tiles.find(text)
    if known is not None:
        return known
    condition = await connection.fetchval(query("condition"), text)
    rows = await connection.fetch(query("placements").format(where=condition))
    return catalogue.tiles.put(text, {row["collection"]: row["tiles"] for row in rows})


def _split(tree: Json) -> tuple[list[Json], list[Json]]:
    """The parts of a filter that must all hold: those about placements alone, and the others."""
    if tree is None:
        return [], []
    parts = tree["args"] if tree["op"] == "and" else [tree]
    placed = [part for part in parts if names(part) <= PLACED]
    return placed, [part for part in parts if part not in placed]


def _filter(parts: list[Json]) -> dict[str, Json]:
    if not parts:
        return {}
    return {"filter": parts[0] if len(parts) == 1 else {"op": "and", "args": parts}}


def _by_stores(node: Json, catalogue: Snapshot) -> Json:
    """The filter with memberships of stores asked of the one array of them, which is indexed.

    No index finds what an array lacks; but it has fewer members then than it could have, and
    these are few.
    """
    if not isinstance(node, dict) or "op" not in node:
        return node
    operator, arguments = node["op"], node["args"]
    if operator in ("=", "<>"):
        store, held = _membership(arguments, catalogue)
        if store is not None:
            contains = {"op": "a_contains", "args": [{"property": STORES}, [store]]}
            wanted = held if operator == "=" else not held
            return contains if wanted else _lacking(contains, catalogue.all_stores)
    if operator == "not" and arguments[0].get("op") == "a_contains":
        (contains,) = arguments
        if contains["args"][0] == {"property": STORES} and isinstance(contains["args"][1], list):
            return _lacking(contains, catalogue.all_stores)
    if operator in ("and", "or", "not"):
        return {"op": operator, "args": [_by_stores(each, catalogue) for each in arguments]}
    return node


def _membership(arguments: list[Json], catalogue: Snapshot) -> tuple[str | None, bool]:
    """The store and the truth that `tessera:in_{store}` is compared with."""
    for one, other in (arguments, arguments[::-1]):
        name = one.get("property", "") if isinstance(one, dict) else ""
        if name.startswith(MEMBER) and isinstance(other, bool) and catalogue.properties.has(name):
            return name.removeprefix(MEMBER), other
    return None, False


def _sooner(part: Json) -> str | None:
    """What jsonb's own operator says of the members of an array of stores.

    pgSTAC makes an array of texts of each item's for that, which takes thrice as long; but it is
    what the index is on. The planner expects as many items as without it: it takes for granted
    that hardly anything is null.
    """
    if part["op"] != "a_contains":
        return None
    array, stores = part["args"]
    if array not in ({"property": STORES}, {"property": MISSING}) or not isinstance(stores, list):
        return None
    if not all(map(_STORE.fullmatch, stores)):
        return None
    members = ",".join(f'"{store}"' for store in stores)
    contained = f"content -> 'properties' -> '{array['property']}' ?& '{{{members}}}'"
    return f"nullif(coalesce({contained}, TRUE), FALSE) IS NOT NULL"


def _by_id(node: Json, catalogue: Snapshot) -> Json:
    """The filter with a tile's code on the grid told by its id, which is indexed."""
    if isinstance(node, list):
        return [_by_id(each, catalogue) for each in node]
    if not isinstance(node, dict) or str(node.get("op")).lower() == "isnull":
        return node
    if node.get("op") in ("=", "in") and node["args"][0] == CODE:
        codes = node["args"][1] if node["op"] == "in" else [node["args"][1]]
        if all(isinstance(code, str) for code in codes):
            return _of_codes(codes, catalogue)
    if node == CODE:
        return {"op": "geotessera_grid_code", "args": [{"property": "id"}]}
    return {key: _by_id(value, catalogue) for key, value in node.items()}


def _of_codes(codes: list[str], catalogue: Snapshot) -> Json:
    """The ids of the tiles of some codes, whichever year they are of."""
    names = [code.removeprefix(CODE_PREFIX) for code in codes if code.startswith(CODE_PREFIX)]
    years = sorted({each["tessera:year"] for each in catalogue.collections})
    ids = [f"{year:04}_{name}" for year in years for name in names]
    if not ids:
        return {"op": "=", "args": [1, 0]}
    return {"op": "in", "args": [{"property": "id"}, ids]}


def _lacking(contains: Json, all_stores: int | None) -> Json:
    lacking = {"op": "not", "args": [contains]}
    if all_stores is None or not contains["args"][1]:
        return lacking
    fewer = {"op": "<", "args": [{"property": COPIES}, all_stores]}
    return {"op": "and", "args": [fewer, lacking]}

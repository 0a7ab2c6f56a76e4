"""How cost grows with the catalogue: the same work at 0.4 million tiles and at more, side by side.

What is done with every tile counts by the tile; what an answer takes, counts as it is.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from catalogues import load, migrate, vacuum
from harness import BIN, FULL, Bench, Row, connect, note, peak_memory, run, seconds
from psycopg import sql
from searching import LACKING, OF_PLACEMENTS, OF_TILES, OURS
from serving import Client, Request, serving

BASE = 400_000
"""Tiles that others are held against."""

PER_TILE = "a million tiles"
"""In the unit of what counts by the tile."""

SIZES = (BASE, FULL, 16_000_000)

_SIZE = """
    SELECT sum(pg_total_relation_size(c.oid))::float8
    FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.relnamespace = '{}'::regnamespace
"""

_KENYA = "SELECT count(*), sum(embeddings_size) FROM tessera.tiles_in({box}, 2024)"


@dataclass(frozen=True)
class Cost:
    """What a piece of work took at one size."""

    value: float
    unit: str
    reach: str
    each: bool
    """Whether it is done with every tile, and so counts by the tile."""


def rows(bench: Bench) -> Iterator[Row]:
    """Measure each size up to the bench's, and hold it against the smallest."""
    land = _land()
    sizes = sorted({min(size, land) for size in SIZES if size <= max(bench.tiles, BASE)})
    base = _costs(bench, sizes[0])
    for size in sizes[1:]:
        costs = _costs(bench, size)
        for name, cost in costs.items():
            before, now = (
                1e6 * each.value / tiles if each.each else each.value
                for each, tiles in ((base[name], sizes[0]), (cost, size))
            )
            unit = f"{cost.unit}{f' {PER_TILE}' if cost.each else ''}; at {sizes[0]:,}"
            yield Row(f"growth: {name}", before, now, now / before, cost.reach, "", unit, size)


def _land() -> int:
    """As many synthetic tiles as there can be: nine years of land, but what stores have besides."""
    from tessera_catalog.land import land_cells
    from tessera_catalog.synthetic_tiles import SHARES

    return int(0.999 * len(SHARES) * len(land_cells()))


def _costs(bench: Bench, tiles: int) -> dict[str, Cost]:
    """What everything takes at a size; its data are made and gone again."""
    data = bench.synthetic(tiles)
    registry = data / "registry.parquet"
    link = [BIN / "tessera-sync", "link", "--data", data, "--json"]
    plan = [BIN / "tessera-sync", "plan", "okavango", "scaleway", "--data", data, "--json"]
    with bench.database() as environment:
        migrate(environment)
        note(f"growth: load and link {tiles:,}")
        found = {
            "load": Cost(load(registry, environment), "s", "<= 1.3", each=True),
            "reload": Cost(load(registry, environment), "s", "", each=True),
            "first link": Cost(seconds(lambda: run(link, environment)), "s", "<= 1.3", each=True),
            "plan": Cost(_median(lambda: run(plan)), "s", "<= 1.3", each=True),
            "plan, peak memory": Cost(peak_memory(plan), "GB", "", each=False),
        }
        vacuum(environment)
        found |= _sizes(environment)
        found |= _answers(environment)
        found |= _sums(environment)
    bench.forget(tiles)
    return found


def _sizes(environment: dict[str, str]) -> dict[str, Cost]:
    """Bytes of tables with their indexes."""
    with connect(environment) as connection:
        return {
            f"{schema}: tables and indexes": Cost(
                _one(connection.execute(sql.SQL(_SIZE.format(schema))).fetchone()) / 1e9, "GB",
                "<= 1.3", each=True)
            for schema in ("tessera", "pgstac")
        }  # fmt: skip


def _answers(environment: dict[str, str]) -> dict[str, Cost]:
    """Milliseconds of answers of the API."""
    requests = {
        "first page": Request("/search?limit=10"),
        "search 100 items": Request("/search?limit=100"),
        "missing from a store": Request("/search", {"filter": LACKING, "limit": 10}),
        "coverage, warm": Request("/coverage/geotessera-2024.png"),
        "summary": Request("/summary"),
    }
    with serving(OURS, environment) as port:
        client = Client(port)
        cold = 1000 * seconds(lambda: client.send(requests["coverage, warm"]))
        found = {"coverage, made for the first time": Cost(cold, "ms", "", each=False)}
        for name, request in requests.items():
            found[name] = Cost(client.times([request]).p50, "ms", "", each=False)
    return found


def _sums(environment: dict[str, str]) -> dict[str, Cost]:
    """Seconds of an analyst's sums."""
    kenya = _KENYA.format(box="ST_MakeEnvelope(34, -4.7, 41.9, 5.5, 4326)")
    queries = {
        "bytes by year and store: placements": (OF_PLACEMENTS, False),
        "bytes by year and store: tiles": (OF_TILES, True),
        "bytes of an area": (kenya, False),
    }
    with connect(environment) as connection:
        return {
            name: Cost(
                _median(lambda query=query: connection.execute(sql.SQL(query)).fetchall()), "s",
                "", each=each)
            for name, (query, each) in queries.items()
        }  # fmt: skip


def _median(work: Callable[[], object]) -> float:
    return statistics.median(seconds(work) for _ in range(3))


def _one(row: tuple[object, ...] | None) -> float:
    assert row is not None
    return float(json.loads(str(row[0])))

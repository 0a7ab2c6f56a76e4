"""The rows about the API, beside stock stac-fastapi-pgstac with its default settings.

Both serve the same items from one server, each by one process on a database of its own. Ours counts
the matches of every search besides, which the stock server does not when it is not told to.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import stock
from catalogues import linked
from harness import FULL, Bench, Row, connect, median, note, seconds
from psycopg import sql
from serving import Client, Request, Times, serving, throughput

OURS, THEIRS = "tessera_api.app:create_app", "stac_fastapi.pgstac.app:create_app"

_SMALL = 60_000
"""Tiles of the rows that are not marked *: of more, the stock server's time goes into sorting."""

_BITMAP = 810_000
"""Bytes of the bitmap of a year that the first server sent."""

LACKING = {"op": "a_contains", "args": [{"property": "tessera:missing_stores"}, ["scaleway"]]}

_OF_ITEMS = """
    SELECT content -> 'properties' ->> 'tessera:year', store,
           sum(coalesce((content #>> '{assets,embeddings,file:size}')::bigint, 0)
               + coalesce((content #>> '{assets,embeddings_scales,file:size}')::bigint, 0))
    FROM pgstac.items,
         jsonb_array_elements_text(content -> 'properties' -> 'tessera:stores') AS held (store)
    GROUP BY 1, 2 ORDER BY 1, 2
"""

OF_PLACEMENTS = """
    SELECT c.year::text, store, sum(p.bytes)
    FROM tessera.placement p JOIN tessera.collection c USING (collection), unnest(stores) AS store
    GROUP BY 1, 2 ORDER BY 1, 2
"""

OF_TILES = """
    SELECT year::text, store, sum(bytes)
    FROM (SELECT year, stores, sum(coalesce(embeddings_size, 0) + coalesce(scales_size, 0)) AS bytes
          FROM tessera.tile GROUP BY year, stores) AS t, unnest(stores) AS store
    GROUP BY 1, 2 ORDER BY 1, 2
"""

_NEWEST = """
    SELECT id, collection, ST_AsGeoJSON(geometry), content::text FROM pgstac.items {}
    ORDER BY datetime DESC, collection DESC, id DESC LIMIT {}
"""

_WHERE_LACKING = """
    WHERE pgstac.to_text_array(content -> 'properties' -> 'tessera:missing_stores')
          @> ARRAY['scaleway']
"""


@dataclass(frozen=True)
class Pair:
    """Both APIs, by their ports, and the databases they serve the same items from."""

    tiles: int
    ours: int
    theirs: int
    our_database: dict[str, str]
    their_database: dict[str, str]

    def row(self, name: str, rival: float, ours: float, ratio: float, reach: str, aim: str,
            unit: str) -> Row:  # fmt: skip
        """A row at this size."""
        star = "*" if self.tiles >= FULL else "" if self.tiles == _SMALL else "(*)"
        return Row(f"{star} {name}".strip(), rival, ours, ratio, reach, aim, unit, self.tiles)

    def search(self, name: str, requests: list[Request], reach: str, aim: str = "",
               *, same: bool = True) -> Row:  # fmt: skip
        """Medians of what both take; SystemExit unless the first finds the `same` items of both."""
        note(f"{name} ({self.tiles:,} tiles)")
        ports = self.theirs, self.ours
        stocks, found = (_ids(Client(port).send(requests[0])) for port in ports)
        if not found or (same and found != stocks):
            raise SystemExit(f"{name}: {len(found)} items, and {len(stocks)} others of stock")
        rival, ours = (Client(port).times(requests) for port in ports)
        unit = f"ms; stock stac-fastapi-pgstac; {_p95(rival, ours)}"
        return self.row(name, rival.p50, ours.p50, rival.p50 / ours.p50, reach, aim, unit)


def rows(bench: Bench) -> Iterator[Row]:
    """Measure searches, pages, throughput, sums by year and store, and the coverage picture."""
    if bench.tiles >= FULL:
        with _pair(bench, _SMALL) as small:
            yield from _searches(small)
    with _pair(bench, bench.tiles) as pair:
        for part in (_searches, _growing, _floors, _deep, _many, _bytes, _coverage):
            yield from part(pair)


@contextmanager
def _pair(bench: Bench, tiles: int) -> Iterator[Pair]:
    """A catalogue of synthetic tiles, linked, served by both."""
    with ExitStack() as stack:
        ours = linked(bench, tiles).environment
        theirs = stack.enter_context(bench.database())
        note("the same items into an untouched pgSTAC database")
        stock.fill(ours, theirs)
        ports = (
            stack.enter_context(serving(application, environment))
            for application, environment in ((OURS, ours), (THEIRS, theirs))
        )
        yield Pair(tiles, *ports, ours, theirs)


def _searches(pair: Pair) -> Iterator[Row]:
    yield pair.search("search 100 items", [Request("/search?limit=100")], ">= 2.2", ">= 4")
    yield pair.search("search 1000 items", [Request("/search?limit=1000")], ">= 2", ">= 6")


def _growing(pair: Pair) -> Iterator[Row]:
    """What takes longer the larger the catalogue is, unless something is done about it."""
    yield pair.search("first page", [Request("/search?limit=10")], ">= 5", ">= 20")
    lacking = Request("/search", {"filter": LACKING, "limit": 10})
    yield pair.search("missing from a store", [lacking], ">= 20", ">= 100")
    yield pair.search("search of a small box", _boxes(pair), ">= 1")
    # The stock server takes latitudes for texts, and finds others to be the last.
    by_latitude = [Request("/search?limit=10&sortby=-properties.tessera:lat")]
    yield pair.search("sorted by latitude", by_latitude, ">= 1", same=False)


def _floors(pair: Pair) -> Iterator[Row]:
    """Answers beside what the database takes to hand out the same items, without counting them."""
    lacking = Request("/search", {"filter": LACKING, "limit": 10})
    for name, request, query in (
        ("search 100 items", Request("/search?limit=100"), _NEWEST.format("", 100)),
        ("search 1000 items", Request("/search?limit=1000"), _NEWEST.format("", 1000)),
        ("missing from a store", lacking, _NEWEST.format(_WHERE_LACKING, 10)),
    ):
        with connect(pair.our_database) as connection:
            alone = 1000 * median(
                lambda query=query: connection.execute(sql.SQL(query)).fetchall(), runs=30
            )
        ours = Client(pair.ours).times([request])
        unit = f"ms; the SQL alone; {_p95(ours)}"
        yield pair.row(f"{name}, its SQL", alone, ours.p50, ours.p50 / alone, "", "", unit)


def _deep(pair: Pair) -> Iterator[Row]:
    """The 100th page of 100 items, beside the stock server's and beside our first."""
    client, first = Client(pair.ours), Request("/search?limit=100")
    page = first
    for _ in range(99):
        links = json.loads(client.send(page))["links"]
        following = next(link["href"] for link in links if link["rel"] == "next")
        page = Request(following[following.index("/search") :])
    yield pair.search("100th page", [page], ">= 1")
    rival, ours = (Client(pair.ours).times([each]) for each in (first, page))
    yield pair.row("100th page, our own first", rival.p50, ours.p50, ours.p50 / rival.p50,
                   "<= 1.2", "<= 1", f"ms; {_p95(rival, ours)}")  # fmt: skip


def _many(pair: Pair) -> Iterator[Row]:
    note("16 clients at once")
    (their_rate, rival), (our_rate, ours) = (
        throughput(port, _boxes(pair)) for port in (pair.theirs, pair.ours)
    )
    unit = f"answers a second, none an error; stock; ms: {_p95(rival, ours)}"
    yield pair.row("16 clients, small boxes", their_rate, our_rate, our_rate / their_rate,
                   ">= 1", "", unit)  # fmt: skip


def _boxes(pair: Pair) -> list[Request]:
    """Searches of squares of a degree around tiles from everywhere, 100 items at most."""
    with connect(pair.our_database) as connection:
        centres = connection.execute(
            "SELECT lon, lat FROM tessera.tile WHERE abs(lon) < 179 AND abs(lat) < 89 "
            "ORDER BY hashint8(id) LIMIT 200"
        ).fetchall()
    return [
        Request(f"/search?limit=100&bbox={x - 0.5:.2f},{y - 0.5:.2f},{x + 0.5:.2f},{y + 0.5:.2f}")
        for x, y in random.Random(1).sample(centres, 100)
    ]


def _bytes(pair: Pair) -> Iterator[Row]:
    """What each store holds of each year, by SQL."""
    note("bytes by year and store")
    rival, expected = _asked(pair.their_database, _OF_ITEMS)
    for name, query in (("placements", OF_PLACEMENTS), ("tiles", OF_TILES)):
        ours, found = _asked(pair.our_database, query)
        if found != expected:
            raise SystemExit(f"bytes by year and store: the {name} tell others than the items")
        yield pair.row(f"bytes by year and store: {name}", rival, ours, rival / ours, ">= 10",
                       ">= 50", "s; SQL over the items' JSON")  # fmt: skip


def _coverage(pair: Pair) -> Iterator[Row]:
    """The largest year's picture: its size, made for the first time, and sent again."""
    note("coverage of a year")
    with connect(pair.our_database) as connection:
        ((year,),) = connection.execute(
            "SELECT collection FROM tessera.collection ORDER BY tiles DESC LIMIT 1"
        ).fetchall()
    request = Request(f"/coverage/{year}.png")
    with serving(OURS, pair.our_database) as port:
        client = Client(port)
        cold = 1000 * seconds(lambda: client.send(request))
        size = len(client.send(request))
        warm = client.times([request])
    yield pair.row("coverage of a year, size", _BITMAP / 1000, size / 1000, size / 1000,
                   "<= 150", "", "kB, ours counts; the first server's bitmap")  # fmt: skip
    yield pair.row("coverage of a year, warm", cold, warm.p50, warm.p50, "",
                   "<= 10", f"ms, ours counts; made for the first time; {_p95(warm)}")  # fmt: skip


def _asked(environment: dict[str, str], query: str) -> tuple[float, list[object]]:
    """Seconds of a query, the median of three runs, and its rows."""
    rows: list[object] = []
    taken = []
    with connect(environment) as connection:
        for _ in range(3):
            begun = time.perf_counter()
            rows = list(connection.execute(sql.SQL(query)).fetchall())
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken), rows


def _ids(content: bytes) -> set[str]:
    return {item["id"] for item in json.loads(content)["features"]}


def _p95(*times: Times) -> str:
    return "p95 " + " and ".join(f"{each.p95:.3g}" for each in times)

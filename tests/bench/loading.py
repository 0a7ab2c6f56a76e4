"""The rows about tessera-load."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

from catalogues import load, loaded, migrate, vacuum
from harness import BIN, FULL, Bench, Row, connect, note, run, seconds
from psycopg import sql

from tessera_catalog.collections import ITEM_ASSETS

_SMALL = 150_000
_GROWTH = 400_000
_TURNS = 3


def rows(bench: Bench) -> Iterator[Row]:
    """Measure loading against pypgstac and the floor, reloading, and growth."""
    yield _against_pypgstac(bench)
    yield from _at_size(bench)


def _against_pypgstac(bench: Bench) -> Row:
    """Load the same tiles with pypgstac's loader into a pgSTAC database nobody has touched."""
    items, collections = bench.folder / "items.ndjson", bench.folder / "collections.ndjson"
    registry = bench.synthetic(_SMALL) / "registry.parquet"
    took: dict[str, list[float]] = {"ours": [], "rival": []}
    # In turn: what else the machine does comes and goes.
    for turn in range(_TURNS):
        note(f"load {_SMALL:,}: ours")
        with bench.database() as environment:
            migrate(environment)
            took["ours"].append(load(registry, environment))
            if turn == 0:
                _export(environment, items, collections)
        note(f"load {_SMALL:,}: pypgstac")
        with bench.database() as environment:
            pypgstac = BIN / "pypgstac"
            run([pypgstac, "migrate"], environment)
            run([pypgstac, "load", "collections", collections], environment)
            load_items = [pypgstac, "load", "items", items]
            took["rival"].append(seconds(lambda: run(load_items, environment)))  # noqa: B023
    ours, rival = statistics.median(took["ours"]), statistics.median(took["rival"])
    return Row(
        "load", rival, ours, rival / ours, ">= 2.5", ">= 6", "s; pypgstac load items", _SMALL
    )


def _at_size(bench: Bench) -> Iterator[Row]:
    """Load, reload and the floor at the bench's size; growth from the smaller size."""
    star = "*" if bench.tiles >= FULL else "(*)"
    # First, while no other database gives the server anything to do.
    small = _load_of_less(bench) if bench.tiles > _GROWTH else None
    catalogue = loaded(bench, bench.tiles)
    ours = catalogue.seconds
    note(f"reload {bench.tiles:,}")
    again = statistics.median(load(catalogue.registry, catalogue.environment) for _ in range(3))
    note("the floor: binary COPY of the finished rows, and their indexes")
    floor = _floor(bench, catalogue.environment)
    vacuum(catalogue.environment)
    unit = "s, one run; COPY of finished rows + indexes"
    yield Row(f"{star} load, whole", floor, ours, ours / floor, "<= 3", "<= 1.5", unit, bench.tiles)
    unit = "s; our own load"
    yield Row(f"{star} reload, nothing changed", ours, again, again / ours, "<= 0.10", "<= 0.05",
              unit, bench.tiles)  # fmt: skip
    unit = "GB, ours counts; beside it the registry's file"
    file = catalogue.registry.stat().st_size / 1e9
    memory = catalogue.memory
    yield Row(f"{star} load, peak memory", file, memory, memory, "", "<= 1", unit, bench.tiles)
    if small is not None:
        each, each_small = 1e6 * ours / bench.tiles, 1e6 * small / _GROWTH
        unit = f"us a tile, one run each; at {_GROWTH:,}"
        yield Row(f"{star} growth of the load", each_small, each, each / each_small, "<= 1.3",
                  "<= 1.1", unit, bench.tiles)  # fmt: skip


def _load_of_less(bench: Bench) -> float:
    with bench.database() as environment:
        migrate(environment)
        note(f"load {_GROWTH:,}")
        return load(bench.synthetic(_GROWTH) / "registry.parquet", environment)


def _export(environment: dict[str, str], items: Path, collections: Path) -> None:
    """Write all items, whole, and all collections as pypgstac reads them."""
    with connect(environment) as connection, collections.open("w") as out:
        for (collection,) in connection.execute("SELECT content FROM pgstac.collections"):
            out.write(json.dumps(collection) + "\n")
    with (
        connect(environment) as connection,
        items.open("w") as out,
        connection.cursor(name="items") as cursor,
    ):
        cursor.itersize = 5000
        query = "SELECT id, collection, ST_AsGeoJSON(geometry)::json, content FROM pgstac.items"
        for identifier, collection, geometry, content in cursor.execute(query):
            # What pgSTAC leaves out of a stored item, put in again: its own function takes longer
            # for these than both loads together.
            item = {
                **content,
                "type": "Feature",
                "stac_version": "1.1.0",
                "id": identifier,
                "collection": collection,
                "geometry": geometry,
                "links": [],
                "assets": {
                    key: {**ITEM_ASSETS[key], **asset}
                    for key, asset in content["assets"].items()
                    if isinstance(asset, dict)
                },
            }
            out.write(json.dumps(item, separators=(",", ":")) + "\n")


def _floor(bench: Bench, environment: dict[str, str]) -> float:
    """Seconds to COPY the rows of all items, as they lie there, and to build the same indexes."""
    rows = bench.folder / "items.copy"
    with connect(environment) as connection:
        with (
            rows.open("wb") as out,
            connection.cursor().copy(
                "COPY (SELECT * FROM pgstac.items) TO STDOUT (FORMAT binary)"
            ) as copy,
        ):
            for part in copy:
                out.write(part)

        def write() -> None:
            connection.execute("SET LOCAL search_path = pgstac, public")
            connection.execute("CREATE TABLE floor (LIKE pgstac.queryable_index_template)")
            with (
                rows.open("rb") as source,
                connection.cursor().copy("COPY floor FROM STDIN (FORMAT binary)") as copy,
            ):
                while part := source.read(2**20):
                    copy.write(part)
            for (statement,) in connection.execute(
                "SELECT tessera.items_indexes('floor')"
            ).fetchall():
                connection.execute(sql.SQL(statement))
            connection.execute("CREATE UNIQUE INDEX ON floor (collection, id)")
            connection.commit()

        took = seconds(write)
        connection.execute("DROP TABLE pgstac.floor")
    rows.unlink()
    return took

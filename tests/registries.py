"""Small registries for tests, loads of them, and what a load has left in the database."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from tessera_catalog.load import load
from tessera_catalog.load_plan import Options, Summary
from tessera_catalog.progress import Progress
from tessera_catalog.stores import Stores, load_stores

TOOL = Path(sys.executable).parent / "tessera-load"

STORES = load_stores()

Row = dict[str, Any]
Counts = tuple[int, int, int, int]

_TYPES = {
    "lat": pa.float64(),
    "lon": pa.float64(),
    "year": pa.int64(),
    "hash": pa.large_string(),
    "scales_hash": pa.large_string(),
    "mtime": pa.float64(),
    "scales_mtime": pa.float64(),
    "file_size": pa.int64(),
    "scales_size": pa.int64(),
    "version": pa.string(),
    "variant": pa.string(),
}


def row(lon: float, lat: float, year: int = 2024, **known: Any) -> Row:
    """A registry's row; what is not given is unknown."""
    return {"lat": lat, "lon": lon, "year": year, **known}


def rows(count: int, year: int = 2024, *, first: int = 0) -> list[Row]:
    """Fully known rows of tiles side by side, forty in a row, north-eastwards from 0.05°E 50.05°N.

    Each follows from its year and number alone.
    """
    return [_row(number, year) for number in range(first, first + count)]


def _row(number: int, year: int) -> Row:
    return row(
        (5 + number % 40 * 10) / 100,
        (5005 + number // 40 * 10) / 100,
        year,
        hash=sha(f"embeddings {year} {number}"),
        scales_hash=sha(f"scales {year} {number}"),
        mtime=1_700_000_000.0 + number,
        file_size=150_000_000 + number,
        scales_size=4_000_000 + number,
    )


def sha(text: str) -> str:
    """A hash for a file that does not exist."""
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: Path, content: Sequence[Row], metadata: Mapping[str, str] | None = None) -> Path:
    """Write rows as a parquet file with the columns that any of them has."""
    names = [name for name in _TYPES if any(name in one for one in content)]
    columns = [pa.array([one.get(name) for one in content], _TYPES[name]) for name in names]
    table = pa.table(columns, names=names).replace_schema_metadata(dict(metadata or {}))
    pq.write_table(table, path)
    return path


def load_file(
    database: str, path: Path, *, stores: Stores = STORES, holder: str | None = None, **options: Any
) -> Summary:
    """Load a file as tessera-load does, in this process."""
    chosen = Options(stores=stores, holder=holder or stores.primary.name, **options)
    return load(path, chosen, Progress(), database)


def load_rows(database: str, folder: Path, content: Sequence[Row], **options: Any) -> Summary:
    """Write rows to a file of the folder and load it."""
    return load_file(database, write(folder / "registry.parquet", content), **options)


def counts(summary: Summary) -> Counts:
    """Tiles inserted, updated, unchanged, removed."""
    changes = summary.changes
    return changes.inserted, changes.updated, changes.unchanged, changes.removed


def tessera_load(
    env: Mapping[str, str], *arguments: object, folder: Path | None = None, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command; its temporary files go into the folder."""
    return subprocess.run(
        [str(TOOL), *map(str, arguments)],
        env=environment(env, folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        **more,
    )


def start_load(env: Mapping[str, str], *arguments: object, folder: Path) -> subprocess.Popen[str]:
    """Start the command; its temporary files go into the folder."""
    return subprocess.Popen(
        [str(TOOL), *map(str, arguments)],
        env=environment(env, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def environment(env: Mapping[str, str], folder: Path | None = None) -> dict[str, str]:
    """This process's environment without its settings of ours, and with these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "TESSERA_", "AWS_"))
    }
    return {**kept, **({"TMPDIR": str(folder)} if folder else {}), **env}


def select(database: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of a query; pgSTAC's functions need its schema in the search path."""
    with psycopg.connect(database, options="-c search_path=pgstac,public") as connection:
        return connection.execute(query.encode(), parameters or None).fetchall()


def value(database: str, query: str, *parameters: Any) -> Any:
    """The one value of a query."""
    ((result,),) = select(database, query, *parameters)
    return result


def execute(database: str, *statements: str) -> None:
    """Carry out statements in one transaction."""
    with psycopg.connect(database, options="-c search_path=pgstac,public") as connection:
        for statement in statements:
            connection.execute(statement.encode())


def execute_with(database: str, statement: str, *parameters: Any) -> None:
    """Carry out one statement with its parameters."""
    with psycopg.connect(database, options="-c search_path=pgstac,public") as connection:
        connection.execute(statement.encode(), parameters)


def search(database: str, **body: Any) -> list[dict[str, Any]]:
    """All items of a search through pgSTAC, hydrated."""
    found = value(database, "SELECT pgstac.search(%s)", json.dumps({"limit": 10_000, **body}))
    assert not any(link["rel"] == "next" for link in found["links"])
    features: list[dict[str, Any]] = found["features"]
    return features


def tile_versions(database: str) -> dict[int, str]:
    """Which transaction wrote each tile last, by its id."""
    return dict(select(database, "SELECT id, xmin::text FROM tessera.tile"))


def item_versions(database: str) -> dict[str, str]:
    """Which transaction wrote each item last, by its id."""
    return dict(select(database, "SELECT id, xmin::text FROM pgstac.items"))


def contents(database: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a load leaves behind, in an order of its own; without numbers that count runs."""
    return {name: select(database, query) for name, query in _CONTENTS.items()}


_CONTENTS = {
    "tiles": """
        SELECT tableoid::regclass::text, t.* FROM tessera.tile t ORDER BY id""",
    "items": """
        SELECT id, collection, ST_AsEWKT(geometry), datetime, end_datetime, content::text, private
        FROM pgstac.items ORDER BY collection, id""",
    "collections": """
        SELECT id, content::text, base_item::text, ST_AsEWKT(geometry), datetime, end_datetime
        FROM pgstac.collections ORDER BY id""",
    "series": """
        SELECT collection, dataset_no, year, holder, tiles, fingerprint, projection
        FROM tessera.collection ORDER BY collection""",
    "stores": """SELECT name, title, url, preference FROM tessera.store ORDER BY name""",
    "partitions": """
        SELECT p.collection, p.constraint_dtrange::text, p.constraint_edtrange::text,
               s.partition_dtrange::text, s.dtrange::text, s.edtrange::text, ST_AsEWKT(s.spatial)
        FROM pgstac.partition_sys_meta p LEFT JOIN pgstac.partition_stats s USING (partition)
        ORDER BY p.collection""",
    "bounds": """
        SELECT inhparent::regclass::text, pg_get_expr(c.relpartbound, c.oid)
        FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid AND c.relkind = 'r'
        ORDER BY 1, 2""",
    # pgSTAC numbers its partitions in the order in which they were made.
    "tables": r"""
        SELECT relnamespace::regnamespace::text, regexp_replace(relname, '^_items_\d+$', '_items'),
               relpersistence::text, count(*)
        FROM pg_class
        WHERE relnamespace::regnamespace::text IN ('pgstac', 'tessera', 'public')
          AND relkind IN ('r', 'p')
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    "indexes": """
        SELECT p.collection, indexdef_unnamed(pg_get_indexdef(i.indexrelid), 'items'), i.indisvalid
        FROM pgstac.partition_sys_meta p
        JOIN pg_index i ON i.indrelid = to_regclass('pgstac.' || p.partition)
        ORDER BY 1, 2""",
    "triggers": """
        SELECT pg_get_expr(c.relpartbound, c.oid), t.tgname
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relispartition AND NOT t.tgisinternal AND t.tgname LIKE '%void%' ORDER BY 1, 2""",
}


def by_id(items: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Items by their id."""
    return {item["id"]: item for item in items}

"""The rival of the rows about searching: stock stac-fastapi-pgstac on an untouched pgSTAC database.

Its items are ours, as pgSTAC's own loader would have written them: copied row by row into the
partitions that pgSTAC makes, with the indexes that pgSTAC makes, and analyzed.
"""

from __future__ import annotations

import json

import psycopg
from harness import BIN, connect, run
from psycopg import sql

_SPANS = """
    SELECT tstzrange(min(datetime), max(datetime), '[]'),
           tstzrange(min(end_datetime), max(end_datetime), '[]')
    FROM pgstac.items WHERE collection = %s
"""

_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index
    WHERE indrelid = %s::regclass
      AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""

# A base item's number is one of the database that it was made in.
_ROWS = """
    COPY (SELECT id, geometry, collection, datetime, end_datetime,
                 content - 'pgstac:base_item', private
          FROM pgstac.items WHERE collection = {})
    TO STDOUT (FORMAT binary)
"""

_INTO = """
    COPY {} (id, geometry, collection, datetime, end_datetime, content, private)
    FROM STDIN (FORMAT binary)
"""


def fill(ours: dict[str, str], theirs: dict[str, str]) -> None:
    """Install pgSTAC in an empty database, and copy a catalogue of ours to it."""
    run([BIN / "pypgstac", "migrate"], theirs)
    with connect(ours) as source, connect(theirs) as target:
        target.execute("SET search_path = pgstac, public")
        for (document,) in source.execute("SELECT content FROM pgstac.collections").fetchall():
            target.execute("SELECT create_collection(%s::jsonb)", [json.dumps(document)])
            _copy(source, target, document["id"])
        target.commit()
        target.autocommit = True
        target.execute("VACUUM (ANALYZE) pgstac.items")


def _copy(source: psycopg.Connection, target: psycopg.Connection, collection: str) -> None:
    """Copy the items of a collection; its indexes are built when the rows are there."""
    (spans,) = source.execute(_SPANS, [collection]).fetchall()
    ((partition,),) = target.execute(
        "SELECT check_partition(%s, %s, %s)", [collection, *spans]
    ).fetchall()
    indexes = target.execute(_INDEXES, [partition]).fetchall()
    for name, _ in indexes:
        target.execute(sql.SQL("DROP INDEX {}").format(sql.SQL(name)))
    rows = sql.SQL(_ROWS).format(sql.Literal(collection))
    into = sql.SQL(_INTO).format(sql.Identifier(partition))
    with source.cursor().copy(rows) as reading, target.cursor().copy(into) as writing:
        for part in reading:
            writing.write(part)
    for _, definition in indexes:
        target.execute(sql.SQL(definition))
    target.execute("SELECT update_partition_stats(%s)", [partition])

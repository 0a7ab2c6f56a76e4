"""Connecting to PostgreSQL, and what is asked of it.

Connections take their parameters as libpq does: a conninfo string, else the PG* variables.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import resources
from weakref import WeakSet

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tessera_catalog.errors import Failed, InputError

Connection = psycopg.Connection[tuple[object, ...]]

_QUERIES = resources.files("tessera_catalog") / "sql" / "queries"

# Arbitrary, but ours, as tessera_catalog.migrations has one: advisory locks are known by number.
_LOAD_LOCK = 0x7E55E7A1


@contextmanager
def connect(conninfo: str = "", *, autocommit: bool = False) -> Iterator[Connection]:
    """Open a connection for a `with` block: committed at its end, rolled back on an exception.

    Every fault of the server is a Failed of one line; a server that cannot be reached with these
    parameters at all is an InputError.
    """
    # The server asks every two seconds whether we are still there, so that a statement of ours
    # ends soon after a kill -9 instead of finishing for nobody and holding its locks meanwhile.
    parameters = make_conninfo(
        conninfo,
        application_name="tessera",
        client_encoding="UTF8",
        options="-c client_connection_check_interval=2s -c timezone=UTC -c jit=off",
    )
    try:
        connection = psycopg.connect(parameters, autocommit=autocommit)
    except psycopg.OperationalError as error:
        # psycopg looks names up itself, and does not tell those that PGHOST gives.
        why = server_message(error).replace("host None", f"host {os.environ.get('PGHOST')}")
        raise InputError(f"cannot connect to PostgreSQL: {why}") from error
    _open.add(connection)
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise Failed(f"PostgreSQL: {server_message(error)}") from error


_open: WeakSet[Connection] = WeakSet()


def cancel_statements() -> None:
    """Stop what the server is doing for this process, on whatever connection: it fails there."""
    for connection in list(_open):
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=5)


WAITING = "another load or link is at work on this database; waiting for it"


def wait_for_load_lock(connection: Connection, tell: Callable[[str], None]) -> None:
    """Hold the one lock of loads and links until the connection closes; wait for it if need be.

    `tell` is called once with a line of text when there is a wait.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOAD_LOCK]).fetchone()
    if row != (True,):
        tell(WAITING)
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOAD_LOCK])


@cache
def query(name: str) -> bytes:
    """Text of sql/queries/{name}.sql, for a query without identifiers to fill in."""
    return (_QUERIES / f"{name}.sql").read_bytes()


def composed(name: str, **parts: sql.Composable) -> sql.Composed:
    """Text of sql/queries/{name}.sql with its {placeholders} filled in, safely quoted."""
    # Comments may speak of a placeholder, whose text may have lines that are no comment.
    lines = query(name).decode().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("--"))
    return sql.SQL(text).format(**parts)


def statistics_target(rows: int, most: int) -> sql.Literal:
    """How closely ANALYZE is to look at a table of `rows`, `most` being for large ones.

    It samples 300 rows for each step of the target: of a small table, a tenth will do.
    """
    return sql.Literal(min(most, max(3, rows // 3000)))


def server_message(error: Exception) -> str:
    """What the server said first; its context and the statement are left out."""
    diagnostic = getattr(error, "diag", None)
    text = getattr(diagnostic, "message_primary", None) or str(error)
    return str(text).strip().splitlines()[0] if str(text).strip() else type(error).__name__

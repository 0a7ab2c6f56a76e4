"""Connecting to PostgreSQL, and bringing its schema up to date.

Connections take their parameters as libpq does: a conninfo string, else the PG* variables.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
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

PGSTAC_VERSION = "0.10"
"""The series of pgSTAC whose tables and functions we know; any patch release of it will do."""

MINIMUM_POSTGRESQL = 15

_SQL = resources.files("tessera_catalog") / "sql"

# Arbitrary, but ours: advisory locks are known by number alone.
_MIGRATION_LOCK = 0x7E55E7A0
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
        why = first_line(error).replace("host None", f"host {os.environ.get('PGHOST')}")
        raise InputError(f"cannot connect to PostgreSQL: {why}") from error
    _open.add(connection)
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise Failed(f"PostgreSQL: {first_line(error)}") from error


_open: WeakSet[Connection] = WeakSet()


def cancel_statements() -> None:
    """Stop what the server is doing for this process, on whatever connection: it fails there."""
    for connection in list(_open):
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=5)


def migrate(conninfo: str = "") -> None:
    """Install pgSTAC where there is none, and apply the migrations of sql/schema still missing.

    Safe to run by several processes at once: the second waits for the first. InputError when the
    server or the pgSTAC in it is of a version this code does not know.
    """
    with connect(conninfo, autocommit=True) as connection:
        # Kept until the connection closes: pgSTAC installs itself over another one.
        connection.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        _check_server(connection)
        if not _has_pgstac(connection):
            _install_pgstac(conninfo)
        connection.execute(query("migration_table"))
        _apply_migrations(connection)
        connection.execute(query("fresh_reads"))
        connection.execute(query("dumpable"))
        connection.execute(query("role_settings"))


def is_empty(connection: Connection) -> bool:
    """Whether nothing was ever loaded here, for who must not migrate; changes nothing.

    InputError when the schema is another than this code knows, also when it is only older.
    """
    _check_server(connection)
    _has_pgstac(connection)
    missing = _missing(connection)
    if len(missing) == len(_migrations()):
        return True
    if missing:
        raise InputError(
            f"the database lacks {next(iter(missing))}: a load adds it, a dry run changes nothing"
        )
    return False


def wait_for_load_lock(connection: Connection, tell: Callable[[str], None]) -> None:
    """Hold the one lock of loads and links until the connection closes; wait for it if need be.

    `tell` is called once with a line of text when there is a wait.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOAD_LOCK]).fetchone()
    if row != (True,):
        tell("another load or link is at work on this database; waiting for it")
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOAD_LOCK])


@cache
def query(name: str) -> bytes:
    """Text of sql/queries/{name}.sql, for a query without identifiers to fill in."""
    return (_SQL / "queries" / f"{name}.sql").read_bytes()


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


def first_line(error: Exception) -> str:
    """What the server said first; its context and the statement are left out."""
    diagnostic = getattr(error, "diag", None)
    text = getattr(diagnostic, "message_primary", None) or str(error)
    return str(text).strip().splitlines()[0] if str(text).strip() else type(error).__name__


@cache
def _migrations() -> dict[str, str]:
    """Migrations by name, in order."""
    files = [file for file in (_SQL / "schema").iterdir() if file.name.endswith(".sql")]
    return {f.name: f.read_text(encoding="utf-8") for f in sorted(files, key=lambda f: f.name)}


def _missing(connection: Connection) -> dict[str, str]:
    """Migrations that the database lacks, in order; InputError when it has others than these."""
    table = connection.execute("SELECT to_regclass('public.tessera_migration')").fetchone()
    if table == (None,):
        return _migrations()
    known = {
        str(name): str(digest)
        for name, digest in connection.execute("SELECT name, sha256 FROM public.tessera_migration")
    }
    unknown = sorted(known.keys() - _migrations().keys())
    if unknown:
        raise InputError(
            f"the database is newer than this release (it has {unknown[-1]}): upgrade tessera-stac"
        )
    for name, digest in known.items():
        if digest != _digest(_migrations()[name]):
            raise InputError(
                f"the database has another {name} than this release: it comes from a "
                "development version; make a new database and load again"
            )
    return {name: text for name, text in _migrations().items() if name not in known}


def _apply_migrations(connection: Connection) -> None:
    """Apply each missing migration in a transaction of its own, in order."""
    for name, text in _missing(connection).items():
        with connection.transaction():
            connection.execute(text.encode())
            connection.execute(
                "INSERT INTO public.tessera_migration (name, sha256) VALUES (%s, %s)",
                [name, _digest(text)],
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check_server(connection: Connection) -> None:
    major = connection.info.server_version // 10000
    if major < MINIMUM_POSTGRESQL:
        raise InputError(f"PostgreSQL {major} is too old: {MINIMUM_POSTGRESQL} or newer is needed")
    row = connection.execute(
        "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'"
    ).fetchone()
    if row == (0,):
        raise InputError(
            f"PostgreSQL {major} at this address has no PostGIS: "
            f"install it on the server (Debian: postgresql-{major}-postgis-3)"
        )


def _has_pgstac(connection: Connection) -> bool:
    """Whether the database has pgSTAC; InputError when it is of a version we do not know."""
    row = connection.execute("SELECT to_regclass('pgstac.migrations') IS NOT NULL").fetchone()
    if row == (False,):
        return False
    row = connection.execute("SELECT pgstac.get_version()").fetchone()
    version = str(row[0]) if row else "of unknown version"
    if _series(version) > _series(PGSTAC_VERSION):
        raise InputError(
            f"pgSTAC {version} in this database is newer than {PGSTAC_VERSION}, which this release "
            "supports: upgrade tessera-stac, or load into another database"
        )
    if _series(version) != _series(PGSTAC_VERSION):
        raise InputError(
            f"pgSTAC {version} in this database is not supported, {PGSTAC_VERSION} is: "
            "bring it there with `pypgstac migrate`, after a backup"
        )
    return True


def _series(version: str) -> list[int]:
    """The numbers that tell what a release of pgSTAC has; none of a version without numbers."""
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def _install_pgstac(conninfo: str) -> None:
    """Run pgSTAC's own installation."""
    # Imported here: it takes longer than most commands do.
    from pypgstac.db import PgstacDB
    from pypgstac.migrate import Migrate

    logging.getLogger("pypgstac").setLevel(logging.WARNING)
    # Its connection reads a DSN, and the PG* variables where the DSN says nothing.
    database = PgstacDB(dsn=conninfo)
    try:
        Migrate(database).run_migration()
    except psycopg.Error as error:
        raise Failed(f"installing pgSTAC: {first_line(error)}") from error
    finally:
        # Closing alone would leave the connection it has taken from its pool open.
        database.disconnect()
        database.close()

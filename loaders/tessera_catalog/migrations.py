"""The database's schema: pgSTAC's and, by the migrations of sql/schema, ours."""

from __future__ import annotations

import hashlib
import logging
import re
from functools import cache
from importlib import resources

import psycopg

from tessera_catalog.database import Connection, connect, query, server_message
from tessera_catalog.errors import Failed, InputError

PGSTAC_VERSION = "0.10"
"""The series of pgSTAC whose tables and functions we know; any patch release of it will do."""

MINIMUM_POSTGRESQL = 15

_SCHEMA = resources.files("tessera_catalog") / "sql" / "schema"

# Arbitrary, but ours: advisory locks are known by number alone.
_MIGRATION_LOCK = 0x7E55E7A0


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


def is_empty(connection: Connection, *, older: bool = False) -> bool:
    """Whether nothing was ever loaded here, for who must not install anything; changes nothing.

    InputError when the schema is another than this code knows, also when it is only `older`, unless
    that will do.
    """
    _check_server(connection)
    _has_pgstac(connection)
    missing = _missing(connection)
    if len(missing) == len(_migrations()):
        return True
    if missing and not older:
        raise InputError(
            f"the database lacks {next(iter(missing))}: a load adds it, a dry run changes nothing"
        )
    return False


@cache
def _migrations() -> dict[str, str]:
    """Migrations by name, in order."""
    files = [file for file in _SCHEMA.iterdir() if file.name.endswith(".sql")]
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
        raise Failed(f"installing pgSTAC: {server_message(error)}") from error
    finally:
        # Closing alone would leave the connection it has taken from its pool open.
        database.disconnect()
        database.close()

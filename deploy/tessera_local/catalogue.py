"""The demo's database: created, loaded when its source has changed, readable for the API."""

from __future__ import annotations

import hmac
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from tessera_catalog.database import connect
from tessera_catalog.errors import Failed, Refused
from tessera_local.server import Server
from tessera_local.source import Source

API_ROLE = "tessera_api"


def create_database(server: Server, name: str) -> int:
    """The database's oid, which a new one of the same name has not; created when missing."""
    with connect(server.conninfo("postgres"), autocommit=True) as connection:
        oid = _oid(connection, name)
        if oid is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    sql.Identifier(name)
                )
            )
            oid = _oid(connection, name)
    if oid is None:
        raise Failed(f"the database {name} was removed while it was made")
    return oid


def refuse_catalogue(server: Server, name: str) -> None:
    """Refused when the database holds a catalogue: the demo would replace its tiles."""
    with connect(server.conninfo(name)) as connection:
        if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'tessera'").fetchone():
            raise Refused(
                f"the database {name} on {server.host}:{server.port} holds a catalogue that this "
                "demo did not load and would replace: name another with PGDATABASE"
            )


def load(server: Server, database: str, source: Source) -> None:
    """Bring the database into step with the registry, then with the stores' manifests.

    Tiles that the registry lacks are removed, however many: the demo shows one registry at a time.
    """
    environment = server.environment(database)
    _run("tessera-load", source.registry, "--prune", "--force", environment=environment)
    if any(source.manifests.glob("*.parquet")):
        _run("tessera-sync", "link", "--data", str(source.manifests), environment=environment)


def reader(server: Server, database: str, owner_password: str) -> Server:
    """Let the API's role log in to the private server, by a password made from the owner's."""
    password = hmac.digest(owner_password.encode(), API_ROLE.encode(), "sha256").hex()
    with connect(server.conninfo(database)) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(API_ROLE), sql.Literal(password)
            )
        )
    return Server(server.host, server.port, API_ROLE, password)


def _oid(connection: psycopg.Connection[tuple[object, ...]], name: str) -> int | None:
    row = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()
    return None if row is None else int(str(row[0]))


def _run(tool: str, *arguments: str, environment: dict[str, str]) -> None:
    """Run a tool of ours to its end; what it prints is progress here."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / tool), *arguments],
        env={**os.environ, **environment},
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{tool} ended with status {done.returncode}: see above")

"""A PostgreSQL server to connect to: the private one, or the one that PG* names."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.conninfo import make_conninfo

from tessera_catalog.errors import InputError

PRIVATE_PASSWORD = "private-"  # noqa: S105 - the beginning only
"""Beginning of the password of every private cluster, by which its variables are known."""


@dataclass(frozen=True)
class Server:
    """Address and superuser of a server. Without a password libpq looks for one."""

    host: str
    port: int
    user: str
    password: str | None

    def conninfo(self, database: str) -> str:
        """A libpq connection string for a database of this server."""
        return make_conninfo(
            "", host=self.host, port=self.port, user=self.user, password=self.password,
            dbname=database,
        )  # fmt: skip

    def environment(self, database: str) -> dict[str, str]:
        """The PG* variables that name a database of this server."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
        }
        return {name: value for name, value in values.items() if value is not None}


def server_of_environment(environ: Mapping[str, str], private: Server | None) -> Server | None:
    """The existing server that PG* names; None without PGHOST, or when it is the private one.

    A password of ours is of a private cluster even when that has moved or gone since the shell
    took it over.
    """
    host = environ.get("PGHOST")
    if not host:
        return None
    server = Server(
        host=host,
        port=_port(environ.get("PGPORT") or "5432"),
        user=environ.get("PGUSER") or getpass.getuser(),
        password=environ.get("PGPASSWORD") or None,
    )
    if (server.password or "").startswith(PRIVATE_PASSWORD):
        return None
    if private is not None and (server.host, server.port) == (private.host, private.port):
        return None
    return server


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
        raise InputError(f"PGPORT={text}: it must be a port's number, 1 to 65535")
    return int(text)

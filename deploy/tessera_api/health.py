"""Readiness: whether searches would be answered now, and how old what they are answered from is."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

from tessera_api.catalogue import Connection
from tessera_api.database import AWAY
from tessera_api.queries import query

LAGGING_BYTES = 16 * 1024 * 1024
"""With no more than this to replay a standby is not behind, whatever its seconds say: during a long
transaction the last one is old anyway. deploy/monitoring/alerts.yml has the same."""


@dataclass(frozen=True)
class Replication:
    """A row of sql/replication.sql."""

    standby: bool
    receiving: bool
    lag_seconds: float | None
    lag_bytes: int

    @property
    def role(self) -> str:
        """What the server is."""
        return "standby" if self.standby else "primary"

    def is_behind(self, seconds: float | None) -> bool:
        """Whether the last transaction is older, and there is much to replay; never, when None."""
        if seconds is None or self.lag_seconds is None:
            return False
        return self.lag_seconds > seconds and self.lag_bytes > LAGGING_BYTES


async def replication(connection: Connection) -> Replication:
    """The part that the connection's server has in a replication."""
    return Replication(**await connection.fetchrow(query("replication")))


async def health(request: Request) -> JSONResponse:
    """`GET /_mgmt/health`: 200 when the catalogue can be read and is recent enough, else 503."""
    try:
        async with request.app.state.get_connection(request, "r") as connection:
            revision = await connection.fetchval(query("revision"))
            server = await replication(connection)
    except AWAY as error:
        # The class says what is wrong; the text may say where the database is.
        return _answer({"status": "DOWN", "database": type(error).__name__})
    behind = server.is_behind(request.app.state.settings.max_lag)
    return _answer(
        {
            "status": "BEHIND" if behind else "UP",
            "revision": revision,
            "role": server.role,
            "lag": None if server.lag_seconds is None else round(server.lag_seconds, 3),
        }
    )


def _answer(content: dict[str, str | float | None]) -> JSONResponse:
    status = 200 if content["status"] == "UP" else 503
    return JSONResponse(content, status, {"Cache-Control": "no-store"})

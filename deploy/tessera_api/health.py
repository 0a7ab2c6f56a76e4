"""Readiness: whether searches would be answered now."""

from __future__ import annotations

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse

from tessera_api.queries import query


async def health(request: Request) -> JSONResponse:
    """`GET /_mgmt/health`: 200 when the database and the catalogue in it can be read, else 503."""
    try:
        async with request.app.state.get_connection(request, "r") as connection:
            revision = await connection.fetchval(query("revision"))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        # The class says what is wrong; the text may say where the database is.
        answer = {"status": "DOWN", "database": type(error).__name__}
        return JSONResponse(answer, 503, {"Cache-Control": "no-store"})
    answer = {"status": "UP", "revision": revision}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})

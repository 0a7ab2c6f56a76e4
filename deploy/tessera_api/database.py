"""The API's connections: one pool of readers that outlives restarts of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import asyncpg
from fastapi import FastAPI, Request
from stac_fastapi.pgstac.db import con_init

from tessera_api.settings import DatabaseSettings

AWAY = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What asking a database that cannot answer may end in."""


def session(settings: DatabaseSettings) -> dict[str, str]:
    """Server settings of every connection.

    The role the operator gave us may be anybody: a session that reads only cannot write whoever it
    is, and pgSTAC must know, or it would try to keep its own caches. Plans here are short-lived,
    so compiling them costs more than it saves; so do parallel workers, for all but the longest.
    """
    return {
        "application_name": "tessera-api",
        "search_path": "pgstac,public",
        "default_transaction_read_only": "on",
        "pgstac.readonly": "true",
        "pgstac.context": "on",
        "statement_timeout": f"{round(settings.statement_timeout * 1000)}ms",
        "timezone": "UTC",
        "jit": "off",
        "parallel_setup_cost": "20000",
    }


async def open_pool(settings: DatabaseSettings) -> asyncpg.Pool:
    """A pool that connects when first asked, so the API starts before its database does."""
    return await asyncpg.create_pool(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.credential,
        database=settings.database,
        min_size=0,
        max_size=settings.pool_size,
        timeout=settings.connect_timeout,
        # The server stops a statement itself; this is for a server that no longer answers.
        command_timeout=settings.statement_timeout + settings.connect_timeout,
        init=con_init,
        server_settings=session(settings),
    )


def lifespan(settings: DatabaseSettings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Hold a pool open while an application runs, where stac-fastapi looks for it."""

    @asynccontextmanager
    async def held(app: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(settings)

        @asynccontextmanager
        async def get_connection(
            _request: Request | None = None,
            _mode: Literal["r", "w"] = "r",
        ) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
            async with pool.acquire(timeout=settings.connect_timeout) as connection:
                yield connection

        app.state.readpool = pool
        app.state.get_connection = get_connection
        try:
            yield
        finally:
            await pool.close()

    return held

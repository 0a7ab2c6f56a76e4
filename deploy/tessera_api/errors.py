"""Every error a request may end in: its status and what the body says.

Bodies are `{code, description}`, as the STAC API asks. A description never holds a statement, a
stack trace or a message of the database that was not written for its users.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from stac_fastapi.types.errors import InvalidQueryParameter, NotFoundError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

log = logging.getLogger("tessera_api")

RETRY_AFTER = 5
"""Seconds a client is told to wait when the database is away or busy."""

DATABASE_ERRORS: dict[type[Exception], tuple[int, str, str | None]] = {
    # pgSTAC raises these itself, in sentences about the request: the text is the message.
    asyncpg.RaiseError: (400, "InvalidRequest", None),
    asyncpg.DataError: (400, "InvalidRequest", "a value of the request is not of the type needed"),
    asyncpg.NumericValueOutOfRangeError: (
        400,
        "InvalidFilter",
        "a calculation of the filter leaves the range of numbers",
    ),
    asyncpg.DivisionByZeroError: (400, "InvalidFilter", "the filter divides by zero"),
    asyncpg.InvalidArgumentForPowerFunctionError: (
        400,
        "InvalidFilter",
        "a power of the filter is not a number",
    ),
    asyncpg.ProgramLimitExceededError: (400, "InvalidRequest", "the request is too complex"),
    asyncpg.StatementTooComplexError: (400, "InvalidRequest", "the request is too complex"),
    asyncpg.QueryCanceledError: (
        503,
        "Timeout",
        "the search took too long: narrow it by collection, bbox or datetime, or try again later",
    ),
    asyncpg.PostgresConnectionError: (503, "DatabaseUnavailable", "the database is not available"),
    asyncpg.OperatorInterventionError: (503, "DatabaseUnavailable", "the database is restarting"),
    asyncpg.InsufficientResourcesError: (503, "DatabaseBusy", "the database is busy"),
    asyncpg.TransactionRollbackError: (503, "DatabaseBusy", "the database is busy"),
    asyncpg.InvalidAuthorizationSpecificationError: (
        503,
        "DatabaseUnavailable",
        "the database does not admit this server",
    ),
    asyncpg.InvalidCatalogNameError: (503, "DatabaseUnavailable", "there is no such database yet"),
    asyncpg.UndefinedTableError: (503, "DatabaseUnavailable", "the catalogue is not loaded yet"),
    asyncpg.InvalidSchemaNameError: (503, "DatabaseUnavailable", "the catalogue is not loaded yet"),
    asyncpg.InterfaceError: (503, "DatabaseUnavailable", "the database is not available"),
    # What the driver says of a connection that the server has just ended.
    asyncpg.InternalClientError: (503, "DatabaseUnavailable", "the database is not available"),
    ConnectionError: (503, "DatabaseUnavailable", "the database is not available"),
    OSError: (503, "DatabaseUnavailable", "the database is not available"),
    TimeoutError: (503, "DatabaseBusy", "no connection to the database was free in time"),
}
"""Of the class or its nearest ancestor here; any other error of the database is a bug of ours."""


class InvalidParameter(InvalidQueryParameter):
    """A parameter of the request that cannot be honoured (400); the text is for the client."""


class InvalidFilter(InvalidParameter):
    """A filter that is malformed, too large, of the wrong types, or not supported (400)."""


def problem(
    status: int, code: str, description: str, retry_after: int | None = None
) -> JSONResponse:
    """The response of an error; one that will pass says after how many seconds."""
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after = RETRY_AFTER
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return JSONResponse({"code": code, "description": description}, status, headers)


def _of_database(request: Request, error: Exception) -> Response:
    status, code, text = next(
        DATABASE_ERRORS[kind] for kind in type(error).__mro__ if kind in DATABASE_ERRORS
    )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("%s %s: %s: %s", request.method, request.url.path, code, error)
    return problem(status, code, text or str(error).splitlines()[0])


def _of_http(_request: Request, error: HTTPException) -> Response:
    code = HTTPStatus(error.status_code).phrase.title().replace(" ", "")
    response = problem(error.status_code, code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


def _of_validation(_request: Request, error: RequestValidationError) -> Response:
    first, *more = error.errors()
    place = ".".join(str(part) for part in first["loc"])
    rest = f" (and {len(more)} more)" if more else ""
    return problem(400, "InvalidParameter", f"{place}: {first['msg']}{rest}")


def _of_request(_request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, NotFoundError) else 400
    return problem(status, type(error).__name__, str(error))


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "InternalServerError", "the server failed; the error is in its log")


Handler = Callable[[Request, Exception], Response | Awaitable[Response]]


def add_handlers(app: FastAPI) -> None:
    """Answer every error of a request in the one form."""
    handlers: dict[type[Exception], Handler] = {
        **dict.fromkeys(DATABASE_ERRORS, _of_database),
        HTTPException: _of_http,  # type: ignore[dict-item]  # Starlette calls it with its own
        RequestValidationError: _of_validation,  # type: ignore[dict-item]
        NotFoundError: _of_request,
        InvalidQueryParameter: _of_request,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)

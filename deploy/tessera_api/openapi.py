"""The OpenAPI document, with what clients look for in it and FastAPI leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tessera_api.settings import DEFAULT_LIMIT, MAX_LIMIT

MEDIA_TYPE = "application/vnd.oai.openapi+json;version=3.1"
"""What FastAPI's document is; stac-fastapi and tipg say 3.0."""

LIMIT = {
    "name": "limit",
    "in": "query",
    "required": False,
    "description": "Items of a page",
    "schema": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_LIMIT,
        "default": DEFAULT_LIMIT,
    },
}
"""QGIS takes its page size from this place and no other."""

PROBLEM = {
    "type": "object",
    "required": ["code", "description"],
    "properties": {"code": {"type": "string"}, "description": {"type": "string"}},
}

ERRORS = {
    "400": "The request is wrong; the description says where",
    "404": "There is no such collection or item",
    "429": "Too many requests: try again after `Retry-After` seconds",
    "503": "The database is busy or away: try again after `Retry-After` seconds",
}


def complete(app: FastAPI) -> None:
    """Serve FastAPI's document with what it lacks, as what it is."""
    app.openapi = _completed(app.openapi)  # type: ignore[method-assign]
    for route in app.routes:
        if isinstance(route, Route) and route.path == app.openapi_url:
            route.app = _of_media_type(route.app)


def of_links(links: Iterable[dict[str, Any]]) -> None:
    """Say in the links to the document what it is."""
    for link in links:
        if link["rel"] == "service-desc":
            link["type"] = MEDIA_TYPE


def _of_media_type(app: ASGIApp) -> ASGIApp:
    async def typed(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_typed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-type"] = MEDIA_TYPE
            await send(message)

        await app(scope, receive, send_typed)

    return typed


def _completed(generate: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """The document with a shared `limit`, errors, and what may be absent."""

    def openapi() -> dict[str, Any]:
        document = generate()
        components = document.setdefault("components", {})
        components.setdefault("parameters", {})["limit"] = LIMIT
        schemas = components.setdefault("schemas", {})
        schemas["Problem"] = PROBLEM
        # `fields` leaves out any member.
        schemas.get("Item", {}).pop("required", None)
        if "MediaType" in schemas:  # what tipg says links may lead to
            known = schemas["MediaType"]["enum"]
            schemas["MediaType"] |= {"enum": list(dict.fromkeys([*known, MEDIA_TYPE]))}
        for path, item in document["paths"].items():
            for operation in item.values():
                _without_null(operation.get("parameters", ()))
                _without_html(operation)
                operation["responses"].pop("422", None)
                if not path.startswith("/_mgmt/"):
                    operation["responses"] |= _errors(path)
        return document

    return openapi


def _without_null(parameters: Iterable[dict[str, Any]]) -> None:
    """Make the parameters of a URL such as can be sent: null there would be the word."""
    for parameter in parameters:
        kinds = parameter["schema"].get("anyOf", ())
        there = [kind for kind in kinds if kind.get("type") != "null"]
        if len(there) == 1:
            del parameter["schema"]["anyOf"]
            parameter["schema"] |= there[0]


def _without_html(operation: dict[str, Any]) -> None:
    """Leave out the pages that tipg says it has and that are not served."""
    operation["responses"].get("200", {}).get("content", {}).pop("text/html", None)
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "f":
            parameter["schema"]["enum"] = [
                form for form in parameter["schema"]["enum"] if form != "html"
            ]


def _errors(path: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": text, "content": content}
        for status, text in ERRORS.items()
        if status != "404" or "{collection" in path
    }

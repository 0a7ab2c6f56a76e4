"""The OpenAPI document, with what clients look for in it and FastAPI leaves out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from tessera_api.settings import DEFAULT_LIMIT, MAX_LIMIT

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
    "503": "The database is busy or away: try again after `Retry-After` seconds",
}


def complete(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """FastAPI's own document with the shared `limit` parameter and the errors there are."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        components = document.setdefault("components", {})
        components.setdefault("parameters", {})["limit"] = LIMIT
        components.setdefault("schemas", {})["Problem"] = PROBLEM
        for path, item in document["paths"].items():
            for operation in item.values():
                operation["responses"].pop("422", None)
                if not path.startswith("/_mgmt/"):
                    operation["responses"] |= _errors(path)
        return document

    return openapi


def _errors(path: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": text, "content": content}
        for status, text in ERRORS.items()
        if status != "404" or "{collection_id}" in path
    }

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


def complete(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """FastAPI's own document plus the shared `limit` parameter."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        components = document.setdefault("components", {})
        components.setdefault("parameters", {})["limit"] = LIMIT
        return document

    return openapi

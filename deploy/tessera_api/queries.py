"""The statements of sql/, by name."""

from __future__ import annotations

from functools import cache
from importlib import resources

_FILES = resources.files("tessera_api") / "sql"


@cache
def query(name: str) -> str:
    """The text of `sql/{name}.sql`."""
    return (_FILES / f"{name}.sql").read_text(encoding="utf-8")

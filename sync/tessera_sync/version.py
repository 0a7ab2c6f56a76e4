"""Which version of this project is at work."""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """Of the installed package."""
    from importlib import metadata  # slow to import, and reading manifests does without

    return metadata.version("tessera-stac")

"""Catalogues large enough that the server plans as it does for the real one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import api_server
from registries import load_file

from tessera_catalog.stores import load_stores
from tessera_catalog.synthetic import generate
from tessera_local.server import Server


@contextmanager
def synthetic(server: Server, folder: Path, tiles: int) -> Iterator[api_server.Catalogue]:
    """A database with so many tiles, loaded and not linked; the folder is for its files."""
    generate(folder, load_stores(), tiles=tiles)
    with api_server.database(server) as made:
        load_file(made.conninfo, folder / "registry.parquet")
        yield made

"""A catalogue large enough that the server plans as it does for the real one."""

from __future__ import annotations

from collections.abc import Iterator

import api_server
import pytest
from registries import load_file

from tessera_catalog.stores import load_stores
from tessera_catalog.synthetic import generate
from tessera_local.server import Server

TILES = 400_000


@pytest.fixture(scope="session")
def large(
    postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[api_server.Catalogue]:
    """A database with TILES tiles, loaded and not linked: none may change it."""
    folder = tmp_path_factory.mktemp("large")
    generate(folder, load_stores(), tiles=TILES)
    with api_server.database(postgres) as made:
        load_file(made.conninfo, folder / "registry.parquet")
        yield made

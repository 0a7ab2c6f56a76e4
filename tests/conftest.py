"""Databases for tests: a server for the session, and a database of its own for each test.

And what becomes of tests whose tool is not there: they are skipped, or fail with TESSERA_NO_SKIPS.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from fuzzing import USUAL, examples
from hypothesis import settings
from psycopg import sql

from tessera_local.cluster import Cluster
from tessera_local.server import Server, server_of_environment
from tessera_local.throwaway import throwaway_cluster

ROOT = Path(__file__).resolve().parent.parent

# What a shell starts in the background ignores Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("usual", examples(USUAL))
settings.load_profile("usual")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Some files are run together, where files are what is dealt out."""
    from together import Together

    return Together(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _without_skips((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _without_skips((yield))


def _without_skips(report: Report) -> Report:
    """Where every tool is to be there (TESSERA_NO_SKIPS), one "not installed" is a failure."""
    reason = str(report.longrepr)
    if report.skipped and os.environ.get("TESSERA_NO_SKIPS") and "not installed" in reason:
        report.outcome = "failed"
        report.longrepr = f"TESSERA_NO_SKIPS is set, and here is a skip: {reason}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server PG* names if it is not the demo's, else a throwaway cluster; as its superuser."""
    server = server_of_environment(os.environ, Cluster(ROOT / ".local", {}).server)
    if server is not None:
        yield server
        return
    with throwaway_cluster() as private:
        yield private


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """Connection string of an empty database, dropped after the test."""
    with _new_database(postgres) as name:
        yield postgres.conninfo(name)


@pytest.fixture(scope="session")
def _template(postgres: Server) -> Iterator[str]:
    from tessera_catalog.catalogue import put_queryables
    from tessera_catalog.database import connect
    from tessera_catalog.migrations import migrate
    from tessera_catalog.stores import load_stores

    with _new_database(postgres) as name:
        migrate(postgres.conninfo(name))
        # Most of what the first load of a few tiles would take its time for.
        with connect(postgres.conninfo(name)) as connection:
            put_queryables(connection, load_stores())
        yield name


@pytest.fixture
def migrated_database(postgres: Server, _template: str) -> Iterator[str]:
    """Connection string of a database with pgSTAC and our schema and no data."""
    from tessera_catalog.migrations import migrate

    with _new_database(postgres, _template) as name:
        # The copy has all but how the roles behave in it, which the server keeps beside it.
        migrate(postgres.conninfo(name))
        yield postgres.conninfo(name)


@pytest.fixture
def pg_env(postgres: Server, database: str) -> dict[str, str]:
    """The PG* variables of `database`, for programs."""
    return postgres.environment(_name(database))


@pytest.fixture
def migrated_pg_env(postgres: Server, migrated_database: str) -> dict[str, str]:
    """The PG* variables of `migrated_database`, for programs."""
    return postgres.environment(_name(migrated_database))


@pytest.fixture(scope="session")
def registry_path() -> Path:
    """The real early registry: 28,477 tiles."""
    path = ROOT.parent / "shared" / "data" / "registry.parquet"
    if not path.is_file():
        pytest.skip("the real registry is not here (../shared/data/registry.parquet)")
    return path


@contextmanager
def _new_database(server: Server, template: str = "template0") -> Iterator[str]:
    name = f"tessera_test_{os.getpid()}_{uuid.uuid4().hex[:10]}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'")
    _administer(server, create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        _administer(server, drop.format(sql.Identifier(name)))


def _administer(server: Server, statement: sql.Composed) -> None:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(statement)


def _name(conninfo: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])

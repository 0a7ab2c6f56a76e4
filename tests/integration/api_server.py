"""The API as its users meet it: a process of its own, on a database with a small catalogue."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import api_catalogue
import httpx
import psycopg
import pytest

from tessera_catalog.migrations import migrate
from tessera_local.ports import free_port
from tessera_local.server import Server

START_SECONDS = 60

PUBLIC = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "stac.example.org",
    "X-Forwarded-Prefix": "/api",
}
"""What a proxy says of the address that the API is published at."""


@dataclass(frozen=True)
class Catalogue:
    """A database with the small catalogue."""

    conninfo: str
    environment: Mapping[str, str]
    """The PG* variables that name it."""

    def ids(self, where: str) -> set[str]:
        """Ids of the items that SQL finds; `where` is about the view `truth`."""
        with psycopg.connect(self.conninfo) as connection:
            rows = connection.execute(f"SELECT id FROM truth WHERE {where}".encode())
            return {str(row[0]) for row in rows}


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[str]:
    """Run the API with these variables alone; yields its address."""
    with started(environment) as (address, _):
        yield address


@contextmanager
def started(
    environment: Mapping[str, str], log: Path | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the API with these variables alone; yields its address and its process.

    A `log` is given all that it can say.
    """
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "tessera_api.app:app",
        "--host", "127.0.0.1", "--port", str(port), "--log-level", "debug" if log else "warning",
    ]  # fmt: skip
    # Not a pipe: one that nobody reads is full after some lines, and the API waits for ever.
    with log.open("w+b") if log else tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(address, process, output)
            yield address, process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(address: str, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    # One client: each new one reads all certificates that this machine trusts.
    with httpx.Client(timeout=5) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.get(f"{address}/_mgmt/ping")
                return
            except httpx.TransportError:
                time.sleep(0.1)
    process.terminate()
    process.wait(timeout=30)
    output.seek(0)
    raise RuntimeError(f"the API did not start: {output.read().decode()[-2000:]}")


def all_ids(client: httpx.Client, path: str, limit: int = 1000, **parameters: Any) -> list[str]:
    """Ids of a search over all its pages; the count of matches must agree with them."""
    found: list[str] = []
    url = path
    query: dict[str, Any] | None = {"limit": str(limit), **parameters}
    while url:
        response = client.get(url, params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        found += [item["id"] for item in page["features"]]
        assert len(found) <= page["numberMatched"]
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
        query = None
    assert page["numberMatched"] == len(found)
    return found


@contextmanager
def database(server: Server) -> Iterator[Catalogue]:
    """A migrated database of its own, without data."""
    name = f"tessera_test_api_{uuid.uuid4().hex[:10]}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
    try:
        migrate(server.conninfo(name))
        yield Catalogue(server.conninfo(name), server.environment(name))
    finally:
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def member(catalogue: Catalogue) -> Iterator[dict[str, str]]:
    """PGUSER and PGPASSWORD of a login that is a member of the API's role and nothing else."""
    name, password = f"tessera_test_{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    with psycopg.connect(catalogue.conninfo, autocommit=True) as connection:
        connection.execute(
            f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE tessera_api".encode()
        )
        try:
            yield {"PGUSER": name, "PGPASSWORD": password}
        finally:
            connection.execute(f"DROP ROLE {name}".encode())


@pytest.fixture(scope="session")
def catalogue(postgres: Server) -> Iterator[Catalogue]:
    """The small catalogue, shared by all tests: none may change it."""
    with database(postgres) as made:
        api_catalogue.fill(made.conninfo)
        yield made


@pytest.fixture(scope="session")
def api_address(catalogue: Catalogue) -> Iterator[str]:
    """Address of the API of the small catalogue."""
    with running(catalogue.environment) as address:
        yield address


@pytest.fixture(scope="session")
def api(api_address: str) -> Iterator[httpx.Client]:
    """A client of the API of the small catalogue."""
    with httpx.Client(base_url=api_address, timeout=60) as client:
        yield client

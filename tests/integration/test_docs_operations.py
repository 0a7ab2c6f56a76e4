"""The pages about operations do what they say: stores, datasets, hooks, timers, credentials."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from api_server import running
from console import rehearse

from tessera_catalog.migrations import migrate
from tessera_local.throwaway import throwaway_cluster

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
API = "http://127.0.0.1:8080/api"


def environment(**more: str) -> dict[str, str]:
    """Of a shell that finds the programs, and in which nothing is configured but `more`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS", "PG", "TESSERA"))}
    return clean | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | more


@pytest.mark.parametrize("page", ["stores.md", "datasets.md"])
def test_beside_a_running_api(page: str, migrated_pg_env: dict[str, str], tmp_path: Path) -> None:
    here = environment(**migrated_pg_env)
    with running(here) as address:
        places = {API: address, "/srv/tessera": str(tmp_path)}
        rehearse(OPERATIONS / page, tmp_path, here, places)


def test_hooks(tmp_path: Path) -> None:
    rehearse(OPERATIONS / "hooks.md", tmp_path, environment())


@contextmanager
def asking(address: str) -> Iterator[Counter[int]]:
    """Ask the API all the while; gives the answers by their status."""
    answers: Counter[int] = Counter()
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            while not stop.is_set():
                answers[client.get("/search?limit=1").status_code] += 1
                time.sleep(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def test_credentials(tmp_path: Path) -> None:
    # On a server of its own: roles belong to all databases of one, and its password changes.
    with throwaway_cluster() as server:
        owner = server.environment("postgres")
        migrate(server.conninfo("postgres"))
        secret = tmp_path / "api-password"
        secret.write_text("the first\n")
        with psycopg.connect(server.conninfo("postgres")) as connection:
            connection.execute("ALTER ROLE tessera_api PASSWORD 'the first'")
        api = {k: v for k, v in owner.items() if k != "PGPASSWORD"} | {
            "TESSERA_API_PGUSER": "tessera_api",
            "TESSERA_API_PGPASSWORD_FILE": str(secret),
        }
        here = environment(**owner, TESSERA_DATA=str(tmp_path))
        with running(environment(**api)) as address, asking(address) as answers:
            rehearse(OPERATIONS / "credentials.md", tmp_path, here, {API: address})
    # The one client may have had a request under way when connections were ended.
    assert answers[200] > 10
    assert answers[503] <= 1
    assert set(answers) <= {200, 503}

"""Passwords, keys and signed addresses are in no line of ours, whatever goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from api_server import started
from registries import environment, rows, tessera_load, write
from sync_world import World
from web_server import answering, send

from tessera_local.ports import free_port
from tessera_local.server import Server

SECRET = "Hunter2-nobody-must-see"


def database(port: int, **more: str) -> dict[str, str]:
    """PG* variables with the secret as password."""
    named = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "nobody", "PGDATABASE": "x"}
    return named | {"PGPASSWORD": SECRET} | more


def told(done: subprocess.CompletedProcess[str]) -> str:
    """All that a command that failed has printed."""
    assert done.returncode not in (0, 10)
    return done.stdout + done.stderr


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return write(tmp_path / "registry.parquet", rows(3))


@pytest.mark.parametrize("how", [[], ["--json"], ["--dry-run"]])
def test_a_database_that_is_away(registry: Path, how: list[str]) -> None:
    said = told(tessera_load(database(free_port()), registry, *how))
    assert "cannot connect" in said
    assert SECRET not in said


def test_a_database_that_refuses_the_password(registry: Path, postgres: Server) -> None:
    for more in ({}, {"TESSERA_DEBUG": "1"}):
        env = {**database(postgres.port, **more), "PGHOST": postgres.host}
        said = told(tessera_load(env, registry))
        assert "authentication failed" in said
        assert SECRET not in said


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://nobody:{}@127.0.0.1:{}/x",
        "postgresql://nobody:{}@127.0.0.1:{}/x?sslmode=nothing",
        "postgresql://nobody:{}@127.0.0.1:{}x/x",
        "host=127.0.0.1 password={} port={}",
        "host=127.0.0.1 password={} port={} nonsense",
    ],
)
def test_a_database_named_by_an_address_with_the_password(registry: Path, address: str) -> None:
    """As libpq lets PGDATABASE be."""
    env = {"PGDATABASE": address.format(SECRET, free_port())}
    assert SECRET not in told(tessera_load(env, registry))


def test_a_link_to_a_database_that_is_away(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add_tree("okavango")
    world.environment = database(free_port())
    for verb in (["link"], ["link", "--json"]):
        said = told(world.run(*verb))
        assert "cannot connect" in said
        assert SECRET not in said


# --- registries at addresses -------------------------------------------------------------------


@contextmanager
def web(status: int, content: bytes = b"") -> Iterator[str]:
    """A server that answers the signed address alone, with this status."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if urlsplit(handler.path).query == f"X-Amz-Signature={SECRET}":
            send(handler, content, status)
        else:
            send(handler, b"", 404)

    with answering(answer) as address:
        yield f"{address}/a/registry.parquet"


def test_a_signed_address_is_loaded_from(
    registry: Path, migrated_pg_env: dict[str, str], tmp_path: Path
) -> None:
    with web(200, registry.read_bytes()) as address:
        done = tessera_load(migrated_pg_env, f"{address}?X-Amz-Signature={SECRET}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 tiles of v1")
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_signed_address_that_is_refused(status: int) -> None:
    with web(status) as address:
        for how in ([], ["--json"]):
            said = told(tessera_load({}, f"{address}?X-Amz-Signature={SECRET}", *how))
            assert "a/registry.parquet" in said
            assert SECRET not in said
            assert said.count("\n") == 1


def test_a_signed_address_of_what_is_no_registry(registry: Path) -> None:
    with web(200, b"no parquet") as address:
        said = told(tessera_load({}, f"{address}?X-Amz-Signature={SECRET}"))
    assert "a/registry.parquet" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "address",
    [
        "https://nobody:{}@127.0.0.1:{}/registry.parquet",
        "https://127.0.0.1:{1}/registry.parquet?sig={0}",
        "https://127.0.0.1:{1}/a/{0}?sig={0}",
        "https://nobody:{}@127.0.0.1:{}/",
        "https://nobody:{}@127.0.0.1:{}nonsense/registry.parquet",
        "ftp://nobody:{}@127.0.0.1:{}/registry.parquet",
        "s3://nobody:{}@bucket/registry.parquet?{}",
    ],
)
def test_an_address_with_a_secret_where_nobody_is(address: str) -> None:
    named = address.format(SECRET, free_port())
    said = told(tessera_load({"AWS_REGION": "x", "AWS_MAX_ATTEMPTS": "1"}, named))
    assert said.startswith("tessera-load: ")
    assert SECRET not in said.replace(f"/a/{SECRET}", "")  # a path is no secret
    assert said.count("\n") == 1


# --- stores ------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [["scan", "s3"], ["verify", "s3"], ["scan", "s3", "--json"]])
def test_a_bucket_that_is_away(tmp_path: Path, verb: list[str]) -> None:
    world = World(tmp_path)
    world.add("s3", "s3://bucket/v1", endpoint=f"http://127.0.0.1:{free_port()}")
    world.environment = {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": f"token-{SECRET}",
        "AWS_REGION": "nowhere",
    }
    done = world.run(*verb)
    assert SECRET not in done.stdout + done.stderr


# --- the API -----------------------------------------------------------------------------------


@contextmanager
def logging_api(env: Mapping[str, str], log: Path) -> Iterator[httpx.Client]:
    """A client of the API, all of whose log goes into a file."""
    with (
        started(env, log) as (address, _),
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


PATHS = ("/search?limit=1", "/collections", "/_mgmt/health", "/summary", "/features/collections")


def test_the_api_while_its_database_is_away(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with logging_api(database(free_port()), log) as client:
        answers = [client.get(path) for path in PATHS]
    assert {answer.status_code for answer in answers} == {503}
    text = log.read_text()
    assert "DatabaseUnavailable" in text
    assert SECRET not in text
    assert all(SECRET not in f"{answer.headers}{answer.text}" for answer in answers)


def test_the_api_while_its_database_refuses_the_password(tmp_path: Path, postgres: Server) -> None:
    log = tmp_path / "log"
    env = {
        **postgres.environment("postgres"),
        "TESSERA_API_PGUSER": "nobody",
        "TESSERA_API_PGPASSWORD": SECRET,
    }
    with logging_api(env, log) as client:
        answers = [client.get(path) for path in PATHS]
    assert {answer.status_code for answer in answers} == {503}
    text = log.read_text()
    assert "authentication failed" in text
    assert SECRET not in text
    for answer in answers:
        # Nor the server's address, or its users' names.
        assert not any(word in answer.text for word in (SECRET, "127.0.0.1", "nobody"))


def test_settings_of_the_api_that_are_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", "tessera_api.app:app", "--port", str(free_port())],
        env=environment(database(5432, TESSERA_API_POOL_SIZE="many")),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "TESSERA_API_POOL_SIZE" in done.stderr
    assert SECRET not in done.stderr + done.stdout

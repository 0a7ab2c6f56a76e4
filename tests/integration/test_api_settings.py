"""What the API is told by its environment: wrong settings, and a password in a file."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import psycopg
import pytest
from api_server import PUBLIC, Catalogue, running
from clusters import until

WRONG = {
    "TESSERA_API_RATE_LIMIT": "fast",
    "TESSERA_API_MAX_LAG": "-1",
    "TESSERA_API_BROWSER": "javascript:alert(1)",
    "TESSERA_API_POOL_SIZE": "0",
    "TESSERA_API_PGPASSWORD_FILE": "/nothing/there",
    "PGPORT": "x",
}


@pytest.mark.parametrize("variable", WRONG)
def test_a_wrong_setting_ends_the_start_with_a_line_that_names_it(variable: str) -> None:
    done = start({variable: WRONG[variable]})
    assert done.returncode == 2
    (line,) = (line for line in done.stderr.splitlines() if "tessera_api" in line)
    assert line.startswith(f"tessera_api: {variable}: ")


def test_empty_settings_are_as_good_as_none() -> None:
    assert start(dict.fromkeys(WRONG, "")).returncode == 0


def start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Load the application as uvicorn does."""
    return subprocess.run(
        [sys.executable, "-c", "import tessera_api.app"],
        env={**os.environ, **environment}, capture_output=True, text=True,
    )  # fmt: skip


def test_the_landing_page_links_the_browser_that_is_set(catalogue: Catalogue) -> None:
    setting = {"TESSERA_API_BROWSER": "/browser/"}
    with running({**catalogue.environment, **setting}) as address:
        page = httpx.get(f"{address}/", headers=PUBLIC).json()
    linked = [link["href"] for link in page["links"] if link["rel"] == "alternate"]
    assert linked == ["https://stac.example.org/browser/"]


def test_a_password_in_a_file_may_change_while_the_api_runs(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    user, secret = f"tessera_test_{uuid.uuid4().hex[:8]}", tmp_path / "secret"
    # As a secret of compose is: readable for all, and with a line's end.
    secret.write_text("first\n")
    secret.chmod(0o444)
    environment = {
        **catalogue.environment,
        "TESSERA_API_PGUSER": user,
        "TESSERA_API_PGPASSWORD": "the file has precedence",
        "TESSERA_API_PGPASSWORD_FILE": str(secret),
    }
    end = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{user}'"
    with psycopg.connect(catalogue.conninfo, autocommit=True) as server:
        server.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'first' IN ROLE tessera_api".encode())
        try:
            with running(environment) as address, httpx.Client(base_url=address) as client:
                assert client.get("/_mgmt/health").status_code == 200
                server.execute(f"ALTER ROLE {user} PASSWORD 'second'".encode())
                # Those that are there stay; new ones are refused until the file has the new one.
                assert client.get("/search?limit=1").status_code == 200
                server.execute(end.encode())
                until(lambda: client.get("/_mgmt/health").status_code == 503)
                secret.chmod(0o644)
                secret.write_text("second\n")
                until(lambda: client.get("/_mgmt/health").status_code == 200)
                assert client.get("/search?limit=1").status_code == 200
        finally:
            server.execute(end.encode())
            server.execute(f"DROP ROLE {user}".encode())

"""The API as the public meets it, behind Caddy with the project's own configuration."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tessera_local import services
from tessera_local.ports import free_port


@contextmanager
def behind_caddy(api_port: int, home: Path) -> Iterator[httpx.Client]:
    """A client of Caddy, which passes `/api` on to that port."""
    port = free_port()
    caddy = services.caddy(api_port, port, home)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            caddy.command, env={**os.environ, **caddy.environment}, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            deadline = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < deadline:
                try:
                    client.get("/api/_mgmt/ping")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def public(api_address: str, tmp_path: Path) -> Iterator[httpx.Client]:
    with behind_caddy(urlsplit(api_address).port or 0, tmp_path) as client:
        yield client


def test_links_are_of_the_public_address(public: httpx.Client) -> None:
    page = public.get("/api/").json()
    hrefs = {link["rel"]: link["href"] for link in page["links"]}
    assert hrefs["self"] == f"{str(public.base_url).rstrip('/')}/api/"
    assert public.get(hrefs["icon"]).headers["content-type"] == "image/png"
    found = public.get("/api/search", params={"limit": 1})
    assert found.status_code == 200
    assert found.headers["content-encoding"] in ("gzip", "zstd")


def test_features_are_at_the_root_too(public: httpx.Client) -> None:
    page = public.get("/features/collections/tessera.tile/items", params={"limit": 2}).json()
    hrefs = {link["rel"]: link["href"] for link in page["links"]}
    assert hrefs["next"].startswith(f"{str(public.base_url).rstrip('/')}/api/features/")
    assert public.get(hrefs["next"]).json()["numberMatched"] == page["numberMatched"]
    landing = public.get("/features", follow_redirects=True).json()
    for link in landing["links"]:
        if not link.get("templated"):
            assert public.get(link["href"]).is_success, link


def test_bodies_that_are_too_long(public: httpx.Client) -> None:
    """Refused before the API has them; those that are long for a reason pass."""
    ring = [[i / 10000, 51.0] for i in range(10_000)] + [[1.0, 52.0], [0.0, 51.0]]
    place = {"type": "Polygon", "coordinates": [ring]}
    assert public.post("/api/search", json={"intersects": place}).status_code == 200
    answer = public.post("/api/search", json={"ids": ["x" * 2_000_000]})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"code", "description"}


def test_an_api_that_is_away(tmp_path: Path) -> None:
    with behind_caddy(free_port(), tmp_path) as public:
        for path in ("/api/search", "/features/"):
            answer = public.get(path, headers={"Origin": "https://x.example"})
            assert answer.status_code == 503
            assert set(answer.json()) == {"code", "description"}
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["access-control-allow-origin"] == "*"

"""The API as the public meets it, behind Caddy with the project's own configuration."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from api_reads import GETS, PAUSE, POSTS, Readings
from api_server import Catalogue, started
from caddy_server import behind_caddy, caddy

from tessera_local.ports import free_port


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


# --- two servers --------------------------------------------------------------------------------


def read_on(read: Callable[[], None], killed: threading.Event) -> None:
    """Read, and once more after an answer that broke off by the kill: nobody can send its rest."""
    try:
        read()
    except httpx.RemoteProtocolError:
        assert killed.is_set()
        read()


def post_all_the_time(public: httpx.Client, seen: Readings) -> None:
    while not seen.stop.is_set():
        for number, body in enumerate(POSTS):
            answer = public.post("/search", json=body)
            seen.statuses[f"POST {number}"].add(answer.status_code)
            seen.stop.wait(PAUSE)


def test_no_request_fails_but_what_is_being_answered_when_one_of_two_servers_is_killed(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    def titles() -> set[str]:
        return {public.get("/").json()["title"] for _ in range(10)}

    one, two = ({**catalogue.environment, "TESSERA_API_TITLE": title} for title in ("one", "two"))
    with (
        started(one) as (first, process),
        started(two) as (second, _),
        caddy(tmp_path, *(urlsplit(address).port or 0 for address in (first, second))) as public,
    ):
        public.base_url = public.base_url.join("/api")
        assert titles() == {"one", "two"}
        seen = Readings()
        with ThreadPoolExecutor() as pool:
            reads = [partial(seen.read, public, paths) for paths in (GETS, GETS[::-1])]
            reads += [partial(post_all_the_time, public, seen)] * 3
            killed = threading.Event()
            tasks = [pool.submit(read_on, read, killed) for read in reads]
            time.sleep(3)
            killed.set()
            process.kill()
            time.sleep(4)
            seen.stop.set()
        for task in tasks:
            task.result()
        assert {path: codes for path, codes in seen.statuses.items() if codes != {200}} == {}
        assert {"/search", "POST 0"} <= seen.statuses.keys()
        assert titles() == {"two"}

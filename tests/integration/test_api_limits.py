"""Limits of what clients may ask at once: rates, and waiting for the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from api_server import Catalogue, running
from test_api_behind_caddy import behind_caddy

ORIGIN = {"Origin": "https://browser.example"}


@contextmanager
def limited(catalogue: Catalogue, rate: str) -> Iterator[str]:
    environment = {
        **catalogue.environment,
        "TESSERA_API_RATE_LIMIT": rate,
        "TESSERA_API_METRICS": "true",
    }
    with running(environment) as address:
        yield address


@contextmanager
def client_at(address: str, source: str, **headers: str) -> Iterator[httpx.Client]:
    """A client of that address, with an address of its own; 127.0.0.1 is trusted as a proxy."""
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(base_url=address, transport=transport, headers=headers) as client:
        yield client


def statuses(client: httpx.Client, count: int, **headers: str) -> list[int]:
    return [client.get("/conformance", headers=headers).status_code for _ in range(count)]


def test_who_asks_too_often_is_told_when_to_come_again(catalogue: Catalogue) -> None:
    with limited(catalogue, "3/5 seconds") as address, httpx.Client(base_url=address) as client:
        for path in ("/search?limit=1", "/nothing", "/features/"):
            assert client.get(path).status_code != 429
        answer = client.get("/collections", headers=ORIGIN)
        assert answer.status_code == 429
        assert set(answer.json()) == {"code", "description"}
        assert answer.json()["code"] == "TooManyRequests"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        wait = int(answer.headers["retry-after"])
        assert 1 <= wait <= 5
        time.sleep(wait)
        assert client.get("/collections").status_code == 200


def test_what_watches_the_api_and_what_browsers_ask_first_is_not_counted(
    catalogue: Catalogue,
) -> None:
    preflight = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    with limited(catalogue, "1/hour") as address, httpx.Client(base_url=address) as client:
        for _ in range(3):
            for path in ("/_mgmt/ping", "/_mgmt/health", "/_mgmt/metrics"):
                assert client.get(path).status_code == 200
            assert client.options("/search", headers=preflight).status_code == 200
        assert statuses(client, 2) == [200, 429]
        text = client.get("/_mgmt/metrics").text
        assert 'http_requests_total{handler="/conformance",method="GET",status="429"} 1.0' in text


def test_the_shortest_and_the_longest_of_several_rates_hold(catalogue: Catalogue) -> None:
    rates = "2/5 seconds; 3/hour"
    with limited(catalogue, rates) as address, httpx.Client(base_url=address) as client:
        assert statuses(client, 3) == [200, 200, 429]
        time.sleep(5.1)
        # The one that was refused is counted as well.
        answer = client.get("/conformance")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 3000


def test_clients_are_told_apart_and_cannot_say_who_they_are(catalogue: Catalogue) -> None:
    with limited(catalogue, "2/hour") as address, client_at(address, "127.0.0.2") as client:
        assert statuses(client, 2) == [200, 200]
        for number in range(5):
            there = f"198.51.100.{number}"
            assert statuses(client, 1, **{"X-Forwarded-For": there}) == [429]
            assert statuses(client, 1, **{"Forwarded": f"for={there}"}) == [429]
            assert statuses(client, 1, **{"X-Real-IP": there}) == [429]
            assert statuses(client, 1, **{"X-Forwarded-Prefix": "/_mgmt/"}) == [429]
        with client_at(address, "127.0.0.3") as other:
            assert statuses(other, 3) == [200, 200, 429]


def test_a_trusted_proxy_says_who_they_are_with_its_last_word(catalogue: Catalogue) -> None:
    with limited(catalogue, "2/hour") as address, client_at(address, "127.0.0.1") as proxy:
        for number in range(4):
            told = {"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"}
            assert statuses(proxy, 1, **told) == [200 if number < 2 else 429]
        networks = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]
        answered = [statuses(proxy, 1, **{"X-Forwarded-For": each})[0] for each in networks]
        assert answered == [200, 200, 429, 200]


def test_behind_caddy_they_cannot_either(catalogue: Catalogue, tmp_path: Path) -> None:
    with (
        limited(catalogue, "5/hour") as address,
        behind_caddy(urlsplit(address).port or 0, tmp_path) as public,
    ):
        told = [{"X-Forwarded-For": f"198.51.100.{n}"} for n in range(10)]
        answers = [public.get("/api/conformance", headers=each).status_code for each in told]
        assert answers == [200] * 5 + [429] * 5
        assert public.get("/api/_mgmt/metrics").status_code == 404


def test_there_is_no_limit_by_default(api: httpx.Client) -> None:
    assert set(statuses(api, 100)) == {200}


@pytest.mark.parametrize("path", ["/search?limit=1", "/summary", "/_mgmt/health"])
def test_who_waits_for_a_busy_database_is_told_in_time(catalogue: Catalogue, path: str) -> None:
    """One connection, which waits for a lock: all others are refused, none waits on."""
    environment = {
        **catalogue.environment,
        "TESSERA_API_POOL_SIZE": "1",
        "TESSERA_API_CONNECT_TIMEOUT": "0.5",
        "TESSERA_API_STATEMENT_TIMEOUT": "3",
    }
    with (
        psycopg.connect(catalogue.conninfo) as server,
        running(environment) as address,
        httpx.Client(base_url=address, timeout=60) as client,
        ThreadPoolExecutor(40) as pool,
    ):
        assert client.get(path).status_code == 200
        server.execute("LOCK TABLE tessera.collection IN ACCESS EXCLUSIVE MODE")
        # One after the other they would have to wait for longer than the client does.
        answers = list(pool.map(client.get, [path] * 40))
        assert {answer.status_code for answer in answers} == {503}
        server.rollback()
        assert client.get(path).status_code == 200

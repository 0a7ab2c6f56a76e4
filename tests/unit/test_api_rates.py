"""Who is counted as one client, and how many counts are kept."""

from __future__ import annotations

import asyncio

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from tessera_api import rates
from tessera_api.rates import RateMiddleware, client_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
        ("2001:db8:0:1::1", "2001:DB8::1:0:0:0:2"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("", "unix:"),
        ("192.0.2.1.5", "unknown"),
    ],
)
def test_the_same_client(one: str, other: str) -> None:
    assert client_key((one, 1)) == client_key((other, 2))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ("192.0.2.1", "unknown"),
    ],
)
def test_different_clients(one: str, other: str) -> None:
    assert client_key((one, 1)) != client_key((other, 1))


def test_a_server_without_addresses_has_one_client() -> None:
    assert client_key(None) == client_key(("", 0))


@pytest.mark.parametrize("rate", ["0/minute", "5", "5/fortnight", "5/minute;x", "-5/minute", "/"])
def test_what_is_no_rate_is_told_how_to_write_one(rate: str) -> None:
    with pytest.raises(ValueError, match=f"'{rate}' is no rate: write 600/minute"):
        rates.checked(rate)


def test_clients_without_number_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_CLIENTS", 50)
    limit = RateMiddleware(PlainTextResponse("here"), "1/second;2/day", unlimited=())
    kept = []

    async def ask(address: str) -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "path": "/", "client": (address, 1), "headers": []}
        await limit(scope, None, send)  # type: ignore[arg-type]
        tables = [each for each in vars(limit.storage).values() if isinstance(each, dict)]
        kept.append(max(map(len, tables)))
        return int(sent[0]["status"])

    async def ask_all() -> list[int]:
        return [await ask(f"10.0.{n // 250}.{n % 250}") for n in range(1000)] + [
            await ask("192.0.2.1") for _ in range(2)
        ]

    statuses = asyncio.run(ask_all())
    assert statuses == [200] * 1001 + [429]
    assert 50 < max(kept) <= 2 * 51

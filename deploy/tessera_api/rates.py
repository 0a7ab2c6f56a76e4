"""Rates of requests: who asks too often is told when to come again (429).

Every process counts for itself: behind a proxy that spreads requests over two, a client has twice
the rate. Counts are kept in memory, by address; an address is what the server says it is, which
is what a proxy says only when the server was told to trust that one (uvicorn's
`--forwarded-allow-ips`).
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address
from typing import TypeAlias

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from tessera_api.errors import problem
from tessera_api.http import is_below

Client: TypeAlias = tuple[str, int] | None

MAX_CLIENTS = 10_000
"""Clients of which a count is kept. When there are more, all begin anew: one who has that many
addresses is not held back by counting them, and the others must not be forgotten one by one for
them, nor the memory grow."""

NETWORK_BITS = 64
"""What of an IPv6 address is a client's: the rest are those of one network, chosen at will."""


def checked(text: str) -> str:
    """A setting of rates as it is; ValueError, in a line for the operator, when it is none."""
    rates(text)
    return text


def rates(text: str) -> list[RateLimitItem]:
    """The rates of a setting: `600/minute`, `20/second;600/minute`; none when it is empty."""
    if not text.strip():
        return []
    try:
        found = parse_many(text)
    except ValueError:
        found = []
    if not found or any(rate.amount == 0 for rate in found):
        raise ValueError(f"{text[:60]!r} is no rate: write 600/minute, or 20/second;600/minute")
    return found


def client_key(client: Client) -> str:
    """Who is counted as one; all that have no address are."""
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return f"{int(address) >> (128 - NETWORK_BITS):x}"
        address = address.ipv4_mapped
    return str(address)


class RateMiddleware:
    """Answer 429 to a client that has had its requests of this time."""

    def __init__(self, app: ASGIApp, limit: str, unlimited: tuple[str, ...]) -> None:
        """`unlimited` are beginnings of the paths that are neither counted nor refused."""
        self.app = app
        self.rates = rates(limit)
        self.unlimited = unlimited
        self.storage = MemoryStorage()
        self.limiter = FixedWindowRateLimiter(self.storage)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request and run it, or refuse it."""
        if scope["type"] == "http" and self.rates and not is_below(scope, self.unlimited):
            wait = await self._wait(client_key(scope["client"]))
            if wait:
                text = f"too many requests: try again in {wait} s"
                answer = problem(429, "TooManyRequests", text, retry_after=wait)
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _wait(self, key: str) -> int:
        """Count a request; whole seconds until one would be answered, 0 when this one is."""
        if len(self.storage.storage) > MAX_CLIENTS * len(self.rates):
            await self.storage.reset()
        ends = [
            (await self.limiter.get_window_stats(rate, key)).reset_time
            for rate in self.rates
            if not await self.limiter.hit(rate, key)
        ]
        return max(1, math.ceil(max(ends) - time.time())) if ends else 0

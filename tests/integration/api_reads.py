"""Every kind of read that the API answers, and readers who ask for them all the time."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

COLLECTION = "/collections/geotessera-2021"
FEATURES = "/features/collections/tessera.tile"

GETS = (
    "/", "/conformance", "/api", "/collections", "/collections?q=tessera", "/queryables",
    "/sortables", "/summary", "/search", "/search?sortby=tessera:lat&limit=1",
    '/search?filter="tessera:in_s3"&limit=5',
    "/search?bbox=0,52,1,53&datetime=2021-06-01T00:00:00Z",
    COLLECTION, f"{COLLECTION}/items", f"{COLLECTION}/items/2021_grid_0.05_52.05",
    f"{COLLECTION}/queryables", f"{COLLECTION}/sortables",
    "/coverage/geotessera-2021.png", "/coverage/geotessera-2021.json",
    "/coverage/geotessera-2021.png?show=verified", "/tiles/geotessera-2021/8/128/84.mvt",
    "/features/collections", FEATURES, f"{FEATURES}/items?limit=2",
    f"{FEATURES}/items?filter=lat>52&limit=2",
    "/features/collections/tessera.coverage/items?limit=1",
    "/_mgmt/health", "/_mgmt/ping",
)  # fmt: skip

POSTS: Sequence[dict[str, Any]] = (
    {"bbox": [0, 52, 1, 53]},
    {"filter": {"op": "a_contains", "args": [{"property": "tessera:missing_stores"}, ["s3"]]}},
    {"intersects": {"type": "Point", "coordinates": [0.05, 52.05]}, "limit": 1},
)


PAUSE = 0.02
"""Seconds of a reader between two requests: the machine is for what is tested beside them, too."""


@dataclass
class Readings:
    """What readers of a standby were answered."""

    statuses: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    sizes: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """By ETag: the size that a page's embeddings have, which is that of one load."""

    stop: threading.Event = field(default_factory=threading.Event)

    def read(self, client: httpx.Client, paths: Sequence[str]) -> None:
        while not self.stop.is_set():
            for path in paths:
                answer = client.get(path)
                self.statuses[path].add(answer.status_code)
                self.stop.wait(PAUSE)

    def read_sizes(self, client: httpx.Client) -> None:
        path = "/collections/geotessera-2021/items?limit=500"
        while not self.stop.is_set():
            answer = client.get(path)
            self.statuses[path].add(answer.status_code)
            if answer.status_code == 200:
                items = answer.json()["features"]
                (size,) = {item["assets"]["embeddings"]["file:size"] for item in items}
                self.sizes[answer.headers["etag"]].add(size)
            self.stop.wait(PAUSE)


@contextmanager
def reading(client: httpx.Client) -> Iterator[Readings]:
    seen = Readings()
    with ThreadPoolExecutor() as pool:
        tasks = [
            pool.submit(seen.read, client, GETS),
            pool.submit(seen.read, client, GETS[::-1]),
            pool.submit(seen.read_sizes, client),
        ]
        try:
            yield seen
        finally:
            seen.stop.set()
    for task in tasks:
        task.result()

"""The row about tessera-export, beside paging through our API for the same items."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from catalogues import linked
from harness import BIN, FULL, Bench, Row, note, run
from searching import OURS
from serving import Client, Request, serving

_PAGED = 60_000
"""Items that are paged for: each page takes as long as the one before."""


def rows(bench: Bench) -> Iterator[Row]:
    """Measure the export of all items, in items a second."""
    environment = linked(bench, bench.tiles).environment
    note("export of items")
    told = _export(environment, bench.folder / "exported")
    note("the same items from the API, page by page")
    with serving(OURS, environment) as port:
        begun = time.perf_counter()
        rival = _page(Client(port)) / (time.perf_counter() - begun)
    ours = told["items"] / told["seconds"]
    star = "* " if bench.tiles >= FULL else "(*) "
    unit = "items a second, one run; our API, 1000 a page"
    yield Row(f"{star}export of items", rival, ours, ours / rival, "> 1", "", unit, bench.tiles)


def _export(environment: dict[str, str], folder: Path) -> dict[str, float]:
    told: dict[str, float] = json.loads(
        run([BIN / "tessera-export", "items", folder, "--json"], environment)
    )
    return told


def _page(client: Client) -> int:
    """Follow the pages of all items; how many came."""
    path, paged = "/search?limit=1000", 0
    while path and paged < _PAGED:
        answer = json.loads(client.send(Request(path)))
        paged += len(answer["features"])
        following = (link["href"] for link in answer["links"] if link["rel"] == "next")
        path = next((href[href.index("/search") :] for href in following), "")
    return paged

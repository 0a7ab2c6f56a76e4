"""`/_mgmt/metrics`: what to watch, for Prometheus; docs/operations/watching.md says what for.

Requests are counted as they pass; what is said of the catalogue and of the database is read when
it is asked for, so that it is never old, and left out when it cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fastapi import FastAPI, HTTPException, Request, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator.metrics import Info

from tessera_api import gauges, summary
from tessera_api.database import AWAY
from tessera_api.health import replication

PATH = "/_mgmt/metrics"

METHODS = ("GET", "HEAD", "POST", "OPTIONS")
"""Those that are told apart: a client can call its method anything."""

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of the histogram: a fast page to a statement's time limit and beyond."""


def add(app: FastAPI, prefix: str) -> None:
    """Count the requests of an application, and serve the metrics under `prefix` and PATH."""
    # A second series for each, of when it began.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    Instrumentator(
        should_group_status_codes=False, excluded_handlers=["/_mgmt/"], registry=registry
    ).add(_counted(registry)).instrument(app)

    @app.get(f"{prefix}{PATH}", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        # What comes through a proxy comes from the public, whatever the proxy was told.
        if "x-forwarded-for" in request.headers:
            raise HTTPException(404)
        content = generate_latest(registry) + generate_latest(await _gauges(app))
        return Response(content, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


@dataclass
class _Gauges(Collector):
    """Gauges as prometheus_client collects them."""

    families: list[Metric]

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self.families


async def _gauges(app: FastAPI) -> _Gauges:
    pool = list(gauges.of_pool(app.state.readpool))
    try:
        async with app.state.get_connection() as connection:
            server = await replication(connection)
            found = await summary.read(connection)
    except AWAY:
        return _Gauges([*pool, gauges.of_availability(up=False)])
    up = gauges.of_availability(up=True)
    return _Gauges([*pool, up, *gauges.of_replication(server), *gauges.of_catalogue(found)])


def _counted(registry: CollectorRegistry) -> Callable[[Info], None]:
    """What counts a request by the template of its route, `none` for a path that has no route."""
    requests = Counter(
        "http_requests", "Requests answered", ["handler", "method", "status"], registry=registry
    )
    seconds = Histogram(
        "http_request_duration_seconds", "From the request to the last byte of its answer",
        ["handler", "method"], registry=registry, buckets=SECONDS,
    )  # fmt: skip

    def count(info: Info) -> None:
        method = info.method if info.method in METHODS else "other"
        requests.labels(info.modified_handler, method, info.modified_status).inc()
        seconds.labels(info.modified_handler, method).observe(info.modified_duration)

    return count

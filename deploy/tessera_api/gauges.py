"""Gauges of the catalogue, of the database and of the connections to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import asyncpg
from prometheus_client.metrics_core import GaugeMetricFamily

from tessera_api.health import Replication
from tessera_api.summary import LinkedCopies, Summary, Year

Value: TypeAlias = float | dt.datetime | None
"""A time is told in seconds since 1970; None is left out."""

Where: TypeAlias = tuple[str, ...]
"""Values of the labels: dataset, year, store."""

Samples: TypeAlias = Mapping[Where, Value]


def of_pool(pool: asyncpg.Pool) -> Iterator[GaugeMetricFamily]:
    """The connections of this process."""
    size, idle = pool.get_size(), pool.get_idle_size()
    yield _gauge(
        "tessera_api_connections", "Connections to the database", ["state"],
        {("used",): size - idle, ("idle",): idle},
    )  # fmt: skip
    yield _one(
        "tessera_api_connections_max", "Connections that there may be at once", pool.get_max_size()
    )


def of_availability(*, up: bool) -> GaugeMetricFamily:
    """Whether there is anything else to tell."""
    return _one("tessera_database_up", "Whether the catalogue can be read (1) or not (0)", up)


def of_replication(server: Replication) -> Iterator[GaugeMetricFamily]:
    """The database server's part in a replication."""
    yield _one(
        "tessera_database_standby", "Whether the server is a standby (1) or a primary (0)",
        server.standby,
    )  # fmt: skip
    yield _one(
        "tessera_replication_receiving", "Whether a standby receives the primary's log",
        server.receiving if server.standby else None,
    )  # fmt: skip
    yield _one(
        "tessera_replication_lag_seconds",
        "Time since the last transaction replayed; 0 when all that was received is replayed",
        server.lag_seconds,
    )
    yield _one(
        "tessera_replication_lag_bytes", "Log received and not yet replayed", server.lag_bytes
    )


def of_catalogue(found: Summary) -> Iterator[GaugeMetricFamily]:
    """What there is and where; the numbers of `/summary`."""
    yield _one("tessera_catalogue_revision", "Grows with every change", found.revision)
    years: dict[Where, Year] = {
        (d.dataset, str(year.year)): year for d in found.datasets for year in d.years
    }
    yield from _of_years(years)
    copies: dict[Where, LinkedCopies] = {
        (*where, store): of for where, year in years.items() for store, of in year.stores.items()
    }
    yield from _of_stores(copies)
    yield from _of_manifests(copies)


def _of_years(years: Mapping[Where, Year]) -> Iterator[GaugeMetricFamily]:
    def gauge(name: str, text: str, values: Iterable[Value]) -> GaugeMetricFamily:
        samples = dict(zip(years, values, strict=True))
        return _gauge(f"tessera_catalogue_{name}", text, ["dataset", "year"], samples)

    each = years.values()
    yield gauge("tiles", "Tiles of the registry", (y.tiles for y in each))
    yield gauge("bytes", "Size of one copy of each tile, as far as known", (y.bytes for y in each))
    yield gauge(
        "fully_replicated_tiles", "Tiles with a sound copy on every store",
        (y.fully_replicated for y in each),
    )  # fmt: skip
    yield gauge("nowhere_tiles", "Tiles without any sound copy", (y.nowhere for y in each))
    yield gauge("loaded_timestamp_seconds", "When a load changed it last", (y.loaded for y in each))


def _of_stores(copies: Mapping[Where, LinkedCopies]) -> Iterator[GaugeMetricFamily]:
    labels = ["dataset", "year", "store"]
    states = {
        (*where, state): count
        for where, of in copies.items()
        for state, count in {
            "held": of.tiles,
            "stale": of.stale,
            "incomplete": of.incomplete,
            "missing": of.missing,
        }.items()
    }
    yield _gauge(
        "tessera_store_tiles", "Tiles by the state of their copy", [*labels, "state"], states
    )
    yield _gauge(
        "tessera_store_bytes", "Size of the sound copies, as far as known", labels,
        {where: of.bytes for where, of in copies.items()},
    )  # fmt: skip


def _of_manifests(copies: Mapping[Where, LinkedCopies]) -> Iterator[GaugeMetricFamily]:
    manifests = {where: of.manifest for where, of in copies.items() if of.manifest is not None}

    def gauge(name: str, text: str, values: Iterable[Value]) -> GaugeMetricFamily:
        samples = dict(zip(manifests, values, strict=True))
        return _gauge(f"tessera_manifest_{name}", text, ["dataset", "year", "store"], samples)

    each = manifests.values()
    yield gauge("made_timestamp_seconds", "When the store was looked at", (m.made for m in each))
    yield gauge("linked_timestamp_seconds", "When it was linked", (m.linked for m in each))
    yield gauge("unknown_tiles", "Tiles that the registry has not", (m.unknown for m in each))
    yield gauge("verified_tiles", "Copies ever verified", (m.verified.copies for m in each))
    yield gauge(
        "oldest_verification_timestamp_seconds", "When the copy verified longest ago was",
        (m.verified.oldest for m in each),
    )  # fmt: skip


def _one(name: str, text: str, value: Value) -> GaugeMetricFamily:
    return _gauge(name, text, [], {(): value})


def _gauge(name: str, text: str, labels: list[str], samples: Samples) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for where, value in samples.items():
        if value is not None:
            number = value.timestamp() if isinstance(value, dt.datetime) else float(value)
            family.add_metric(where, number)
    return family

"""Databases of synthetic tiles: each is loaded, and linked, once for all parts of a run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness import BIN, Bench, connect, note, peak_memory, run, seconds

from tessera_catalog.stores import load_stores


@dataclass(frozen=True)
class Loaded:
    """A catalogue of synthetic tiles, and what its load took."""

    environment: dict[str, str]
    registry: Path
    seconds: float
    memory: float
    """Gigabytes."""


@dataclass(frozen=True)
class Linked:
    """A catalogue whose items are linked, and which is not at work any more."""

    environment: dict[str, str]
    data: Path
    """Its manifests. Who changes them puts them back."""

    load_seconds: float


def load(registry: Path, environment: dict[str, str]) -> float:
    """Seconds of a whole run of tessera-load."""
    return seconds(lambda: run([BIN / "tessera-load", registry, "--json"], environment))


def migrate(environment: dict[str, str]) -> None:
    """Install the schema, so that a load that is timed only loads."""
    run(
        [BIN / "python", "-c", "from tessera_catalog.migrations import migrate; migrate()"],
        environment,
    )


def vacuum(environment: dict[str, str]) -> None:
    """Do at once what the server would do later, beside what is measured."""
    with connect(environment) as connection:
        connection.autocommit = True
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


@cache
def loaded(bench: Bench, tiles: int) -> Loaded:
    """A catalogue of so many tiles."""
    registry = bench.synthetic(tiles) / "registry.parquet"
    environment = bench.create()
    migrate(environment)
    note(f"load {tiles:,}")
    begun = time.perf_counter()
    memory = peak_memory([BIN / "tessera-load", registry, "--json"], environment)
    return Loaded(environment, registry, time.perf_counter() - begun, memory)


@cache
def linked(bench: Bench, tiles: int) -> Linked:
    """The same catalogue, linked."""
    catalogue = loaded(bench, tiles)
    data = bench.folder / f"linked-{tiles}"
    data.mkdir()
    for store in load_stores().names:
        # A link is enough: a changed manifest is a new file.
        (data / f"{store}.parquet").hardlink_to(bench.synthetic(tiles) / f"{store}.parquet")
    note(f"link {tiles:,}")
    run([BIN / "tessera-sync", "link", "--data", data], catalogue.environment)
    vacuum(catalogue.environment)
    return Linked(catalogue.environment, data, catalogue.seconds)

"""The project for QGIS, opened by QGIS itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import api_server
import pytest
from registries import STORES, select, value
from synthetic_world import synthetic

from tessera_local.qgis import write_project
from tessera_local.server import Server

PYTHON = "/usr/bin/python3"
"""Debian's, which has Debian's QGIS."""

PROBE = Path(__file__).with_name("qgis_probe.py")
AREA = (-2, 53, -0.5, 54.5)

TILES = 60_000


def has_qgis() -> bool:
    """Whether QGIS is installed."""
    try:
        command = [PYTHON, "-c", "import qgis.core"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not has_qgis(), reason="no QGIS: make test-qgis installs it")

READ = """
    SELECT coalesce(sum(seq_tup_read), 0)::bigint FROM pg_stat_user_tables
    WHERE schemaname = 'tessera' AND relname LIKE 'tile_%'"""


@pytest.fixture(scope="module")
def catalogue(
    postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[api_server.Catalogue]:
    with synthetic(postgres, tmp_path_factory.mktemp("tiles"), TILES) as made:
        yield made


@pytest.fixture(scope="module")
def opened(
    catalogue: api_server.Catalogue, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The project's layers by name, and how many rows opening it read from end to end."""
    folder = tmp_path_factory.mktemp("qgis")
    project = write_project(folder / "project.qgs", catalogue.environment)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "QT_QPA_PLATFORM": "offscreen",
    }
    before = value(catalogue.conninfo, READ)
    with subprocess.Popen(
        [PYTHON, PROBE, project, *map(str, AREA)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as probe:
        assert probe.stdout is not None
        assert probe.stdout.readline() == "opened\n"
        # Sessions report what they have read when they are idle for a second.
        select(catalogue.conninfo, "SELECT pg_sleep(1.5)")
        read = value(catalogue.conninfo, READ) - before
        out, _ = probe.communicate("go on\n", timeout=120)
        assert probe.returncode == 0
    return {"read": read, "layers": {layer["name"]: layer for layer in json.loads(out)}}


def test_layers(opened: dict[str, Any]) -> None:
    layers = opened["layers"]
    assert list(layers) == [
        *(f"Gaps at {name}, 2024" for name in STORES.names),
        "Tiles 2024, number of copies",
        "Coverage 2024, % of copies",
    ]
    for layer in layers.values():
        assert layer["valid"]
        assert (layer["key"], layer["type"], layer["crs"]) == (["id"], "Polygon", "EPSG:4326")
    assert {layer["drawn"] for layer in layers.values()} == {
        "singleSymbol", "categorizedSymbol", "graduatedSymbol",
    }  # fmt: skip


def test_opening_reads_no_table_from_end_to_end(opened: dict[str, Any]) -> None:
    assert opened["read"] < TILES / 100


@pytest.mark.parametrize(
    ("layer", "query"),
    [
        ("Tiles 2024, number of copies", "SELECT id FROM tessera.tile WHERE year = 2024"),
        ("Coverage 2024, % of copies", "SELECT id FROM tessera.coverage WHERE year = 2024"),
        ("Gaps at okavango, 2024", "SELECT id FROM tessera.tile WHERE false"),
        ("Gaps at s3, 2024", "SELECT id FROM tessera.tile WHERE year = 2024"),
    ],
)
def test_features(
    opened: dict[str, Any], catalogue: api_server.Catalogue, layer: str, query: str
) -> None:
    """Those in an area are the ones that SQL finds, and each is found again by its number."""
    box = "ST_MakeEnvelope({}, {}, {}, {}, 4326)".format(*AREA)
    wanted = select(catalogue.conninfo, f"{query} AND geom && {box} ORDER BY id")
    found = opened["layers"][layer]
    assert found["ids"] == [number for (number,) in wanted]
    assert all(found["same"])
    assert (len(found["ids"]) > 0) == ("false" not in query)

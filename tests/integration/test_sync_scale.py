"""The figures of the stores as they are: 3.8 million tiles in each."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sync_world import World

from tessera_catalog import grid
from tessera_catalog.arrays import to_arrow
from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import ROWS
from tessera_catalog.stores import Store
from tessera_sync import manifests

TILES, MORE, FEWER = 3_831_542, 24, 9_184
YEARS = range(2017, 2026)
MADE = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def rows(keys: np.ndarray) -> dict[int, pa.Table]:
    """Rows of tiles by year; a key is year * CELLS + cell, and all sizes are alike."""
    tables = {}
    for year in YEARS:
        cells = keys[keys // grid.CELLS == year] % grid.CELLS
        lon_i, lat_i = grid.cell_centre(cells)
        columns = {
            "year": np.full(len(cells), year, dtype=np.int16),
            "lon_i": lon_i.astype(np.int16),
            "lat_i": lat_i.astype(np.int16),
            "embeddings_size": np.full(len(cells), 108_527_232),
            "scales_size": np.full(len(cells), 3_391_600),
        }
        arrays = [
            to_arrow(columns[field.name])
            if field.name in columns
            else pa.nulls(len(cells), field.type)
            for field in ROWS
        ]
        tables[year] = pa.Table.from_arrays(arrays, schema=ROWS)
    return tables


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """okavango has the registry's tiles, s3 24 more, scaleway 9,184 fewer."""
    made = World(tmp_path_factory.mktemp("world"))
    random = np.random.default_rng(1)
    every = np.concatenate([year * grid.CELLS + np.arange(1_000_000, 1_500_000) for year in YEARS])
    chosen = np.sort(random.choice(every, TILES + MORE, replace=False))
    registry = np.delete(chosen, random.choice(len(chosen), MORE, replace=False))
    fewer = np.delete(registry, random.choice(TILES, FEWER, replace=False))
    for name, keys in {"okavango": registry, "s3": chosen, "scaleway": fewer}.items():
        made.stores.append(Store(name=name, url=f"https://{name}.test/v1"))
        manifests.save(made.data, About(name, "v1", MADE, "made for a test"), rows(keys))
    return made


def test_status_prints_the_figures_of_the_first_server(world: World) -> None:
    done = world.run("status")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert f"Registry: {TILES} tiles across 9 year(s)" in lines
    assert f"Years: {', '.join(map(str, YEARS))}" in lines
    for name, tiles in (("okavango", 3831542), ("s3", 3831566), ("scaleway", 3822358)):
        assert any(line.startswith(f"  {name:<15} {tiles} tiles") for line in lines)
    assert lines[lines.index("Pairwise diffs (missing from target):") + 1 :] == [
        "  okavango -> scaleway: 9184 missing",
        "  s3 -> okavango: 24 missing",
        "  s3 -> scaleway: 9208 missing",
    ]


def test_a_plan_has_exactly_the_tiles_that_are_missing(world: World, tmp_path: Path) -> None:
    done = world.run("plan", "okavango", "scaleway", "--json", "-o", tmp_path / "plan.parquet")
    found = json.loads(done.stdout)
    assert (found["missing"], found["same"], found["extra"]) == (FEWER, TILES - FEWER, 0)
    assert found["bytes"] == FEWER * (108_527_232 + 3_391_600)
    assert found["files"] == 2 * FEWER

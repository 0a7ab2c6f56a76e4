"""Parquet files that are damaged, hostile or huge: exit 2, one line, and memory within bounds."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from registries import TOOL as LOAD

from tessera_catalog.stores import load_stores
from tessera_catalog.synthetic import generate

SYNC = LOAD.with_name("tessera-sync")
DAMAGE = Path(__file__).with_name("parquet_damage.py")
COUNT = 150
"""Damaged files of each kind; `python tests/integration/parquet_damage.py` makes more."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a registry, manifests and a plan."""
    folder = tmp_path_factory.mktemp("data")
    generate(folder, load_stores(), tiles=3000, seed=random.randrange(1000))
    plan = ["plan", "okavango", "scaleway", "-o", folder / "plan.parquet", "--data", folder]
    subprocess.run([SYNC, *plan], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        ("registry", "registry.parquet"),
        ("registry", "scaleway.parquet"),
        ("manifest", "scaleway.parquet"),
        ("plan", "plan.parquet"),
    ],
)
def test_what_is_damaged_is_read_or_refused_and_ends_no_process(
    data: Path, tmp_path: Path, reader: str, name: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    (tmp_path / name).write_bytes((data / name).read_bytes())
    words = [sys.executable, str(DAMAGE), reader, str(tmp_path / name), str(seed), str(COUNT)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    *wrong, counts = done.stdout.splitlines()
    assert wrong == []
    assert json.loads(counts)["refused"] > COUNT // 3


def truncated(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def without_footer(content: bytes) -> bytes:
    return content[:-200] + bytes(192) + content[-8:]


def text(_: bytes) -> bytes:
    return b"lat,lon,year\n0.05,0.05,2024\n" * 100


def nothing(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("spoil", [truncated, without_footer, text, nothing])
@pytest.mark.parametrize("words", ["status", "plan okavango scaleway", "check scaleway"])
def test_a_damaged_manifest_is_one_line(
    data: Path, tmp_path: Path, spoil: Callable[[bytes], bytes], words: str
) -> None:
    for name in ("okavango", "s3", "scaleway"):
        (tmp_path / f"{name}.parquet").write_bytes((data / f"{name}.parquet").read_bytes())
    bad = tmp_path / "scaleway.parquet"
    bad.write_bytes(spoil(bad.read_bytes()))
    done = subprocess.run(
        [SYNC, "--data", tmp_path, *words.split()], capture_output=True, text=True
    )
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert str(bad) in line


def bomb(path: Path, name: str, value: object, kind: pa.DataType, rows: int) -> None:
    """A small file of many rows that are all alike, one of whose columns is given."""
    columns = {
        "lat": pa.array([0.05], pa.float64()),
        "lon": pa.array([0.05], pa.float64()),
        "year": pa.array([2024], pa.int64()),
        name: pa.array([value], kind),
    }
    one = pa.table(columns)
    many = one.take(pa.array([0] * 1000, pa.int64()))
    with pq.ParquetWriter(path, many.schema, compression="zstd") as writer:
        for _ in range(rows // 1_000_000):
            writer.write_table(pa.concat_tables([many] * 1000), row_group_size=1_000_000)


@pytest.mark.parametrize(
    ("name", "value", "kind", "rows"),
    [
        ("version", "v1", pa.string(), 5_000_000),
        ("hash", "a" * 4000, pa.large_string(), 1_000_000),
        ("hash", "ab" * 32, pa.dictionary(pa.int32(), pa.string()), 5_000_000),
    ],
)
def test_a_bomb_is_refused_within_bounds(
    tmp_path: Path, name: str, value: object, kind: pa.DataType, rows: int
) -> None:
    path = tmp_path / "registry.parquet"
    bomb(path, name, value, kind, rows)
    assert path.stat().st_size < 3_000_000
    words = [sys.executable, "-c", _BOUNDED, str(path), "--dry-run"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode in (2, 3), done
    assert "Traceback" not in done.stderr
    assert str(path) in done.stderr


_BOUNDED = """
import sys
from tessera_catalog import cli, memory
usual = memory.bound
memory.bound = lambda: usual(2**30)
sys.argv[0] = "tessera-load"
cli.main()
"""
"""tessera-load where there is a gigabyte."""

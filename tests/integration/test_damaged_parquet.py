"""Parquet files that are damaged, hostile or huge: exit 2, one line, and memory within bounds."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import SEED, scaled
from registries import TOOL as LOAD

from tessera_catalog.manifest import MANIFEST
from tessera_catalog.stores import load_stores
from tessera_catalog.synthetic import generate
from tessera_sync.plan_file import PLAN

SYNC = LOAD.with_name("tessera-sync")
MADE = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
DAMAGE = Path(__file__).with_name("parquet_damage.py")
COUNT = scaled(100)
"""Damaged files of each kind; `python tests/integration/parquet_damage.py` makes more."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a registry, manifests and a plan."""
    folder = tmp_path_factory.mktemp("data")
    generate(folder, load_stores(), tiles=3000, seed=SEED % 1000)
    plan = ["plan", "okavango", "scaleway", "-o", folder / "plan.parquet", "--data", folder]
    subprocess.run([SYNC, *plan], check=True, capture_output=True)
    keys = [f"2024/grid_{i}.05_0.05/grid_{i}.05_0.05.npy" for i in range(150)]
    inventory = {"key": keys, "size": range(150), "last_modified_date": [MADE] * 150}
    pq.write_table(pa.table(inventory), folder / "inventory.parquet")
    return folder


@pytest.mark.fuzz
@pytest.mark.parametrize(
    ("reader", "name"),
    [
        ("registry", "registry.parquet"),
        ("registry", "scaleway.parquet"),
        ("manifest", "scaleway.parquet"),
        ("plan", "plan.parquet"),
        ("inventory", "inventory.parquet"),
    ],
)
def test_what_is_damaged_is_read_or_refused_and_ends_no_process(
    data: Path, tmp_path: Path, reader: str, name: str
) -> None:
    print(f"SEED={SEED}")
    (tmp_path / name).write_bytes((data / name).read_bytes())
    words = [sys.executable, str(DAMAGE), reader, str(tmp_path / name), str(SEED), str(COUNT)]
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


Bomb = Callable[[Path, pa.Table, int], None]


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Bomb:
    """Put a small file somewhere that says the same row again and again.

    Its row groups are as long as they may be. Each is made once, which takes seconds.
    """
    folder = tmp_path_factory.mktemp("bombs")

    def put(path: Path, one: pa.Table, rows: int) -> None:
        made = folder / f"{hash(str(one.schema))} {rows}"
        if not made.exists():
            million = pa.concat_tables([one.take(pa.array([0] * 1000))] * 1000)
            many = pa.concat_tables([million] * (rows // 10**6))
            pq.write_table(many, made, row_group_size=2**26, compression="zstd")
            assert made.stat().st_size < 3_000_000
        shutil.copyfile(made, path)

    return put


def foreign(name: str, value: object, kind: pa.DataType) -> pa.Table:
    """A row as other tools write it, with one more column."""
    key = {"lat": [0.05], "lon": [0.05], "year": pa.array([2024], pa.int64())}
    return pa.table(key | {name: pa.array([value], kind)})


def ours(schema: pa.Schema, **known: object) -> pa.Table:
    """A row of a schema of ours; what is not given is unknown."""
    key = {"year": 2024, "lon_i": 5, "lat_i": 5, "lon": 0.05, "lat": 0.05}
    values = key | known
    columns = [pa.array([values.get(field.name)], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


FOREIGN = {
    "versions": (foreign("version", "v1", pa.string()), 5_000_000),
    "hashes": (foreign("hash", "ab" * 32, pa.dictionary(pa.int32(), pa.string())), 5_000_000),
}
"""Rows without end that are read in parts: each but the first is a duplicate."""

LONG = (foreign("hash", "a" * 4000, pa.large_string()), 1_000_000)
"""What does not fit into the memory."""


def bounded(tool: str, *words: object) -> tuple[int, str]:
    """How a tool ends where there is a gigabyte, and its only line on stderr."""
    command = [sys.executable, "-c", _BOUNDED, tool, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    (line,) = done.stderr.splitlines()
    return done.returncode, line


_BOUNDED = """
import importlib, sys
from tessera_catalog import memory
usual = memory.bound
memory.bound = lambda: usual(2**30)
tool = sys.argv.pop(1)
importlib.import_module(f"{tool}.cli").main()
"""


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_registry_of_one_row_without_end_is_refused_for_safety(
    kind: str, bomb: Bomb, tmp_path: Path
) -> None:
    path = tmp_path / "registry.parquet"
    bomb(path, *FOREIGN[kind])
    code, line = bounded("tessera_catalog", path, "--dry-run")
    assert (code, f"{path}: 4,999,999 of 5,000,000 rows rejected" in line) == (3, True), line


def test_a_registry_that_fills_the_memory_is_bad_input(bomb: Bomb, tmp_path: Path) -> None:
    path = tmp_path / "registry.parquet"
    bomb(path, *LONG)
    code, line = bounded("tessera_catalog", path, "--dry-run")
    assert (code, str(path) in line) == (2, True), line


@pytest.fixture
def beside(data: Path, tmp_path: Path) -> Path:
    """A data directory with one manifest, for another beside it."""
    (tmp_path / "okavango.parquet").write_bytes((data / "okavango.parquet").read_bytes())
    return tmp_path


VERBS = pytest.mark.parametrize("words", ["status", "plan okavango scaleway"])


@VERBS
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_manifest_of_one_row_without_end_has_one_tile(
    kind: str, words: str, bomb: Bomb, beside: Path
) -> None:
    path = beside / "scaleway.parquet"
    bomb(path, *FOREIGN[kind])
    ended = bounded("tessera_sync", "--data", beside, *words.split())
    assert ended == (0, f"{path}: 4,999,999 rows left out: duplicate")


@VERBS
@pytest.mark.parametrize(
    ("one", "rows"),
    [LONG, (ours(MANIFEST), 60_000_000), (ours(MANIFEST), 8_000_000)],
    ids=["long hashes", "too many rows of ours", "rows of ours that nearly fit"],
)
def test_a_manifest_that_fills_the_memory_is_bad_input(
    one: pa.Table, rows: int, words: str, bomb: Bomb, beside: Path
) -> None:
    path = beside / "scaleway.parquet"
    bomb(path, one, rows)
    code, line = bounded("tessera_sync", "--data", beside, *words.split())
    assert (code, str(path) in line) == (2, True), line


@pytest.mark.parametrize("rows", [5_000_000, 20_000_000, 60_000_000])
def test_a_plan_that_fills_the_memory_is_bad_input(
    rows: int, data: Path, bomb: Bomb, tmp_path: Path
) -> None:
    path = tmp_path / "plan.parquet"
    header = pq.read_schema(data / "plan.parquet").metadata
    one = ours(PLAN.with_metadata(header), action="copy", reason="missing")
    bomb(path, one, rows)
    code, line = bounded("tessera_sync", "--data", data, "apply", path)
    assert (code, f"{path}: not a readable plan" in line) == (2, True), line

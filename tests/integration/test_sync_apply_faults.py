"""apply when things go wrong: bad bytes, bad servers, full disks, kills, and each other."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from conftest import S3Server
from fault_proxy import Fault, Faults, proxy
from running import DEADLINE, started, wait_for
from sync_world import World, content, files_of, flip, objects_of, put_files, put_tile, tiles

from tessera_catalog.errors import Refused
from tessera_sync import storage
from tessera_sync.apply import apply
from tessera_sync.attempts import Policy
from tessera_sync.journal import Journal
from tessera_sync.layout import Tile
from tessera_sync.run import Options, Report


@pytest.fixture
def world(s3_world: World) -> World:
    """A tree called origin with thirty known tiles."""
    s3_world.fill("origin", tiles(30))
    return s3_world


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried again at once."""
    soon = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=5)}
    monkeypatch.setitem(storage.RETRIES, "backoff", {**soon, "base": 2})


def carry_out(world: World, plan: Path, jobs: int = 8, attempts: int = 4) -> Report:
    how = Options(jobs, policy=Policy(attempts=attempts, backoff=0.01, stall=30))
    return apply(world.data, world.configuration, "v1", plan, how, print)


def same_as_origin(world: World, root: Path, lacking: tuple[Tile, ...] = ()) -> None:
    """The tree and its manifest have every tile of the origin but those, and nothing else."""
    expected = {
        path: data
        for path, data in files_of(world.folder / "origin").items()
        if not path.startswith(tuple(f"{tile.path}/" for tile in lacking))
    }
    assert files_of(root) == expected
    known = world.rows(root.name)
    assert set(known) == set(world.rows("origin")) - set(lacking)
    for tile, row in known.items():
        assert row["embeddings_sha256"] == hashlib.sha256(content(tile)[0]).digest()


def test_corrupt_truncated_and_vanished_sources_are_named_and_not_recorded(world: World) -> None:
    origin, target = world.folder / "origin", world.add_tree("target")
    corrupt, short, gone, *_ = tiles(30)
    plan = world.plan("origin", "target")
    flip(origin / corrupt.path / corrupt.embeddings)
    with (origin / short.path / short.scales).open("r+b") as file:
        file.truncate(100)
    (origin / gone.path / gone.embeddings).unlink()

    ended = world.run("apply", plan)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    lines = {line.split(":")[0].strip(): line for line in ended.stderr.splitlines()}
    assert "is corrupt: its SHA-256 is" in lines[corrupt.path]
    assert "has 100 bytes, planned were 301" in lines[short.path]
    assert "is gone" in lines[gone.path]
    for tile in (corrupt, short, gone):
        assert not (target / tile.path).exists()

    for tile in (corrupt, short, gone):
        put_tile(origin, tile)
    ended = world.run("apply", plan)
    assert ended.returncode == 0, ended.stderr
    same_as_origin(world, target)


def test_a_source_without_known_hashes_is_held_against_its_own_checksums(world: World) -> None:
    plain, target = world.fill("plain", tiles(3), hashes=False), world.add_tree("target")
    bad = tiles(3)[1]
    flip(plain / bad.path / bad.scales)
    report = carry_out(world, world.plan("plain", "target"))
    assert [path for path, _ in report.failed] == [bad.path]
    assert set(world.rows("target")) == {tiles(3)[0], tiles(3)[2]}
    assert not (target / bad.path).exists()


@pytest.mark.parametrize("hashes", [True, False])
def test_a_source_file_that_changes_under_the_copy_is_not_taken(world: World, hashes: bool) -> None:
    slow, target = world.add_tree("slow"), world.add_tree("target")
    tile = tiles(1, year=2022)[0]
    put_tile(slow, tile, size=9_000_000, checksums=False)
    world.know("slow", [tile], hashes=hashes)
    plan = world.plan("slow", "target")
    with started(world, "apply", plan, "--limit-rate", "4M") as process:
        growing = f".{tile.embeddings}.*.part"
        wait_for(
            lambda: any(p.stat().st_size > 0 for p in (target / tile.path).glob(growing)), process
        )
        with (slow / tile.path / tile.embeddings).open("r+b") as file:
            file.seek(-1000, os.SEEK_END)
            file.write(b"x" * 1000)
        _, told = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert f"{tile.path}: slow:{tile.path}/{tile.embeddings}" in told
    assert ("is corrupt" if hashes else "changed while it was copied") in told
    assert files_of(target) == {}
    assert world.rows("target") == {}


def test_a_target_that_fails_a_third_of_its_writes_gets_everything(
    world: World, s3_server: S3Server, hurry: None
) -> None:
    def third(number: int, method: str, _path: str) -> Fault:
        return 500 if method in ("PUT", "POST") and number % 3 == 0 else None

    faults = Faults(third)
    bucket = s3_server.bucket()
    big = tiles(31)[-1]
    put_tile(world.folder / "origin", big, size=20_000_000)
    world.know("origin", [big])
    with proxy(s3_server.endpoint, faults) as address:
        world.add("s3", f"s3://{bucket}/v1", address)
        report = carry_out(world, world.plan("origin", "s3"))
    assert (report.done["copy"], report.failed) == (31, [])
    assert faults.counts["PUT"] > 31 * 3
    assert objects_of(s3_server.objects(bucket, "v1")) == files_of(world.folder / "origin")
    assert set(world.rows("s3")) == set(world.rows("origin"))


def test_a_target_that_answers_slowly_is_waited_for(
    world: World, s3_server: S3Server, hurry: None
) -> None:
    slow = Faults(lambda number, _method, _path: 0.3 if number % 10 == 0 else None)
    with proxy(s3_server.endpoint, slow) as address:
        world.add("s3", f"s3://{s3_server.bucket()}/v1", address)
        report = carry_out(world, world.plan("origin", "s3"))
    assert (report.done["copy"], report.failed) == (30, [])


def test_a_target_that_stops_answering_is_given_up_and_gone_on_with_later(
    world: World, s3_server: S3Server, hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = Faults(lambda number, method, _path: 3.0 if method == "PUT" and number > 20 else None)
    bucket = s3_server.bucket()
    with proxy(s3_server.endpoint, hangs) as address:
        world.add("s3", f"s3://{bucket}/v1", address)
        plan = world.plan("origin", "s3")
        how = Options(8, policy=Policy(attempts=1, stall=0.5))
        report = apply(world.data, world.configuration, "v1", plan, how, print)
        assert any("no answer in time" in why for _, why in report.failed)
        assert set(world.rows("s3")) == {t for t in tiles(30) if t.path in world.done()}
        hangs.choose = lambda _number, _method, _path: None
        report = carry_out(world, plan)
    assert (report.failed, report.left) == ([], 0)
    assert set(world.rows("s3")) == set(tiles(30))


def test_a_full_bucket_fails_its_tiles_and_gets_the_rest_later(
    world: World, s3_server: S3Server, hurry: None
) -> None:
    full = Faults(lambda number, method, _path: 507 if method == "PUT" and number > 40 else None)
    bucket = s3_server.bucket()
    with proxy(s3_server.endpoint, full) as address:
        world.add("s3", f"s3://{bucket}/v1", address)
        plan = world.plan("origin", "s3")
        report = carry_out(world, plan, attempts=2)
        assert report.failed
        assert all("507" in why for _, why in report.failed)
        done = set(world.done())
        assert {tile.path for tile in world.rows("s3")} == done
        assert len(done) + len(report.failed) + report.left == 30
        full.choose = lambda _number, _method, _path: None
        report = carry_out(world, plan)
    assert (report.failed, report.left) == ([], 0)
    assert len(world.done()) == len(set(world.done())) == 30


def test_a_store_that_is_down_ends_the_run_before_every_tile_has_failed(
    world: World, s3_server: S3Server, hurry: None
) -> None:
    tree = world.add_tree("target")
    many = tiles(200, year=2023)
    world.fill("origin", many)
    bucket = s3_server.bucket()
    put_files(s3_server.objects(bucket, "v1"), world.folder / "origin")
    down = Faults()
    with proxy(s3_server.endpoint, down) as address:
        world.add("s3", f"s3://{bucket}/v1", address)
        world.know("s3", [*many, *tiles(30)])
        down.choose = lambda _number, _method, _path: 503
        report = carry_out(world, world.plan("s3", "target"), attempts=1)
    assert report.stopped
    assert 20 <= len(report.failed) <= 20 + 8
    assert report.left == 230 - len(report.failed)
    assert files_of(tree) == {}


def test_the_parts_of_a_killed_upload_are_dropped_by_the_next_run(
    world: World, s3_server: S3Server
) -> None:
    big = tiles(31)[-1]
    put_tile(world.folder / "origin", big, size=20_000_000)
    world.know("origin", [big])
    bucket = s3_server.bucket()
    # What others upload there, and to other keys, is none of ours.
    others = ["elsewhere/file", "v1/2024/grid_100.05_0.05/grid_100.05_0.05.npy"]
    client = boto3.client("s3", endpoint_url=s3_server.endpoint)
    for key in others:
        client.create_multipart_upload(Bucket=bucket, Key=key)

    def unfinished() -> list[str]:
        uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return sorted(upload["Key"] for upload in uploads)

    def third_part(_number: int, method: str, path: str) -> Fault:
        return 60.0 if method == "PUT" and "partNumber=2" in path else None

    stuck = Faults(third_part)
    with proxy(s3_server.endpoint, stuck) as address:
        world.add("s3", f"s3://{bucket}/v1", address)
        plan = world.plan("origin", "s3")
        with started(world, "apply", plan) as running:
            wait_for(lambda: len(unfinished()) == len(others) + 1, running)
            running.kill()
        stuck.choose = lambda _number, _method, _path: None
        assert len(unfinished()) == len(others) + 1
        report = carry_out(world, plan)
    client.close()
    assert (report.failed, report.left) == ([], 0)
    assert set(world.rows("s3")) == set(world.rows("origin"))
    assert unfinished() == others


def test_a_server_that_does_not_tell_of_unfinished_uploads_gets_its_tiles_all_the_same(
    world: World, s3_server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = Faults(lambda _number, _method, path: 403 if "?uploads" in path else None)
    with proxy(s3_server.endpoint, silent) as address:
        world.add("s3", f"s3://{s3_server.bucket()}/v1", address)
        report = carry_out(world, world.plan("origin", "s3"))
    assert (report.done["copy"], report.failed) == (30, [])
    assert "unfinished uploads" in capsys.readouterr().out


def test_a_data_directory_without_room_is_told_of_and_stays_as_it_was(
    world: World, little_disk: Path
) -> None:
    world.add_tree("target")
    plan = world.plan("origin", "target")
    for path in world.data.glob("*.parquet"):
        (little_disk / path.name).write_bytes(path.read_bytes())
    before = files_of(little_disk)
    with contextlib.suppress(OSError), (little_disk / "fill").open("wb", buffering=0) as fill:
        while True:
            fill.write(bytes(1024))
    for words in (("scan", "origin"), ("verify", "origin"), ("apply", plan)):
        done = world.run(*words, "--data", little_disk)
        assert done.returncode in (1, 2), done.stdout
        assert "No space left on device" in done.stderr
        assert "bug" not in done.stderr
    (little_disk / "fill").unlink()
    kept = files_of(little_disk)
    assert {name: kept[name] for name in before} == before
    done = world.run("apply", plan, "--data", little_disk)
    assert done.returncode == 0, done.stderr


def test_a_disk_that_runs_full_ends_the_run_and_leaves_only_whole_tiles(
    world: World, little_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("disk", f"file://{little_disk}")
    plan = world.plan("origin", "disk")
    with pytest.raises(Refused, match="GB free, the plan needs"):
        carry_out(world, plan)
    assert files_of(little_disk) == {}
    # Others may fill the disk after the check.
    monkeypatch.setattr(storage.Storage, "free_bytes", lambda _self: None)
    report = carry_out(world, plan, jobs=2)
    assert report.stopped == "no space is left in 'disk'"
    assert 1 <= len(report.failed) <= 2
    assert report.done["copy"] + len(report.failed) + report.left == 30
    there = world.rows("disk")
    assert len(there) == report.done["copy"] > 0
    origin = files_of(world.folder / "origin")
    kept = tuple(f"{tile.path}/" for tile in there)
    assert files_of(little_disk) == {p: d for p, d in origin.items() if p.startswith(kept)}

    command = ["mount", "-o", "remount,size=10m", str(little_disk)]
    subprocess.run(command, check=True)
    report = carry_out(world, plan)
    assert (report.failed, report.left) == ([], 0)
    assert files_of(little_disk) == origin


def test_killed_again_and_again_it_ends_as_if_nothing_had_been(world: World) -> None:
    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    for part in range(1, 6):
        with started(world, "apply", plan, "--jobs", "2", "--limit-rate", "15k") as process:
            wait_for(lambda part=part: len(world.done()) >= 4 * part, process)
            process.send_signal(signal.SIGKILL)
            process.wait()
    inodes = {
        (target / path / name): (target / path / name).stat().st_ino
        for path in world.done()
        for name in (p.name for p in (target / path).iterdir())
    }
    ended = world.run("apply", plan, "--json")
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["copied"] + told["done_before"] == 30
    assert told["done_before"] >= 20
    done = world.done()
    assert sorted(done) == sorted(set(done)), "no tile was done twice"
    for path, inode in inodes.items():
        assert path.stat().st_ino == inode, "a verified file was copied again"
    same_as_origin(world, target)


@pytest.mark.parametrize("moment", ["before the manifest", "after the manifest"])
def test_killed_while_the_manifest_is_written_it_goes_on(
    world: World, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As little of the program runs after it as after a kill."""

    def killed(*_: object) -> None:
        raise Killed

    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    with monkeypatch.context() as patch:
        if moment == "before the manifest":
            patch.setattr(Path, "replace", _except_manifests(Path.replace, killed))
        else:
            patch.setattr(Journal, "merged", killed)
        with pytest.raises(Killed):
            carry_out(world, plan)
    assert len(world.rows("target")) == (0 if moment == "before the manifest" else 30)
    done = files_of(target)
    report = carry_out(world, plan)
    assert (report.before, report.merged, report.bytes) == (30, 30, 0)
    assert files_of(target) == done
    same_as_origin(world, target)
    assert carry_out(world, plan).merged == 0


def _except_manifests(
    replace: Callable[[Path, Path], Path], killed: Callable[..., None]
) -> Callable[[Path, Path], Path]:
    def replaces(self: Path, target: Path) -> Path:
        if target.name == "target.parquet":
            killed()
        return replace(self, target)

    return replaces


def test_parts_of_a_plan_run_at_once(world: World) -> None:
    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    with contextlib.ExitStack() as stack:
        parts = [
            stack.enter_context(started(world, "apply", plan, "--shard", f"{i}/3"))
            for i in (1, 2, 3)
        ]
        for part in parts:
            _, told = part.communicate(timeout=DEADLINE)
            assert part.returncode == 0, told
    same_as_origin(world, target)


def test_ctrl_c_finishes_what_is_under_way_and_says_how_to_go_on(world: World) -> None:
    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    with started(world, "apply", plan, "--jobs", "2", "--limit-rate", "15k") as process:
        wait_for(world.done, process)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "finishing the tiles under way" in told
    assert "interrupted" in told
    assert "the same command goes on" in told
    assert "Traceback" not in told
    done = {tile for tile in tiles(30) if tile.path in world.done()}
    assert 0 < len(done) < 30
    same_as_origin(world, target, lacking=tuple(set(tiles(30)) - done))
    assert world.run("apply", plan).returncode == 0
    same_as_origin(world, target)


def test_a_second_ctrl_c_stops_at_once_and_leaves_nothing_half(world: World) -> None:
    target = world.add_tree("target")
    slow = world.add_tree("slow")
    tile = tiles(1, year=2022)[0]
    put_tile(slow, tile, size=30_000_000)
    world.know("slow", [tile])
    with started(world, "apply", world.plan("slow", "target"), "--limit-rate", "1M") as process:
        wait_for(lambda: list((target / tile.path).glob(".*.part")), process)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: "finishing" in _so_far(process))
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "Traceback" not in told
    assert files_of(target) == {}


def _so_far(process: subprocess.Popen[str]) -> str:
    """The next line of a command's messages."""
    assert process.stderr is not None
    return process.stderr.readline()


def test_two_applies_of_one_target_at_once_are_refused(world: World) -> None:
    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    other = world.plan("origin", "target", "other", limit=5)
    with started(world, "apply", plan, "--limit-rate", "20k") as process:
        wait_for(world.done, process)
        process.send_signal(signal.SIGSTOP)  # so that it cannot be done too soon
        for second in (plan, other):
            refused = world.run("apply", second)
            assert refused.returncode == 3
            assert f"'target' is being copied to by {os.uname().nodename}" in refused.stderr
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    same_as_origin(world, target)


def test_only_the_other_parts_of_a_plan_may_run_beside_one(world: World) -> None:
    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    other = world.plan("origin", "target", "other", limit=20)
    part = ("--shard", "1/2", "--jobs", "2", "--limit-rate", "10k")
    with started(world, "apply", plan, *part) as process:
        wait_for(world.done, process)
        process.send_signal(signal.SIGSTOP)
        for second, shard in ((other, "1/2"), (other, "2/2"), (plan, "1/4"), (plan, "01/2")):
            refused = world.run("apply", second, "--shard", shard)
            assert refused.returncode == 3, shard
            assert "being" in refused.stderr
        assert world.run("apply", plan, "--shard", "2/2").returncode == 0
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    same_as_origin(world, target)


def test_a_write_that_was_killed_leaves_no_litter_behind(world: World) -> None:
    target = world.add_tree("target")
    tile = tiles(1)[0]
    (target / tile.path).mkdir(parents=True)
    (target / tile.path / f".{tile.embeddings}.0123456789ab.part").write_bytes(b"half")
    report = carry_out(world, world.plan("origin", "target"))
    assert report.failed == []
    same_as_origin(world, target)

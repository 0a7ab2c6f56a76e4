"""apply between real stores: what ends up where, and what the manifest then says."""

from __future__ import annotations

import functools
import http.server
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import S3Server
from registries import tessera_load
from sync_world import World, content, files_of, objects_of, put_files, put_tile, tiles
from web_server import serving

from tessera_catalog.errors import InputError, Refused
from tessera_catalog.manifest_header import About
from tessera_sync import manifests
from tessera_sync.apply import apply
from tessera_sync.layout import CHECKSUMS, Tile
from tessera_sync.row_tables import HASHES, SIZES
from tessera_sync.run import Options, Report

FACTS = (*SIZES, *HASHES)


@pytest.fixture
def world(bare_world: World) -> World:
    return bare_world


@pytest.fixture
def s3(s3_world: World, s3_server: S3Server) -> str:
    """An S3 store called s3 in the world; the name of its bucket."""
    bucket = s3_server.bucket()
    s3_world.add("s3", f"s3://{bucket}/v1/tiles", s3_server.endpoint)
    return bucket


def carry_out(world: World, plan: Path, **options: object) -> Report:
    how = Options(**options)  # type: ignore[arg-type]
    return apply(world.data, world.configuration, "v1", plan, how, print)


def facts(world: World, name: str) -> dict[object, tuple[object, ...]]:
    return {tile: tuple(row[f] for f in FACTS) for tile, row in world.rows(name).items()}


def objects(server: S3Server, bucket: str) -> dict[str, bytes]:
    return objects_of(server.objects(bucket, "v1/tiles"))


def big_and_small(root: Path) -> None:
    """Forty small tiles, and one of several parts of an upload."""
    for tile in tiles(40):
        put_tile(root, tile)
    put_tile(root, tiles(41)[-1], size=20_000_001)


@pytest.mark.parametrize("hashes", [True, False])
def test_a_tree_goes_to_s3_and_from_there_to_a_tree(
    world: World, s3: str, s3_server: S3Server, hashes: bool
) -> None:
    origin, back = world.add_tree("origin"), world.add_tree("back")
    big_and_small(origin)
    world.know("origin", tiles(41), hashes=hashes)

    there = carry_out(world, world.plan("origin", "s3"))
    assert (there.done["copy"], there.failed, there.left) == (41, [], 0)
    assert objects(s3_server, s3) == files_of(origin)

    again = carry_out(world, world.plan("s3", "back", "back"))
    assert (again.done["copy"], again.failed) == (41, [])
    assert files_of(back) == files_of(origin)
    world.know("origin", [], hashes=True)
    assert facts(world, "s3") == facts(world, "back") == facts(world, "origin")
    assert all(row["verified_at"] for row in world.rows("back").values())


def test_the_manifest_agrees_with_a_new_scan(world: World, s3: str) -> None:
    big_and_small(world.add_tree("origin"))
    tree = world.add_tree("tree")
    world.know("origin", tiles(41))
    for target in ("s3", "tree"):
        assert not carry_out(world, world.plan("origin", target, target)).failed
        before = world.rows(target)
        scan = world.run("scan", target)
        assert scan.returncode == 0, scan.stderr
        after = world.rows(target)
        kept = [name for name in next(iter(before.values())) if name != "seen_at"]
        assert {t: [row[k] for k in kept] for t, row in after.items()} == {
            t: [row[k] for k in kept] for t, row in before.items()
        }
    assert not [p for p in tree.rglob("*") if p.name.endswith(".part")]


def test_an_https_store_is_read_file_by_file_and_never_written(world: World) -> None:
    origin, mirror = world.folder / "public", world.add_tree("mirror")
    origin.mkdir()
    for tile in tiles(5):
        put_tile(origin, tile, checksums=tile != tiles(5)[0])

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(functools.partial(Quiet, directory=str(origin))) as address:
        world.add("web", f"{address}")
        world.know("web", tiles(5))
        report = carry_out(world, world.plan("web", "mirror"))
        assert (report.done["copy"], report.failed) == (5, [])
        assert files_of(mirror) == files_of(origin)
        world.fill("mirror", tiles(6)[-1:])
        with pytest.raises(Refused, match="can only be read"):
            carry_out(world, world.plan("mirror", "web", "back"))


@pytest.mark.parametrize("kind", ["tree", "s3"])
def test_each_action_does_what_it_says_and_no_more(
    world: World, s3: str, s3_server: S3Server, kind: str
) -> None:
    origin, target = world.add_tree("origin"), world.add_tree("tree")
    missing, stale, incomplete, extra, same = tiles(5)
    for tile in (missing, stale, incomplete, same):
        put_tile(origin, tile, checksums=tile != stale)
    put_tile(target, same)
    put_tile(target, stale, salt="old")
    put_tile(target, incomplete)
    put_tile(target, extra)
    (target / extra.path / "notes.txt").write_text("mine")
    world.know("origin", [missing, stale, incomplete, same])
    world.know("tree", [stale, incomplete, extra, same])
    if kind == "s3":
        put_files(s3_server.objects(s3, "v1/tiles"), target)
        world.know("s3", [stale, incomplete, extra, same], hashes=False)
        _copy_hashes(world, "tree", "s3")
        s3_server.objects(s3, "v1/tiles").delete(f"{incomplete.path}/{incomplete.scales}")
    else:
        (target / incomplete.path / incomplete.scales).unlink()
    _lacks_scales(world, kind, incomplete)

    report = carry_out(world, world.plan("origin", kind, delete_extra=True))
    assert dict(report.done) == {"copy": 1, "replace": 2, "delete": 1}
    assert (report.failed, report.left) == ([], 0)
    here = files_of(target) if kind == "tree" else objects(s3_server, s3)
    kept = {f"{extra.path}/notes.txt": b"mine"}
    assert here == files_of(origin) | kept, "the old SHA256 of a replaced tile is gone too"
    assert facts(world, kind) == facts(world, "origin")


def _lacks_scales(world: World, name: str, lacking: Tile) -> None:
    no_scales = {"scales_size": 0, "scales_sha256": None}
    world.rewrite(name, lambda tile, row: row | (no_scales if tile == lacking else {}))


def _copy_hashes(world: World, source: str, target: str) -> None:
    known = world.rows(source)
    world.rewrite(target, lambda tile, row: row | {name: known[tile][name] for name in HASHES})


@pytest.mark.parametrize("hashes", [True, False])
def test_a_file_that_is_in_place_already_is_not_copied_again(world: World, hashes: bool) -> None:
    whole, half, other = tiles(3)
    target = world.add_tree("target")
    put_tile(target, whole)
    put_tile(target, half)
    (target / half.path / half.scales).unlink()
    put_tile(target, other, salt="of somebody else")
    world.fill("origin", [whole, half, other], hashes=hashes)
    before = files_of(target / other.path)
    inode = (target / whole.path / whole.embeddings).stat().st_ino

    report = carry_out(world, world.plan("origin", "target"))
    assert report.done["copy"] == 2
    assert report.bytes == len(content(half)[1])
    assert (target / whole.path / whole.embeddings).stat().st_ino == inode
    [(path, why)] = report.failed
    assert path == other.path
    assert "in place but not the file of origin" in why
    assert files_of(target / other.path) == before
    assert set(world.rows("target")) == {whole, half}


def test_a_plan_is_carried_out_once(world: World) -> None:
    world.fill("origin", tiles(6))
    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    first = world.run("apply", plan, "--json")
    assert first.returncode == 0, first.stderr
    inodes = {p: p.stat().st_ino for p in target.rglob("*.npy")}
    world.fill("origin", tiles(7)[-1:])
    again = world.run("apply", plan)
    assert (again.returncode, again.stderr) == (0, "")
    assert "nothing was left to do" in again.stdout
    assert {p: p.stat().st_ino for p in target.rglob("*.npy")} == inodes


def test_what_was_not_linked_is_linked_by_the_same_command(
    world: World, migrated_pg_env: dict[str, str]
) -> None:
    world.fill("origin", tiles(3))
    world.add_tree("target")
    plan = world.plan("origin", "target")
    assert world.run("apply", plan).returncode == 0  # knows no database, as if killed before it
    world.environment = migrated_pg_env
    loaded = tessera_load(world.variables(), world.data / "origin.parquet")
    assert loaded.returncode == 0, loaded.stderr
    again = world.run("apply", plan)
    assert "nothing was left to do" in again.stdout
    assert again.stderr == "the catalogue follows: 3 tiles changed\n"


def test_nothing_is_lost_to_a_clock_behind_the_one_that_scanned(world: World) -> None:
    world.fill("origin", tiles(3))
    world.add_tree("target")
    ahead = manifests.now() + timedelta(minutes=5)
    manifests.save(world.data, About("target", "v1", ahead, "a scan elsewhere"), {})
    assert carry_out(world, world.plan("origin", "target")).merged == 3
    assert set(world.rows("target")) == set(tiles(3))


@pytest.mark.parametrize("changed", ["origin", "target"])
def test_a_plan_whose_manifests_have_changed_is_refused(world: World, changed: str) -> None:
    world.fill("origin", tiles(6))
    world.add_tree("target")
    plan = world.plan("origin", "target")
    world.fill(changed, tiles(7)[-1:])
    refused = world.run("apply", plan)
    assert refused.returncode == 3
    assert f"'{changed}' has changed since the plan was made" in refused.stderr
    assert "update" not in refused.stderr
    assert "Traceback" not in refused.stderr
    assert set(world.rows("target")) == (set() if changed == "origin" else {tiles(7)[-1]})


def test_a_plan_of_another_dataset_is_refused(world: World) -> None:
    world.fill("origin", tiles(1))
    target = world.add_tree("target")
    refused = world.run("apply", world.plan("origin", "target"), "--dataset", "v2")
    assert refused.returncode == 2
    assert "a plan of dataset 'v1', not of 'v2': give --dataset v1" in refused.stderr
    assert files_of(target) == {}


def test_parts_of_a_plan_share_its_work_and_are_not_stale_for_each_other(world: World) -> None:
    origin, target = world.fill("origin", tiles(30)), world.add_tree("target")
    plan = world.plan("origin", "target")
    parts = [carry_out(world, plan, shard=f"{i}/3") for i in (1, 2, 3)]
    assert sum(part.done["copy"] for part in parts) == 30
    assert all(part.done["copy"] for part in parts)
    assert facts(world, "target") == facts(world, "origin")
    assert files_of(target) == files_of(origin)
    whole = carry_out(world, plan)
    assert (whole.failed, whole.bytes) == ([], 0)


def test_unknown_stores_and_missing_roots_are_named(world: World) -> None:
    world.fill("origin", tiles(1))
    target = world.add_tree("target")
    plan = world.plan("origin", "target")
    target.rmdir()
    with pytest.raises(InputError, match="target is no directory; mount or create it"):
        carry_out(world, plan)
    world.stores.pop()
    with pytest.raises(InputError, match="no store is called 'target'"):
        carry_out(world, plan)


def test_no_secret_is_told_when_the_server_refuses_us(world: World, s3: str) -> None:
    world.fill("origin", tiles(1))
    secret = "a-secret-nobody-must-see"
    world.environment = {**world.environment, "AWS_SECRET_ACCESS_KEY": secret}
    refused = world.run("apply", world.plan("origin", "s3"))
    assert refused.returncode == 3
    assert "may not write" in refused.stderr
    journals = "".join(p.read_text() for p in (world.data / "journals").glob("*.jsonl"))
    for text in (refused.stdout, refused.stderr, journals):
        assert secret not in text


def test_a_profile_of_one_store_is_used_for_it_alone(
    world: World, s3: str, s3_server: S3Server
) -> None:
    world.fill("origin", tiles(1))
    files = world.folder / "aws"
    files.write_text(
        f"[theirs]\naws_access_key_id = {s3_server.access_key}\n"
        f"aws_secret_access_key = {s3_server.secret_key}\n"
        "[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n"
    )
    shared = {"AWS_SHARED_CREDENTIALS_FILE": str(files), "AWS_REGION": s3_server.region}
    world.environment = shared
    plan = world.plan("origin", "s3")
    assert world.run("apply", plan).returncode == 3
    world.environment = {**shared, "TESSERA_AWS_PROFILE_S3": "theirs"}
    done = world.run("apply", plan)
    assert done.returncode == 0, done.stderr


def test_a_checksum_file_that_contradicts_the_manifest_stops_the_tile(world: World) -> None:
    good, doubtful = tiles(2)
    origin, target = world.fill("origin", [good, doubtful]), world.add_tree("target")
    (origin / doubtful.path / CHECKSUMS).write_text(f"{'0' * 64}  {doubtful.embeddings}\n")
    report = carry_out(world, world.plan("origin", "target"))
    [(path, why)] = report.failed
    assert path == doubtful.path
    assert "doubtful" in why
    assert set(world.rows("target")) == {good}
    assert not (target / doubtful.path).exists()

"""verify: what it finds, what it writes down, and what the next plan makes of it."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import Counter
from typing import Any

import pytest
from conftest import S3Server
from sync_world import World, files_of, flip, put_files, put_tile, tiles

from tessera_catalog.locks import lock
from tessera_sync import manifests
from tessera_sync.choosing import Which
from tessera_sync.verify import verify


@pytest.fixture
def world(s3_world: World) -> World:
    """The same forty tiles in a tree called origin and in a store called copy."""
    for name in ("origin", "copy"):
        s3_world.fill(name, tiles(40))
    return s3_world


def verified(world: World, *words: str, code: int) -> dict[str, Any]:
    done = world.run("verify", "copy", "--json", *words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def planned(world: World) -> Counter[str]:
    plan = world.run("plan", "origin", "copy", "--json")
    return Counter(json.loads(plan.stdout))


def test_good_tiles_are_verified_and_nothing_else_changes(world: World) -> None:
    before = world.rows("copy")
    told = verified(world, "--deep", code=0)
    assert (told["checked"], told["good"]) == (40, 40)
    assert told["bytes"] == 40 * 3301
    after = world.rows("copy")
    assert all(row["verified_at"] is not None for row in after.values())
    for tile, row in after.items():
        changed = {name for name in row if row[name] != before[tile][name]}
        assert changed <= {"verified_at", "seen_at"}


def test_damage_is_found_marked_and_repaired_by_the_next_plan(world: World) -> None:
    copy = world.folder / "copy"
    gone, short, half, corrupt, *rest = tiles(40)
    shutil.rmtree(copy / gone.path)
    with (copy / short.path / short.embeddings).open("r+b") as file:
        file.truncate(1000)
    (copy / half.path / half.scales).unlink()
    flip(copy / corrupt.path / corrupt.embeddings)

    shallow = verified(world, code=1)
    assert shallow["vanished"] == [gone.path]
    assert {e["tile"] for e in shallow["corrupt"]} == {short.path, half.path}
    assert shallow["good"] == 37
    deep = verified(world, "--deep", code=1)
    found = {e["tile"]: e["why"] for e in deep["corrupt"]}
    assert "has SHA-256" in found[corrupt.path]
    rows = world.rows("copy")
    assert gone not in rows
    assert all(rows[tile]["verified_at"] is None for tile in (short, half, corrupt))
    assert all(rows[tile]["verified_at"] is not None for tile in rest)

    todo = planned(world)
    assert (todo["missing"], todo["stale"] + todo["incomplete"]) == (1, 3)
    applied = world.run("apply", world.plan("origin", "copy"))
    assert applied.returncode == 0, applied.stderr
    assert files_of(copy) == files_of(world.folder / "origin")
    assert verified(world, "--deep", code=0)["good"] == 40


def test_corruption_is_planned_for_even_when_the_source_knows_no_hashes(world: World) -> None:
    bad = tiles(40)[7]
    flip(world.folder / "copy" / bad.path / bad.scales)
    world.forget_hashes("origin")
    verified(world, "--deep", code=1)
    assert planned(world)["same"] == 39
    applied = world.run("apply", world.plan("origin", "copy"))
    assert applied.returncode == 0, applied.stderr
    assert files_of(world.folder / "copy") == files_of(world.folder / "origin")


def test_a_scan_does_not_forget_what_is_corrupt_until_it_is_written_again(world: World) -> None:
    bad = tiles(40)[7]
    place = world.folder / "copy" / bad.path / bad.embeddings
    flip(place)
    verified(world, "--deep", code=1)
    before = world.rows("copy")[bad]
    assert world.run("scan", "copy").returncode == 0
    after = world.rows("copy")[bad]
    assert after | {"seen_at": None} == before | {"seen_at": None}
    assert planned(world)["same"] == 39
    put_tile(world.folder / "copy", bad)
    assert world.run("scan", "copy").returncode == 0
    assert world.rows("copy")[bad]["embeddings_size"] == 3000


def test_what_is_corrupt_stays_so_until_it_is_written_again(world: World) -> None:
    bad = tiles(40)[7]
    flip(world.folder / "copy" / bad.path / bad.embeddings)
    verified(world, "--deep", code=1)
    marked = world.rows("copy")[bad]
    for words in (["--deep"], [], ["--deep"]):
        assert [e["tile"] for e in verified(world, *words, code=1)["corrupt"]] == [bad.path]
        assert world.rows("copy")[bad] == marked
    recorded = world.run("record", "copy", "-", stdin=bad.path)
    assert recorded.returncode == 1
    assert "has not been written since" in recorded.stderr
    assert planned(world)["same"] == 39
    put_tile(world.folder / "copy", bad)
    assert verified(world, "--deep", code=0)["good"] == 40
    assert planned(world)["same"] == 40


def test_a_mark_is_of_the_file_as_it_was_read(world: World) -> None:
    """Whatever time the manifest had of it: a file that lies there rewritten, and wrong."""
    bad = tiles(40)[7]
    place = world.folder / "copy" / bad.path / bad.scales
    place.write_bytes(bytes(place.stat().st_size))
    verified(world, "--deep", code=1)
    assert world.run("scan", "copy").returncode == 0
    assert world.rows("copy")[bad]["scales_size"] == 0


def test_what_another_wrote_while_it_waited_for_the_lock_stays(world: World) -> None:
    manifest = manifests.load(world.data, "copy", "v1")
    newer = {2024: manifest.read(2024)}
    world.forget_hashes("copy")
    held = threading.Event()

    def write() -> None:
        with lock(world.data, "copy"):
            held.set()
            time.sleep(1)
            manifests.save(world.data, manifest.about, newer)

    other = threading.Thread(target=write)
    other.start()
    assert held.wait(60)
    stores = world.configuration
    verify(world.data, stores, "v1", "copy", Which(), deep=False, jobs=8, say=print)
    other.join()
    assert all(row["embeddings_sha256"] for row in world.rows("copy").values())


def test_subsets_cover_every_tile_once(world: World) -> None:
    seen: Counter[object] = Counter()
    for part in range(1, 5):
        before = world.rows("copy")
        told = verified(world, "--subset", f"{part}/4", code=0)
        after = world.rows("copy")
        now = [t for t in after if after[t]["verified_at"] != before[t]["verified_at"]]
        assert len(now) == told["checked"] > 0
        seen.update(now)
    assert seen == Counter(tiles(40))


def test_a_sample_is_so_many_tiles_of_the_selection(world: World) -> None:
    told = verified(world, "--sample", "7", "--deep", "--bbox=-2,-1,0,1", code=0)
    assert told["checked"] == 7
    assert verified(world, "--sample", "1000", code=0)["checked"] == 40


def test_a_store_that_seems_empty_is_not_believed(world: World) -> None:
    copy = world.folder / "copy"
    aside = world.folder / "aside"
    copy.rename(aside)
    copy.mkdir()
    refused = world.run("verify", "copy")
    assert refused.returncode == 3
    assert "40 of 40 tiles are not in store 'copy'" in refused.stderr
    assert len(world.rows("copy")) == 40
    told = verified(world, "--allow-loss", code=1)
    assert len(told["vanished"]) == 40
    assert world.rows("copy") == {}


def test_unknown_hashes_are_learned_and_held_against_the_checksum_file(world: World) -> None:
    copy = world.folder / "copy"
    lying = tiles(40)[3]
    (copy / lying.path / "SHA256").write_text(f"{'1' * 64}  {lying.scales}\n")
    known = world.rows("copy")
    world.forget_hashes("copy")
    told = verified(world, "--deep", code=1)
    assert [e["tile"] for e in told["corrupt"]] == [lying.path]
    assert "SHA256 says 1111" in told["corrupt"][0]["why"]
    learned = world.rows("copy")
    for tile in tiles(40):
        if tile != lying:
            assert learned[tile]["scales_sha256"] == known[tile]["scales_sha256"]


def test_an_s3_store_is_verified(world: World, s3_server: S3Server) -> None:
    bucket = s3_server.bucket()
    client = s3_server.objects(bucket, "v1")
    put_files(client, world.folder / "copy")
    world.add("s3", f"s3://{bucket}/v1", s3_server.endpoint)
    world.know("s3", tiles(40))
    client.delete(f"{tiles(40)[0].path}/{tiles(40)[0].scales}")
    done = world.run("verify", "s3", "--deep", "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["good"] == 39
    assert [e["tile"] for e in told["corrupt"]] == [tiles(40)[0].path]
    assert all(row["scales_sha256"] for t, row in world.rows("s3").items() if t != tiles(40)[0])


def test_a_store_without_manifest_and_a_wrong_part_are_named(world: World) -> None:
    (world.data / "copy.parquet").unlink()
    for words, text in ((["copy"], "has no manifest"), (["origin", "--subset", "5/4"], "i/n")):
        done = world.run("verify", *words)
        assert done.returncode == 2
        assert text in done.stderr

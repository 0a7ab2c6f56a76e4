"""scan: trees, a real S3 server, and what the real listing tools say of both."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import S3Server
from fault_proxy import Faults, proxy
from sync_world import World, put_files, put_tile, tiles

from tessera_sync import bucket, manifests
from tessera_sync.layout import Tile
from tessera_sync.sightings import sort_out
from tessera_sync.storage import open_storage
from tessera_sync.tally import Tally

BIN = Path(sys.executable).parent


@pytest.fixture
def world(bare_world: World) -> World:
    """A tree of thirty tiles in two years, called here, without a manifest."""
    root = bare_world.add_tree("here")
    for tile in WHOLE:
        put_tile(root, tile)
    forget(bare_world, "here")
    return bare_world


def forget(world: World, name: str) -> None:
    """Take a store's manifest away."""
    manifests.path_of(world.data, name).unlink()


def scan(world: World, *words: str | Path, code: int = 0, stdin: str = "") -> dict[str, Any]:
    """Run scan; what it says with --json."""
    done = world.run("scan", *words, "--json", stdin=stdin)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    told: dict[str, Any] = json.loads(done.stdout) if code == 0 else {"said": done.stderr}
    return told


def sizes(world: World, name: str) -> dict[Tile, tuple[int, int]]:
    """Sizes of a store's tiles as its manifest has them."""
    rows = world.rows(name)
    return {tile: (row["embeddings_size"], row["scales_size"]) for tile, row in rows.items()}


WHOLE = dict.fromkeys(tiles(20) + tiles(10, year=2017), (3000, 301))


class TestTrees:
    def test_every_tile_is_seen_with_sizes_and_times(self, world: World) -> None:
        told = scan(world, "here")
        assert sizes(world, "here") == WHOLE
        assert (told["tiles"], told["added"], told["lost"]) == (30, 30, 0)
        assert told["files"]["checksums"] == 30
        tile, row = next(iter(world.rows("here").items()))
        stat = (world.folder / "here" / tile.path / tile.scales).stat()
        assert row["scales_mtime"].timestamp() == stat.st_mtime_ns // 1000 / 1e6
        assert manifests.load(world.data, "here", "v1").about.how.startswith("scan file://")

    def test_what_is_no_tile_is_counted_not_believed(self, world: World) -> None:
        root = world.folder / "here"
        first, second = tiles(2)
        (root / first.path / second.embeddings).write_bytes(b"misfiled")
        (root / first.path / f"{first.embeddings}#1").write_bytes(b"an unfinished upload")
        (root / "README").write_text("beside the years")
        (root / "2024" / "index.html").write_text("beside the tiles")
        (root / "2024" / "grid_1.00_1.00").mkdir()
        (root / "logs").mkdir()
        (root / "logs" / "a.log").write_text("not looked at")
        told = scan(world, "here")
        assert sizes(world, "here") == WHOLE
        assert (told["files"]["misfiled"], told["files"]["other"]) == (1, 3)

    def test_a_tile_in_part_is_incomplete(self, world: World) -> None:
        first, second, *_ = tiles(3)
        (world.folder / "here" / first.path / first.scales).unlink()
        (world.folder / "here" / second.path / second.embeddings).write_bytes(b"")
        assert scan(world, "here")["incomplete"] == 2
        assert sizes(world, "here") == {**WHOLE, first: (3000, 0), second: (0, 301)}

    def test_an_empty_root_is_an_empty_manifest(self, world: World) -> None:
        world.add_tree("empty")
        forget(world, "empty")
        assert scan(world, "empty")["tiles"] == 0
        assert manifests.load(world.data, "empty", "v1").tiles == 0

    def test_a_root_that_is_not_there_is_an_error(self, world: World) -> None:
        world.add("nowhere", f"file://{world.folder}/nowhere")
        assert "no directory" in scan(world, "nowhere", code=2)["said"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every directory")
    def test_a_directory_that_cannot_be_read_ends_it(self, world: World) -> None:
        closed = world.folder / "here" / tiles(1)[0].path
        closed.chmod(0)
        try:
            assert "Permission denied" in scan(world, "here", code=1)["said"]
        finally:
            closed.chmod(0o755)
        assert not manifests.path_of(world.data, "here").exists()

    def test_a_directory_that_loops_ends_it(self, world: World) -> None:
        """The same, as root may meet it: a directory that leads to itself."""
        folder = world.folder / "here" / tiles(1)[0].path
        (folder / "round").symlink_to("round")
        assert "round" in scan(world, "here", code=1)["said"]
        assert not manifests.path_of(world.data, "here").exists()

    def test_a_scan_that_lost_too_much_is_refused(self, world: World) -> None:
        scan(world, "here")
        before = manifests.load(world.data, "here", "v1").digest
        shutil.rmtree(world.folder / "here" / "2017")
        said = scan(world, "here", code=3)["said"]
        assert "of the 30 tiles of 'here' this scan lacks 10 (33.3%)" in said
        assert manifests.load(world.data, "here", "v1").digest == before
        assert scan(world, "here", "--allow-shrink")["lost"] == 10
        assert manifests.load(world.data, "here", "v1").tiles == 20

    def test_hashes_stay_until_the_file_is_another(self, world: World) -> None:
        world.know("here", list(WHOLE))
        first, second, *_ = tiles(3)
        root = world.folder / "here"
        (root / first.path / first.embeddings).write_bytes(b"x" * 3000)
        os.utime(root / second.path / second.scales, (1, 1))
        scan(world, "here")
        rows = world.rows("here")
        assert rows[first]["embeddings_sha256"] is None
        assert rows[first]["scales_sha256"] is not None
        assert rows[second]["scales_sha256"] is None
        others = [row for tile, row in rows.items() if tile not in (first, second)]
        assert all(row["embeddings_sha256"] and row["scales_sha256"] for row in others)

    def test_times_beyond_the_calendar_are_not_known(self, world: World) -> None:
        """tmpfs keeps the year 10000 as it is told; Python has no such date."""
        tile = Tile(2024, 5, 5)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            put_tile(Path(folder), tile)
            os.utime(Path(folder) / tile.path / tile.scales, (253402300800, 253402300800))
            world.add("far", f"file://{folder}")
            world.add_tree("near")
            scan(world, "far")
            assert world.rows("far")[tile]["scales_mtime"] is None
            for words in (["verify", "far"], ["record", "far", "-"]):
                done = world.run(*words, stdin=tile.path)
                assert done.returncode == 0, done.stderr
            for words in (["verify", "far", "--deep"], ["apply", world.plan("far", "near")]):
                done = world.run(*words)
                assert done.returncode == 1
                assert "has no possible time, touch it: year 10000" in done.stderr


class TestListings:
    FIND = ("find", ".", "-type", "f", "-printf")

    @pytest.mark.parametrize("form", ["%s %p\\n", "%s %T@ %p\\n", "%T@ %s %P\\n"])
    def test_find(self, world: World, form: str) -> None:
        listing = subprocess.run(
            [*self.FIND, form],
            cwd=world.folder / "here",
            capture_output=True,
            text=True,
            check=True,
        )
        told = scan(world, "here", "-", stdin=listing.stdout)
        assert (told["lines"], told["unparsed"], told["tiles"]) == (90, 0, 30)
        assert sizes(world, "here") == WHOLE

    @pytest.mark.parametrize(
        "words", [("ls",), ("lsl",), ("lsf", "-R", "--format", "tsp"), ("lsjson", "-R")]
    )
    def test_rclone(self, world: World, words: tuple[str, ...]) -> None:
        listing = self._rclone(words, world.folder / "here")
        assert scan(world, "here", "-", stdin=listing)["unparsed"] == 0
        assert sizes(world, "here") == WHOLE

    @staticmethod
    def _rclone(words: tuple[str, ...], root: Path) -> str:
        program = BIN / "rclone"
        if not program.exists():
            pytest.skip("rclone is not installed")
        command = [program, *words, str(root), "--config", os.devnull]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def test_a_tree_and_its_listing_are_the_same_manifest(self, world: World) -> None:
        scan(world, "here")
        digest = manifests.load(world.data, "here", "v1").digest
        listing = self._find(world)
        told = scan(world, "here", listing)
        assert told["digest"] == digest
        assert (told["added"], told["lost"], told["changed"]) == (0, 0, 0)

    def _find(self, world: World) -> Path:
        listing = world.folder / "listing"
        with listing.open("w") as file:
            command = [*self.FIND, "%s %T@ %p\\n"]
            subprocess.run(command, cwd=world.folder / "here", stdout=file, check=True)
        return listing

    def test_half_a_listing_does_not_empty_a_manifest(self, world: World) -> None:
        scan(world, "here")
        listing = self._find(world)
        listing.write_text("".join(listing.read_text().splitlines(keepends=True)[:45]))
        assert "the manifest stays as it was" in scan(world, "here", listing, code=3)["said"]
        listing.write_text("")
        assert "lacks 30 (100.0%)" in scan(world, "here", listing, code=3)["said"]
        assert manifests.load(world.data, "here", "v1").tiles == 30

    def test_several_listings_are_one_store(self, world: World) -> None:
        lines = self._find(world).read_text().splitlines(keepends=True)
        parts = [world.folder / f"part{i}" for i in range(3)]
        for i, part in enumerate(parts):
            part.write_text("".join(lines[i::3]))
        scan(world, "here", *parts)
        assert sizes(world, "here") == WHOLE

    def test_a_listing_of_two_datasets_needs_a_word(self, world: World) -> None:
        lines = self._find(world).read_text().splitlines()
        mixed = world.folder / "mixed"
        mixed.write_text(
            "\n".join(
                line.replace("./", f"{root}/", 1) for root in ("v1", "v2/x") for line in lines
            )
        )
        said = scan(world, "here", mixed, code=2)["said"]
        assert "v1 (60 files), v2/x (60 files): say with --below" in said
        assert scan(world, "here", mixed, "--below", "v2/x")["tiles"] == 30
        assert "no tiles there" in scan(world, "here", mixed, "--below", "v3", code=2)["said"]
        world.add("bucket", "s3://b/v1")
        assert scan(world, "bucket", mixed, "--allow-shrink")["tiles"] == 30

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("no listing\nat all\n", "none of its 2 lines says a size and a path"),
            ("10 a/b.npy\n", "none of its files is a tile's"),
        ],
    )
    def test_a_file_that_is_no_listing(self, world: World, content: str, message: str) -> None:
        (world.folder / "x").write_text(content)
        assert message in scan(world, "here", world.folder / "x", code=2)["said"]

    def test_no_listing(self, world: World) -> None:
        assert "No such file" in scan(world, "here", world.folder / "x", code=2)["said"]

    def test_https_needs_a_listing(self, world: World) -> None:
        world.add("web", "https://example.test/v1")
        forget(world, "web")
        assert "give a listing" in scan(world, "web", code=2)["said"]
        assert scan(world, "web", self._find(world))["tiles"] == 30


@pytest.fixture
def cloud(world: World, s3_world: World, s3_server: S3Server) -> World:
    """The same tiles in a bucket, called cloud, below v1."""
    name = s3_server.bucket()
    world.add("cloud", f"s3://{name}/v1", endpoint=s3_server.endpoint)
    forget(world, "cloud")
    put_files(s3_server.objects(name, "v1"), world.folder / "here")
    return world


class TestBucket:
    def test_it_is_seen_as_the_tree_is(self, cloud: World) -> None:
        told = scan(cloud, "cloud")
        assert sizes(cloud, "cloud") == WHOLE
        assert told["files"]["checksums"] == 30
        plan = cloud.run("plan", "here", "cloud", "--exit-code")
        assert plan.returncode == 2, "here has no manifest yet"
        scan(cloud, "here")
        assert cloud.run("plan", "here", "cloud", "--exit-code").returncode == 0

    def test_what_s5cmd_says_of_it_is_the_same(self, cloud: World) -> None:
        told = scan(cloud, "cloud")
        store = cloud.configuration.get("cloud")
        for words in (("ls",), ("--json", "ls")):
            command = [BIN / "s5cmd", "--endpoint-url", str(store.endpoint), *words]
            listing = subprocess.run(
                [*command, f"{store.root}/*"],
                capture_output=True, text=True, check=True, env=cloud.variables(),
            )  # fmt: skip
            again = scan(cloud, "cloud", "-", stdin=listing.stdout)
            assert again["digest"] == told["digest"]
            assert (again["unparsed"], again["changed"], again["lines"]) == (0, 0, 90)

    def test_an_empty_prefix_is_an_empty_manifest(self, cloud: World, s3_server: S3Server) -> None:
        name = s3_server.bucket()
        s3_server.objects(name).put("elsewhere", b"x")
        cloud.add("bare", f"s3://{name}/v1", endpoint=s3_server.endpoint)
        assert scan(cloud, "bare")["tiles"] == 0

    def test_a_bucket_that_is_not_there_ends_it(self, cloud: World, s3_server: S3Server) -> None:
        cloud.add("gone", "s3://no-such-bucket/v1", endpoint=s3_server.endpoint)
        assert "nothing is recorded" in scan(cloud, "gone", code=1)["said"]

    def test_wrong_credentials_end_it_and_are_not_shown(self, cloud: World) -> None:
        secret = "not-the-secret"
        cloud.environment = {**cloud.environment, "AWS_SECRET_ACCESS_KEY": secret}
        said = scan(cloud, "cloud", code=1)["said"]
        assert "could not be listed" in said
        assert secret not in said

    def test_a_server_that_fails_now_and_then_is_listed_whole(
        self, cloud: World, s3_server: S3Server
    ) -> None:
        faults = Faults(lambda number, _method, _path: 503 if number % 3 == 1 else None)
        with proxy(s3_server.endpoint, faults) as address:
            self.through(cloud, address)
            assert scan(cloud, "proxied")["tiles"] == 30
        assert faults.counts["GET"] > 3

    def test_a_server_that_goes_down_midway_ends_it(
        self, cloud: World, s3_server: S3Server
    ) -> None:
        """An answer that no retry helps with, after some were good: nothing is recorded."""
        faults = Faults(lambda number, _method, _path: 403 if number > 2 else None)
        with proxy(s3_server.endpoint, faults) as address:
            self.through(cloud, address)
            assert "nothing is recorded" in scan(cloud, "proxied", code=1)["said"]
        assert faults.counts["GET"] > 2
        assert manifests.load(cloud.data, "proxied", "v1").tiles == 0

    def test_interrupted_it_says_so_and_records_nothing(
        self, cloud: World, s3_server: S3Server
    ) -> None:
        slow = Faults(lambda number, _method, _path: 30.0 if number > 1 else None)
        with proxy(s3_server.endpoint, slow) as address:
            self.through(cloud, address)
            running = subprocess.Popen(
                cloud.tool("scan", "proxied"),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=cloud.variables(),
            )  # fmt: skip
            while slow.counts.get("GET", 0) < 2 and running.poll() is None:
                time.sleep(0.05)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        assert running.returncode == 130, said
        assert "interrupted" in said
        assert "Traceback" not in said
        assert manifests.load(cloud.data, "proxied", "v1").tiles == 0

    @staticmethod
    def through(cloud: World, address: str) -> None:
        """Add the store cloud once more, as one reaches it at that address."""
        root = cloud.configuration.get("cloud").root
        assert root is not None
        cloud.add("proxied", root, endpoint=address)

    def test_cut_into_many_chains_it_is_the_same(
        self, cloud: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A page of one key and a cut at every chance: nothing is lost, nothing comes twice."""
        monkeypatch.setattr(bucket, "PAGE", 1)
        monkeypatch.setattr(bucket, "_WORTH_A_CUT", 0)
        chains: Counter[str] = Counter()
        start = bucket._Listing._start

        def counted(listing: Any, chain: Any) -> None:
            chains[chain.year] += 1
            start(listing, chain)

        monkeypatch.setattr(bucket._Listing, "_start", counted)
        tally = Tally()

        async def take(batch: Any) -> None:
            tally.add(sort_out(batch))

        storage = open_storage(cloud.configuration.get("cloud"))
        asyncio.run(bucket.list_files(storage, take))
        assert chains["2024"] > 3
        assert (tally.counts["embeddings"], tally.counts["scales"]) == (30, 30)
        assert tally.counts.total() == 90

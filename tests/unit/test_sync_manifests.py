"""Store manifests: written whole, read whoever wrote them, changed by one at a time."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import examples
from hypothesis import given
from hypothesis import strategies as st
from manifest_rows import MADE, Key, read, row, save, sha, table

from tessera_catalog.errors import Failed, InputError, Refused
from tessera_catalog.locks import lock, mount_of
from tessera_catalog.manifest_header import About
from tessera_catalog.registry import open_registry
from tessera_catalog.store_manifest import Manifest
from tessera_catalog.stores import Store, Stores
from tessera_sync import manifests
from tessera_sync.selection import Selection
from tessera_sync.survey import facts

TIMES = {"embeddings_mtime": MADE, "scales_mtime": MADE, "seen_at": MADE, "verified_at": None}
FULL = row(1000, 100, sha(1), None, **TIMES)
S3 = Store(name="s3", url="https://s3.test/v1")
TILES: dict[Key, dict[str, object]] = {
    (2024, 85, 4995): FULL,
    (2024, -5, 5): row(None, None, **dict.fromkeys(TIMES)),
    (2017, 17995, -8995): row(0, 5, None, sha(3), **TIMES),
}


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    manifest = save(tmp_path, "s3", TILES)
    assert read(manifest) == TILES
    assert manifest.tiles == 3
    assert manifest.years == [2017, 2024]
    assert manifest.about == About("s3", "v1", MADE, "test", "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["s3.parquet"]


def test_an_empty_manifest_is_one(tmp_path: Path) -> None:
    manifest = save(tmp_path, "s3", {})
    assert (manifest.tiles, manifest.years) == (0, [])


def test_registry_readers_open_our_files(tmp_path: Path) -> None:
    save(tmp_path, "s3", TILES)
    (batch,) = open_registry(tmp_path / "s3.parquet").batches()
    assert batch.tiles.num_rows == 3
    degrees = pq.read_table(tmp_path / "s3.parquet", columns=["lon", "lat", "year"]).to_pylist()
    assert degrees[0] == {"lon": 179.95, "lat": -89.95, "year": 2017}


class TestDigest:
    """The digest is of keys, sizes and hashes, whatever the file looks like."""

    @pytest.mark.parametrize(
        "changed",
        [
            row(1001, 100, sha(1)),
            row(1000, None, sha(1)),
            row(1000, 100, None),
            row(1000, 100, sha(1), sha(2)),
        ],
    )
    def test_changes_with_what_is_known(self, tmp_path: Path, changed: dict[str, object]) -> None:
        before = save(tmp_path, "s3", {(2024, 85, 4995): FULL}).digest
        assert save(tmp_path, "s3", {(2024, 85, 4995): changed}).digest != before

    def test_does_not_change_with_times(self, tmp_path: Path) -> None:
        before = save(tmp_path, "s3", {(2024, 85, 4995): FULL}).digest
        later = dict.fromkeys(TIMES, dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
        assert save(tmp_path, "s3", {(2024, 85, 4995): FULL | later}).digest == before

    def test_is_found_again_where_a_file_lacks_it(self, tmp_path: Path) -> None:
        before = save(tmp_path, "s3", TILES).digest
        plain = pq.read_table(tmp_path / "s3.parquet").drop_columns(["fingerprint"])
        pq.write_table(plain.replace_schema_metadata({}), tmp_path / "s3.parquet", row_group_size=2)
        manifest = manifests.load(tmp_path, "s3", "v1")
        assert manifest.digest == before
        assert read(manifest) == TILES


class TestUpdate:
    def test_adds_replaces_and_removes(self, tmp_path: Path) -> None:
        save(tmp_path, "s3", TILES)
        new, changed = (2025, 5, 5), (2024, -5, 5)
        upsert = table({changed: FULL, new: FULL})
        remove = table({(2017, 17995, -8995): row()})
        digest = manifests.update(
            tmp_path, "s3", "v1", how="test", upsert=upsert, remove=remove.select([0, 1, 2])
        )
        manifest = manifests.load(tmp_path, "s3", "v1")
        assert read(manifest) == {(2024, 85, 4995): FULL, changed: FULL, new: FULL}
        assert manifest.digest == digest
        assert manifest.about.made == MADE
        assert manifest.about.changed.endswith("test")

    @examples(40)
    @given(data=st.data())
    def test_is_a_dictionary_update(
        self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        keys = st.tuples(
            st.sampled_from([2017, 2024]), st.sampled_from([-5, 5, 15]), st.sampled_from([-5, 5])
        )
        tiles = st.dictionaries(keys, st.just(FULL) | st.just(row(1, 1, **TIMES)), max_size=12)
        old, new = data.draw(tiles), data.draw(tiles)
        gone = data.draw(st.lists(keys, unique=True))
        folder = tmp_path_factory.mktemp("data")
        save(folder, "s3", old)
        manifests.update(
            folder, "s3", "v1", how="test", upsert=table(new),
            remove=table(dict.fromkeys(gone, row())),
        )  # fmt: skip
        kept = {key: known for key, known in old.items() if key not in gone}
        assert read(manifests.load(folder, "s3", "v1")) == kept | new

    def test_begins_a_manifest(self, tmp_path: Path) -> None:
        manifests.update(tmp_path, "s3", "v1", how="test", upsert=table({(2024, 5, 5): FULL}))
        assert manifests.load(tmp_path, "s3", "v1").tiles == 1


class TestForeignFiles:
    def test_the_first_servers_manifest_lies_there_as_it_is(self, tmp_path: Path) -> None:
        pq.write_table(
            pa.table(
                {
                    "lat": [49.95, 0.05, 0.05],
                    "lon": [0.85, -0.05, -0.05],
                    "year": [2024, 2017, 2017],
                    "file_size": [1000, 5, 6],
                    "scales_size": [100, 0, 1],
                    "hash": ["ab" * 32, "", ""],
                }
            ),
            tmp_path / "s3.parquet",
        )
        manifest = manifests.load(tmp_path, "s3", "v1")
        found = read(manifest)
        assert manifest.rejected == {"duplicate": 1}
        assert found[2024, 85, 4995]["embeddings_sha256"] == bytes.fromhex("ab" * 32)
        assert found[2017, -5, 5]["scales_size"] == 0
        assert facts(manifest, Selection()).incomplete == 1

    def test_a_manifest_of_2026_is_read_by_its_dataset(self, tmp_path: Path) -> None:
        columns = {
            "year": [2024, 2024],
            "lon": [0.05, 0.15],
            "lat": [0.05, 0.05],
            "grid_size": [7, 8],
            "scales_size": [1, 2],
            "version": ["v1", "v1.1"],
            "variant": ["", "cam"],
        }
        pq.write_table(pa.table(columns), tmp_path / "s3.parquet")
        assert list(read(manifests.load(tmp_path, "s3", "v1"))) == [(2024, 5, 5)]
        assert list(read(manifests.load(tmp_path, "s3", "v1.1-cam"))) == [(2024, 15, 5)]
        with pytest.raises(InputError, match=r"no tiles of dataset 'v2', only of v1, v1\.1-cam"):
            manifests.load(tmp_path, "s3", "v2")

    def test_a_column_of_datasets_that_names_none(self, tmp_path: Path) -> None:
        columns = {"year": [2024], "lon": [0.05], "lat": [0.05], "version": pa.nulls(1)}
        pq.write_table(pa.table(columns), tmp_path / "s3.parquet")
        assert list(read(manifests.load(tmp_path, "s3", "v1"))) == [(2024, 5, 5)]

    def test_a_link_to_a_registry_is_replaced_not_followed(self, tmp_path: Path) -> None:
        registry = tmp_path / "registry.parquet"
        pq.write_table(pa.table({"lat": [0.05], "lon": [0.05], "year": [2024]}), registry)
        before = registry.read_bytes()
        (tmp_path / "s3.parquet").symlink_to(registry)
        manifests.update(tmp_path, "s3", "v1", how="test", upsert=table({(2024, 15, 5): FULL}))
        assert manifests.load(tmp_path, "s3", "v1").tiles == 2
        assert registry.read_bytes() == before

    def test_a_link_to_a_disk_that_is_not_mounted_is_not_replaced(self, tmp_path: Path) -> None:
        link = tmp_path / "s3.parquet"
        link.symlink_to(tmp_path / "disk" / "s3.parquet")
        with pytest.raises(InputError, match=r"leads to .*/disk/s3\.parquet, .* no such file"):
            manifests.update(tmp_path, "s3", "v1", how="test")
        assert link.is_symlink()
        assert manifests.known(tmp_path, Stores(stores=(S3,))) == ["s3"]


class TestRefusals:
    def test_no_manifest(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"store 's3' has no manifest .* scan s3"):
            manifests.load(tmp_path, "s3", "v1")

    def test_another_datasets_manifest(self, tmp_path: Path) -> None:
        save(tmp_path, "s3", TILES, dataset="v2")
        with pytest.raises(InputError, match="of dataset 'v2', not of 'v1'"):
            manifests.load(tmp_path, "s3", "v1")

    def test_another_stores_manifest(self, tmp_path: Path) -> None:
        """A file copied to a wrong name would make a whole store look as if it held everything."""
        save(tmp_path, "okavango", TILES)
        (tmp_path / "okavango.parquet").rename(tmp_path / "s3.parquet")
        with pytest.raises(InputError, match="of store 'okavango', not of 's3'"):
            manifests.load(tmp_path, "s3", "v1")

    @given(place=st.integers(0), bit=st.integers(0, 7))
    def test_a_bit_that_has_flipped_is_noticed_or_changes_nothing(
        self, tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
    ) -> None:
        folder = tmp_path_factory.mktemp("flip")
        whole = read(save(folder, "s3", TILES))
        path = folder / "s3.parquet"
        content = bytearray(path.read_bytes())
        # Not in the footer, a thousandth of a real file: Arrow has no checksum for it.
        pages = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        content[place % pages] ^= 1 << bit
        path.write_bytes(content)
        try:
            found = read(manifests.load(folder, "s3", "v1"))
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017 - there may be none
        else:
            assert found == whole

    def test_a_file_that_is_no_parquet(self, tmp_path: Path) -> None:
        (tmp_path / "s3.parquet").write_text("lat,lon,year\n")
        with pytest.raises(InputError, match="not a readable parquet file"):
            manifests.load(tmp_path, "s3", "v1")

    def test_a_damaged_file(self, tmp_path: Path) -> None:
        many = {(2024, 10 * i + 5, 5): row(i + 1, i + 1, sha(i % 250)) for i in range(1500)}
        save(tmp_path, "s3", many)
        path = tmp_path / "s3.parquet"
        content = bytearray(path.read_bytes())
        content[40 : len(content) // 2] = bytes(len(content) // 2 - 40)
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged"):
            manifests.load(tmp_path, "s3", "v1").read(2024)

    def test_rows_out_of_order(self, tmp_path: Path) -> None:
        save(tmp_path, "s3", {(2024, 5, 5): FULL, (2024, 15, 5): FULL})
        rows = pq.read_table(tmp_path / "s3.parquet")
        pq.write_table(rows.take([1, 0]), tmp_path / "s3.parquet")
        with pytest.raises(InputError, match="not in order: ingest it again"):
            facts(Manifest(tmp_path / "s3.parquet"), Selection())

    def test_a_file_system_that_takes_no_more(self, tmp_path: Path) -> None:
        before = save(tmp_path, "s3", TILES).digest
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(Failed, match=r"s3\.parquet: cannot be written: .*File too large"):
                manifests.update(tmp_path, "s3", "v1", how="test")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert manifests.load(tmp_path, "s3", "v1").digest == before
        assert sorted(p.name for p in tmp_path.iterdir()) == [".s3.lock", "s3.parquet"]


HOLD = """
import sys, time
from pathlib import Path
from tessera_catalog.locks import lock
with lock(Path(sys.argv[1]), "s3"):
    print("held", flush=True)
    time.sleep(60)
"""

WRITE = """
import sys
from pathlib import Path
from tessera_sync import manifests
sys.path.insert(0, sys.argv[2])
from manifest_rows import row, table
print("begin", flush=True)
while True:
    for size in (1, 2):
        rows = {(2024, 10 * i + 5, 5): row(size, size) for i in range(1500)}
        manifests.update(Path(sys.argv[1]), "s3", "v1", how="test", upsert=table(rows))
"""


class TestLocks:
    def test_another_process_is_waited_for_and_named(self, tmp_path: Path) -> None:
        with _Process(HOLD, tmp_path) as holder:
            named = pytest.raises(Refused, match=rf"being changed by .* process {holder.pid}")
            with named, lock(tmp_path, "s3", wait=0.2):
                pass
            with lock(tmp_path, "okavango", wait=0):
                pass
            holder.kill()
            holder.wait()
        with lock(tmp_path, "s3", wait=5):
            pass

    def test_a_thread_of_this_process_is_kept_out_too(self, tmp_path: Path) -> None:
        refused = pytest.raises(Refused, match="another thread")
        with lock(tmp_path, "s3"), refused, lock(tmp_path, "s3", wait=0.2):
            pass

    def test_a_writer_killed_at_any_moment_leaves_a_whole_manifest(self, tmp_path: Path) -> None:
        for delay in (0.0, 0.05, 0.1, 0.15):
            with _Process(WRITE, tmp_path, Path(__file__).parents[1]) as writer:
                time.sleep(delay)
                writer.send_signal(signal.SIGKILL)
                writer.wait()
            if (tmp_path / "s3.parquet").exists():
                known = read(manifests.load(tmp_path, "s3", "v1"))
                assert len({values["embeddings_size"] for values in known.values()}) == 1
        manifests.update(tmp_path, "s3", "v1", how="test")
        assert list(tmp_path.glob(".s3.parquet.*")) == []

    def test_mounts_whose_locks_stay_on_this_machine(self) -> None:
        mountinfo = (
            b"22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
            b"40 22 0:40 / /mnt/nfs rw shared:1 - nfs4 host:/x rw,vers=4.2,local_lock=none\n"
            b"41 22 0:41 / /mnt/my\\040nfs rw - nfs host:/y rw,nolock,local_lock=all\n"
            b"42 22 0:42 / /mnt/donn\xc3\xa9es rw - nfs host:/y rw,nolock\n"
            b"43 22 0:43 / /mnt/donn\xe9es\\134\xc2\x85 rw - nfs host:/y rw,nobrl\n"
        )
        assert mount_of(mountinfo, "/home/me/data")[0] == "ext4"
        assert mount_of(mountinfo, "/mnt/nfs/data")[0] == "nfs4"
        assert "local_lock=all" in mount_of(mountinfo, "/mnt/my nfs/data")[1]
        assert mount_of(mountinfo, "/mnt/nfsx/data")[0] == "ext4"
        assert "nolock" in mount_of(mountinfo, "/mnt/données/data")[1]
        latin = os.fsdecode(b"/mnt/donn\xe9es\\\xc2\x85/data")
        assert "nobrl" in mount_of(mountinfo, latin)[1]


class _Process:
    """A Python program that has said its first word."""

    def __init__(self, program: str, *arguments: object) -> None:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def __enter__(self) -> subprocess.Popen[bytes]:
        assert self._process.stdout is not None
        assert self._process.stdout.readline()
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

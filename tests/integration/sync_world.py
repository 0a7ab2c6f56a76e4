"""A small world to synchronise: stores with tiles of a few kilobytes, and their manifests."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from obstore.store import S3Store
from seaweedfs import S3Server

from tessera_catalog.manifest_header import About
from tessera_catalog.store_manifest import ROWS
from tessera_catalog.stores import Store, Stores
from tessera_sync import manifests
from tessera_sync.layout import CHECKSUMS, Tile
from tessera_sync.plan import Wanted, find, make_plan
from tessera_sync.plan_file import write_plan
from tessera_sync.record import record
from tessera_sync.row_tables import HASHES

TOOL = Path(sys.executable).parent / "tessera-sync"

Row = dict[str, Any]
"""What a manifest says of a tile."""


def tiles(count: int, year: int = 2024) -> list[Tile]:
    """Different tiles of one year, on both sides of the meridian and the equator."""
    return [Tile(year, 10 * (i % 40) - 195, 10 * (i // 40) - 45) for i in range(count)]


def content(tile: Tile, size: int = 3000, salt: str = "") -> tuple[bytes, bytes]:
    """Bytes of a tile's embeddings and scales, always the same ones."""
    source = random.Random(f"{tile.path}{salt}")
    return source.randbytes(size), source.randbytes(size // 10 + 1)


def put_tile(
    root: Path, tile: Tile, size: int = 3000, salt: str = "", checksums: bool = True
) -> int:
    """Lay a tile's files into a tree; the bytes of both `.npy` files."""
    folder = root / tile.path
    folder.mkdir(parents=True, exist_ok=True)
    embeddings, scales = content(tile, size, salt)
    (folder / tile.embeddings).write_bytes(embeddings)
    (folder / tile.scales).write_bytes(scales)
    if checksums:
        lines = [
            f"{hashlib.sha256(data).hexdigest()}  {name}\n"
            for name, data in ((tile.embeddings, embeddings), (tile.scales, scales))
        ]
        (folder / CHECKSUMS).write_text("".join(lines))
    return len(embeddings) + len(scales)


def files_of(root: Path) -> dict[str, bytes]:
    """Every file of a tree by its path, whatever it is called."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def put_files(objects: S3Store, root: Path) -> None:
    """Copy a tree into a bucket."""
    for path, data in files_of(root).items():
        objects.put(path, data)


def objects_of(objects: S3Store) -> dict[str, bytes]:
    """Every object of a bucket by its key."""
    found = objects.list().collect()
    return {meta["path"]: bytes(objects.get(meta["path"]).bytes()) for meta in found}


def flip(path: Path) -> None:
    """Change one byte of a file, and neither size nor times."""
    stat = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@dataclass
class World:
    """A data directory and a configuration of stores."""

    folder: Path
    stores: list[Store] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data directory."""
        path = self.folder / "data"
        path.mkdir(exist_ok=True)
        return path

    @property
    def configuration(self) -> Stores:
        """The stores as the library takes them."""
        return Stores(stores=tuple(self.stores))

    def add_tree(self, name: str) -> Path:
        """Add a store that is a file tree; its root."""
        root = self.folder / name
        root.mkdir()
        self.add(name, f"file://{root}")
        return root

    def fill(self, name: str, held: Iterable[Tile], hashes: bool = True) -> Path:
        """Lay tiles into a store's tree, added if need be, and let its manifest know them."""
        root, held = self.folder / name, list(held)
        if not root.is_dir():
            self.add_tree(name)
        for tile in held:
            put_tile(root, tile)
        self.know(name, held, hashes)
        return root

    def add(self, name: str, root: str, endpoint: str | None = None) -> None:
        """Add a store, and an empty manifest for it."""
        self.stores.append(
            Store(name=name, url=f"https://{name}.test/v1", root=root, endpoint=endpoint)
        )
        about = About(name, "v1", dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "made for a test")
        manifests.save(self.data, about, {})

    def know(self, name: str, known: Iterable[Tile], hashes: bool = True) -> None:
        """Let a store's manifest have the tiles that it really holds, with their true hashes."""
        said = record(
            self.data,
            self.configuration,
            "v1",
            name,
            (tile.path for tile in known),
            trust=False,
            jobs=8,
            say=print,
        )
        assert not said.failed, said.failed
        root = next(store.root for store in self.stores if store.name == name)
        if hashes and root is not None and root.startswith("file://"):
            self._add_hashes(name, Path(root.removeprefix("file://")))

    def _add_hashes(self, name: str, root: Path) -> None:
        def sha256(path: Path) -> bytes:
            return hashlib.sha256(path.read_bytes()).digest()

        def hashed(tile: Tile, row: Row) -> Row:
            folder = root / tile.path
            return row | {
                "embeddings_sha256": sha256(folder / tile.embeddings),
                "scales_sha256": sha256(folder / tile.scales),
            }

        self.rewrite(name, hashed)

    def rows(self, name: str) -> dict[Tile, Row]:
        """A store's manifest by tile."""
        manifest = manifests.load(self.data, name, "v1")
        found = [row for year in manifest.years for row in manifest.read(year).to_pylist()]
        return {Tile.of(row): row for row in found}

    def rewrite(self, name: str, changed: Callable[[Tile, Row], Row]) -> None:
        """Let a store's manifest say something else of its tiles."""
        rows = [changed(tile, row) for tile, row in self.rows(name).items()]
        upsert = pa.Table.from_pylist(rows, schema=ROWS)
        manifests.update(self.data, name, "v1", how="made for a test", upsert=upsert)

    def forget_hashes(self, name: str) -> None:
        """Let a store's manifest know no hashes."""
        self.rewrite(name, lambda _, row: row | dict.fromkeys(HASHES))

    def plan(self, source: str, target: str, name: str = "plan", **wanted: Any) -> Path:
        """Make and save a plan from the manifests as they are."""
        ours, theirs = (manifests.load(self.data, store, "v1") for store in (source, target))
        what = Wanted(**wanted)
        plan = make_plan(ours, theirs, what, find(ours, theirs, what), _now(), "test")
        path = self.folder / f"{name}.parquet"
        write_plan(path, plan)
        return path

    def tool(self, *words: str | Path) -> list[str]:
        """A command line of tessera-sync in this world."""
        return [str(TOOL), *map(str, words)]

    def variables(self) -> dict[str, str]:
        """The environment of its commands; the configuration is written for them."""
        lines = ["[dataset]", 'id = "v1"']
        for store in self.stores:
            values = store.model_dump(include={"name", "url", "root", "endpoint"})
            lines += ["[[stores]]"]
            lines += [f"{k} = {json.dumps(v)}" for k, v in values.items() if v is not None]
        path = self.folder / "stores.toml"
        path.write_text("\n".join(lines))
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PG", "AWS"))},
            "TESSERA_DATA": str(self.data),
            "TESSERA_STORES": str(path),
            **self.environment,
        }

    def done(self) -> list[str]:
        """Paths of the tiles that the journals call done, in their order."""
        lines = [
            json.loads(line)
            for path in sorted((self.data / "journals").glob("*.jsonl"))
            for line in path.read_text().splitlines()
            if line.endswith("}")
        ]
        return [line["done"] for line in lines if "done" in line]

    def run(self, *words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.tool(*words),
            input=stdin,
            capture_output=True,
            text=True,
            env=self.variables(),
            timeout=300,
        )


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


@pytest.fixture
def bare_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world without stores, and without this machine's credentials."""
    for name in [name for name in os.environ if name.startswith("AWS")]:
        monkeypatch.delenv(name)
    return World(tmp_path)


@pytest.fixture
def s3_world(bare_world: World, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same world with the credentials of the S3 server."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    bare_world.environment = s3_server.environment
    return bare_world

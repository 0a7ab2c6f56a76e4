"""A world that changes by chance: an origin, a tree and a bucket of copies, a registry."""

from __future__ import annotations

import random
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import obstore
from obstore.store import S3Store
from registries import row, write
from sync_world import World, content, put_tile, tiles
from torture_invariant import Files, Whole, files_of_bucket, files_of_tree, tiles_of

from tessera_sync.layout import Tile
from tessera_sync.placing import PART

ORIGIN, TREE, BUCKET = "origin", "mirror", "bucket"


@dataclass
class Copies:
    """Stores and what chance does to them; versions of tiles differ in size and content."""

    chance: random.Random
    world: World
    objects: S3Store
    held: dict[Tile, int] = field(default_factory=dict)
    """Version of each tile of the origin."""

    @property
    def registry(self) -> Path:
        """The registry of the origin as it is."""
        return self.world.folder / "registry.parquet"

    def files(self, store: str) -> Files:
        """What really lies in a store."""
        if store == BUCKET:
            return files_of_bucket(self.objects)
        return files_of_tree(self.world.folder / store)

    def whole_tiles(self) -> dict[Tile, Whole]:
        """The origin's tiles."""
        found = tiles_of(self.files(ORIGIN))
        return {tile: both for tile, both in found.items() if both[0] and both[1]}  # type: ignore[misc]

    def change_origin(self) -> None:
        """New tiles, other versions of some, and a few that go; the registry tells."""
        every = tiles(150, 2023) + tiles(150, 2024)
        new = [tile for tile in every if tile not in self.held]
        least = 0 if self.held else 1  # a registry without tiles is refused
        for tile in self.chance.sample(new, min(len(new), self.chance.randrange(least, 15))):
            self._put_origin(tile, 0)
        for tile in self._some(5):
            self._put_origin(tile, self.held[tile] + 1)
        if len(self.held) > 40:
            for tile in self._some(3):
                shutil.rmtree(self.world.folder / ORIGIN / tile.path)
                del self.held[tile]
        root = self.world.folder / ORIGIN
        write(
            self.registry,
            [
                row(
                    tile.lon_i / 100,
                    tile.lat_i / 100,
                    tile.year,
                    hash=both[0].sha256.hex(),
                    scales_hash=both[1].sha256.hex(),
                    file_size=both[0].size,
                    scales_size=both[1].size,
                    mtime=(root / tile.path / tile.embeddings).stat().st_mtime,
                )
                for tile, both in self.whole_tiles().items()
            ],
        )

    def damage(self, store: str) -> None:
        """Tiles of a copy vanish, lose their scales or come from nowhere; a scan will tell."""
        held = sorted(tiles_of(self.files(store)))
        for tile in self.chance.sample(held, min(len(held), self.chance.randrange(4))):
            self._remove(store, tile, whole=self.chance.random() < 0.5)
        if self.chance.random() < 0.3:
            self.copy_by_hand(store, [self.chance.choice(tiles(20, 2022))])

    def copy_by_hand(self, store: str, chosen: list[Tile]) -> None:
        """Put tiles into a copy as another tool would."""
        for tile in chosen:
            version = self.held.get(tile, 0)
            if store == BUCKET:
                embeddings, scales = content(tile, _size(tile, version), str(version))
                obstore.put(self.objects, f"{tile.path}/{tile.embeddings}", embeddings)
                obstore.put(self.objects, f"{tile.path}/{tile.scales}", scales)
            else:
                root = self.world.folder / store
                put_tile(root, tile, _size(tile, version), str(version), checksums=False)
                (root / tile.path / "SHA256").unlink(missing_ok=True)

    def _put_origin(self, tile: Tile, version: int) -> None:
        put_tile(self.world.folder / ORIGIN, tile, _size(tile, version), str(version))
        self.held[tile] = version

    def _some(self, most: int) -> list[Tile]:
        count = min(len(self.held), self.chance.randrange(most))
        return self.chance.sample(sorted(self.held), count)

    def _remove(self, store: str, tile: Tile, *, whole: bool) -> None:
        names = [tile.embeddings, tile.scales, "SHA256"] if whole else [tile.scales]
        for name in names:
            if store == BUCKET:
                obstore.delete(self.objects, f"{tile.path}/{name}")
            else:
                (self.world.folder / store / tile.path / name).unlink(missing_ok=True)


def _size(tile: Tile, version: int) -> int:
    """Bytes of a version's embeddings: a scan knows a new version by its size.

    Those of a few tiles are sent to a bucket in parts.
    """
    is_large = zlib.crc32(tile.path.encode()) % 50 == 0
    return (PART + 1000 if is_large else 2000) + 50 * version

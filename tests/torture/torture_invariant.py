"""What must be true of stores, manifests, registry and catalogue, however often one was killed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from obstore.store import S3Store
from registries import select, value
from sync_world import World, files_of

from tessera_sync.layout import CHECKSUMS, Tile, parse_path


@dataclass(frozen=True)
class File:
    """A file as it lies in a store."""

    size: int
    sha256: bytes


Files = dict[str, File]
"""Files of a store by their path below its root."""

Whole = tuple[File, File]
"""Embeddings and scales of a tile."""


def files_of_tree(root: Path) -> Files:
    """Every file of a tree, whatever it is called."""
    return {path: _file(content) for path, content in files_of(root).items()}


def files_of_bucket(objects: S3Store) -> Files:
    """Every object below a prefix."""
    paths = [meta["path"] for meta in objects.list().collect()]
    return {path: _file(bytes(objects.get(path).bytes())) for path in paths}


def _file(content: bytes) -> File:
    return File(len(content), hashlib.sha256(content).digest())


def tiles_of(files: Files) -> dict[Tile, tuple[File | None, File | None]]:
    """Embeddings and scales of each tile that has either; AssertionError on files of no tile."""
    found: dict[Tile, tuple[File | None, File | None]] = {}
    for path in files:
        folder, _, name = path.rpartition("/")
        tile = parse_path(folder)
        assert tile is not None, f"{path} is litter"
        assert name in (tile.embeddings, tile.scales, CHECKSUMS), f"{path} is litter"
        both = (files.get(f"{folder}/{tile.embeddings}"), files.get(f"{folder}/{tile.scales}"))
        if any(both):
            found[tile] = both
    return found


def manifest_agrees(world: World, store: str, files: Files) -> None:
    """A manifest has the tiles that the store has, by their sizes, and no hash that is wrong."""
    held, known = tiles_of(files), world.rows(store)
    assert set(known) == set(held), f"{store}: {_difference(set(known), set(held))}"
    for tile, row in known.items():
        _agrees(store, tile, row, held)


def _agrees(
    store: str, tile: Tile, row: dict[str, Any], held: dict[Tile, tuple[File | None, File | None]]
) -> None:
    """What a manifest says of a tile is so."""
    for kind, file in zip(("embeddings", "scales"), held.get(tile, (None, None)), strict=True):
        said = (row[f"{kind}_size"], row[f"{kind}_sha256"])
        size = 0 if file is None else file.size
        assert (said[0] or 0) == size, f"{store}: {tile.path}: {kind} has {size} bytes, not {said}"
        if said[1] is not None:
            assert file is not None, f"{store}: {tile.path}: {kind} is gone"
            assert said[1] == file.sha256, f"{store}: {tile.path}: {kind} has another hash"


def years_are_whole(database: str) -> None:
    """Items and tiles of each year are of one state: true at any moment, also in mid-work."""
    with psycopg.connect(database) as connection:
        connection.execute("SET default_transaction_isolation = 'repeatable read'")
        connection.commit()
        if connection.execute("SELECT to_regclass('tessera.tile')").fetchone() == (None,):
            return
        tiles = connection.execute(
            "SELECT 'geotessera-' || year, year || '_grid_' || tessera.place(lon_i, lat_i), stores "
            "FROM tessera.tile ORDER BY 1, 2"
        ).fetchall()
        items = connection.execute(
            "SELECT collection, id, ARRAY(SELECT jsonb_array_elements_text("
            "content -> 'properties' -> 'tessera:stores')) FROM pgstac.items ORDER BY 1, 2"
        ).fetchall()
    assert tiles == items


def catalogue_agrees(database: str, registry: dict[Tile, Whole], world: World) -> None:
    """The tiles are the registry's, and where each is follows from the manifests."""
    stores = [store.name for store in world.stores]
    manifests = {store: world.rows(store) for store in stores}
    expected = {
        tile: (*(f for file in files for f in (file.size, file.sha256)),
               *_placed(tile, files, manifests))
        for tile, files in registry.items()
    }  # fmt: skip
    found = {
        Tile(*row[:3]): row[3:]
        for row in select(
            database,
            "SELECT year, lon_i, lat_i, embeddings_size, embeddings_sha256, scales_size, "
            "scales_sha256, stores, coalesce(unsound_stores, '{}') FROM tessera.tile",
        )
    }
    assert set(found) == set(expected), _difference(set(found), set(expected))
    wrong = {
        tile.path: (found[tile], expected[tile]) for tile in found if found[tile] != expected[tile]
    }
    assert not wrong, dict(list(wrong.items())[:3])
    years_are_whole(database)
    summed = select(database, "SELECT coalesce(sum(tiles), 0)::bigint FROM tessera.coverage")
    assert summed == [(len(registry),)]
    assert value(database, _LEFTOVERS) == 0


_LEFTOVERS = r"SELECT count(*) FROM pg_class WHERE relname ~ '_(new|replaced)$' AND relkind = 'r'"


def _placed(
    tile: Tile, files: Whole, manifests: dict[str, dict[Tile, dict[str, Any]]]
) -> tuple[list[str], list[str]]:
    """Stores with a sound copy and with an unsound one, by the truth table."""
    sound, unsound = [], []
    for store, rows in manifests.items():
        row = rows.get(tile)
        if row is None:
            continue
        (sound if _same(files, row) else unsound).append(store)
    return sound, unsound


def _same(files: Whole, row: dict[str, Any]) -> bool:
    return all(
        row[f"{kind}_size"] == file.size and row[f"{kind}_sha256"] in (None, file.sha256)
        for kind, file in zip(("embeddings", "scales"), files, strict=True)
    )


def no_litter(*folders: Path) -> None:
    """No file is left that only a write under way may have."""
    found = [path for folder in folders for path in folder.rglob("*") if _LITTER.search(path.name)]
    assert not found, f"litter: {found[:5]}"


def linked_manifests_only(data: Path, stores: list[str]) -> None:
    """Of what was linked last a manifest of each store is kept, and nothing else."""
    found = {path.name for path in (data / ".linked").iterdir()}
    assert found <= {f"{store}.parquet" for store in stores}, f"litter: {found}"


_LITTER = re.compile(r"\.(tmp|part)$|#|unfinished|^tessera-")


def _difference(found: set[Tile], expected: set[Tile]) -> str:
    return (
        f"lost {sorted(t.path for t in expected - found)[:5]}, "
        f"invented {sorted(t.path for t in found - expected)[:5]}"
    )

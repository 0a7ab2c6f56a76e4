"""`manifest SRC DST`: what a plan would copy, written for those who copy with other tools."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from tessera_catalog import grid
from tessera_catalog.errors import InputError
from tessera_catalog.stores import Store
from tessera_sync.layout import Tile
from tessera_sync.plan import Todo
from tessera_sync.tiles import file_names

FORMATS = ("paths", "s5cmd", "rclone")


def tiles_of(todo: Todo) -> Iterator[Tile]:
    """The tiles in the order of the plan."""
    lon_i, lat_i = grid.cell_centre(todo.rows["cell"])
    for year, lon, lat in zip(todo.rows["year"], lon_i, lat_i, strict=True):
        yield Tile(int(year), int(lon), int(lat))


def lines(form: str, source: Store, target: Store, todo: Todo) -> Iterator[str]:
    """Lines without their ends: paths of tiles, commands for `s5cmd run`, or `--files-from`.

    InputError for another form than FORMATS, and when s5cmd cannot reach one of the stores.
    """
    if form == "paths":
        return (tile.path for tile in tiles_of(todo))
    if form == "rclone":
        # What the source does not have, a SHA256 file say, rclone passes over.
        return (f"{tile.path}/{name}" for tile in tiles_of(todo) for name in file_names(tile))
    if form == "s5cmd":
        ours, theirs = s5cmd_root(source), s5cmd_root(target)
        return (
            shlex.join(["cp", f"{ours}/{tile.path}/*", f"{theirs}/{tile.path}/"])
            for tile in tiles_of(todo)
        )
    raise InputError(f"--format {form}: it must be one of {', '.join(FORMATS)}")


def s5cmd_root(store: Store) -> str:
    """A store's root as s5cmd writes it: a path or an s3 address."""
    root = store.need_root()
    scheme, _, path, *_ = urlsplit(root)
    if scheme == "file":
        return unquote(path).rstrip("/")
    if scheme == "s3":
        return root
    raise InputError(f"s5cmd cannot reach store '{store.name}' at {root}: use paths or rclone")

"""The files of a store that is a file tree, read by several threads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_ISREG

import numpy as np

from tessera_catalog import grid
from tessera_catalog.arrays import texts
from tessera_catalog.columns import OUR_TIMES
from tessera_catalog.errors import Failed
from tessera_sync.batches import Batch
from tessera_sync.parallel import mapped
from tessera_sync.texts import printable
from tessera_sync.truth import UNKNOWN

THREADS = 16
"""On network file systems each lookup waits for the server: more threads than cores."""

_AT_ONCE = 512
"""Tile directories one thread reads before it reports."""

_YEAR = re.compile(r"\d{4}")


def walk(root: Path) -> Iterator[Batch]:
    """All files of the tile directories, and those beside them.

    Failed at the first directory that cannot be read: a tree seen in part would pass for a smaller
    one. What vanishes meanwhile is not there.
    """
    try:
        yield from mapped(lambda folders: _files(root, folders), _folders(root), THREADS)
    except OSError as error:
        where = error.filename or root
        raise Failed(f"{where}: {error.strerror}; nothing is recorded") from error


def _folders(root: Path) -> Iterator[list[str]]:
    """The directories to read, relative and with a slash at their ends, in groups."""
    years = _children(root, "", lambda name: _YEAR.fullmatch(name) is not None)
    yield ["", *years]
    for year in years:
        tiles = _children(root, year, lambda name: grid.parse_tile_name(name) is not None)
        for start in range(0, len(tiles), _AT_ONCE):
            yield tiles[start : start + _AT_ONCE]


def _children(root: Path, folder: str, wanted: Callable[[str], bool]) -> list[str]:
    with os.scandir(root / folder) as entries:
        return sorted(f"{folder}{e.name}/" for e in entries if wanted(e.name) and e.is_dir())


def _files(root: Path, folders: list[str]) -> Batch:
    """The files of directories; directories in them are passed over."""
    parents, names, sizes, mtimes = [], [], [], []
    for folder in folders:
        try:
            entries = os.scandir(f"{root}/{folder}")
        except FileNotFoundError:
            continue
        with entries:
            for entry in entries:
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                if S_ISREG(stat.st_mode):
                    parents.append(folder.rstrip("/"))
                    names.append(printable(entry.name))
                    sizes.append(stat.st_size)
                    micros = stat.st_mtime_ns // 1000
                    mtimes.append(micros if micros in OUR_TIMES else UNKNOWN)
    return Batch(
        texts(parents),
        texts(names),
        np.array(sizes, dtype=np.int64),
        np.array(mtimes, dtype=np.int64),
    )

"""The verb link: the catalogue follows the manifests.

The manifest that was linked last is kept in `<data>/.linked/`, so that the next link sends only
what has changed since. It is a help, not a truth: the database knows the digest of what it was
linked with, and a missing or other file makes the link send everything.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tessera_catalog.errors import InputError
from tessera_catalog.link import Linked, Told, link
from tessera_catalog.progress import Progress
from tessera_catalog.store_manifest import Manifest
from tessera_catalog.stores import Stores
from tessera_sync import manifests

_DATABASE_VARIABLES = ("PGHOST", "PGDATABASE", "PGSERVICE")


def database_is_configured() -> bool:
    """Whether the environment names a PostgreSQL server or database."""
    return any(os.environ.get(name) for name in _DATABASE_VARIABLES)


def follow(data_dir: Path, stores: Stores, dataset: str, *, dry_run: bool = False) -> Linked:
    """Link the manifests of all stores that have one; InputError when none has."""
    names = manifests.known(data_dir, stores)
    with _pinned(data_dir, names) as pinned:
        told = {name: _told(pinned[name], _kept(data_dir, name), name, dataset) for name in names}
        linked = link(told, stores, dataset, Progress(), dry_run=dry_run)
        if not dry_run:
            for name, path in pinned.items():
                path.replace(_kept(data_dir, name))
    return linked


def _told(pinned: Path, kept: Path, name: str, dataset: str) -> Told:
    try:
        previous = Manifest(kept)
    except InputError:
        previous = None
    return Told(manifests.load_file(pinned, name, dataset), previous)


@contextmanager
def _pinned(data_dir: Path, names: list[str]) -> Iterator[dict[str, Path]]:
    """The manifests under second names, so that what is linked is what is kept afterwards.

    Another process may replace a manifest meanwhile; it never writes into one.
    """
    folder = data_dir / ".linked"
    folder.mkdir(exist_ok=True)
    pinned = {name: folder / f"{name}.{os.getpid()}.parquet" for name in names}
    try:
        for name, path in pinned.items():
            path.unlink(missing_ok=True)
            source = manifests.path_of(data_dir, name).resolve()
            try:
                path.hardlink_to(source)
            except OSError:  # not every file system has hard links, nor between two of them
                shutil.copyfile(source, path)
        yield pinned
    finally:
        for path in pinned.values():
            path.unlink(missing_ok=True)


def _kept(data_dir: Path, name: str) -> Path:
    return data_dir / ".linked" / f"{name}.parquet"

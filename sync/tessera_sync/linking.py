"""The verb link: the catalogue follows the manifests.

The manifest that was linked last is kept in `<data>/.linked/`, so that the next link sends only
what has changed since. It is a help, not a truth: the database knows the digest of what it was
linked with, and a missing or other file makes the link send everything.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tessera_catalog.atomic import make_folder, replacing
from tessera_catalog.errors import InputError
from tessera_catalog.link import link
from tessera_catalog.link_plan import Told
from tessera_catalog.link_years import Linked
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
    told = {name: _told(data_dir, name, dataset) for name in names}
    linked = link(told, stores, dataset, Progress(), dry_run=dry_run)
    if not dry_run:
        make_folder(data_dir / ".linked")
        for name in names:
            _keep(data_dir, name)
    return linked


def _told(data_dir: Path, name: str, dataset: str) -> Told:
    """A manifest, opened: another process may put a new one in its place, not write into it."""
    try:
        previous = Manifest(_kept(data_dir, name))
    except InputError:
        previous = None
    return Told(manifests.load(data_dir, name, dataset), previous)


def _keep(data_dir: Path, name: str) -> None:
    """Keep a manifest; one that has changed meanwhile helps the next link less, and no more."""
    kept = _kept(data_dir, name)
    source = manifests.path_of(data_dir, name).resolve()
    with replacing(kept) as temporary:
        temporary.unlink()
        try:
            temporary.hardlink_to(source)
        except OSError:  # not every file system has hard links, nor between two of them
            shutil.copyfile(source, temporary)


def _kept(data_dir: Path, name: str) -> Path:
    return data_dir / ".linked" / f"{name}.parquet"

"""What the catalogue knows of each store, to hold against the manifests."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from psycopg.rows import class_row

from tessera_catalog.database import connect, query


@dataclass(frozen=True)
class StoreStanding:
    """One store in the catalogue: sums over the years of a dataset."""

    name: str
    unknown: int | None
    """Tiles of the linked manifest that the registry has not; None: never linked."""
    sound: int
    """Tiles whose items name this store."""
    manifest_digests: list[str]
    """Digests of the linked manifests: more than one when a link ended half-way."""
    linked_at: dt.datetime | None


@dataclass(frozen=True)
class Standing:
    """A dataset's catalogue."""

    tiles: int
    collections: int
    revision: int
    stores: tuple[StoreStanding, ...] = ()


def standing(dataset: str, conninfo: str = "") -> Standing | None:
    """Ask the database; None when nothing of the dataset is loaded. Writes nothing."""
    with connect(conninfo) as connection:
        row = connection.execute("SELECT to_regclass('tessera.link') IS NOT NULL").fetchone()
        if row == (False,):
            return None
        with connection.cursor(row_factory=class_row(Standing)) as cursor:
            (whole,) = cursor.execute(query("standing"), [dataset]).fetchall()
        if not whole.tiles:
            return None
        with connection.cursor(row_factory=class_row(StoreStanding)) as cursor:
            stores = cursor.execute(query("store_standing"), {"dataset": dataset}).fetchall()
    return Standing(whole.tiles, whole.collections, whole.revision, tuple(stores))

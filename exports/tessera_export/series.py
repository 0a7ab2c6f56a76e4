"""What can be exported: the catalogue's collections, each a dataset's year."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from tessera_catalog.database import Connection, query
from tessera_catalog.errors import InputError
from tessera_catalog.grid import CELLS
from tessera_catalog.migrations import is_empty


@dataclass(frozen=True)
class Series:
    """A collection that has tiles."""

    collection: str
    dataset: str
    year: int
    first_id: int
    """The smallest id a tile of it can have."""
    tables: str
    """What its partition of tessera.tile is called."""
    document: dict[str, Any]
    """The STAC collection."""
    state: str | None
    """Names what its tiles and items are now; None: its items were edited by hand."""

    @property
    def tiles(self) -> sql.Identifier:
        """Its partition of tessera.tile."""
        return sql.Identifier("tessera", self.tables)

    @property
    def end_id(self) -> int:
        """What all ids of its tiles are less than."""
        return self.first_id + CELLS


@dataclass(frozen=True)
class Wanted:
    """Which collections are asked for; an empty part asks for any."""

    collections: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()
    years: frozenset[int] = frozenset()


def series(connection: Connection) -> list[Series]:
    """All collections that have tiles, by name; InputError when there is none."""
    if not is_empty(connection):
        with connection.cursor(row_factory=class_row(Series)) as cursor:
            found = cursor.execute(query("export_series")).fetchall()
        if found:
            return found
    raise InputError("nothing is loaded in this database yet: tessera-load does that")


def choose(known: Sequence[Series], wanted: Wanted) -> list[Series]:
    """Those of the known that are wanted; InputError when what is asked for is not there."""
    _check("collection", wanted.collections, [each.collection for each in known])
    _check("dataset", wanted.datasets, [each.dataset for each in known])
    _check("year", {str(year) for year in wanted.years}, [str(each.year) for each in known])
    chosen = [
        each
        for each in known
        if each.collection in (wanted.collections or {each.collection})
        and each.dataset in (wanted.datasets or {each.dataset})
        and each.year in (wanted.years or {each.year})
    ]
    if not chosen:
        raise InputError("no collection is of the given --collection, --dataset and --year at once")
    return chosen


def _check(option: str, asked: frozenset[str] | set[str], known: Sequence[str]) -> None:
    for name in sorted(asked - set(known)):
        (near,) = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise InputError(f"--{option} {name}: the catalogue has none; the nearest is {near}")

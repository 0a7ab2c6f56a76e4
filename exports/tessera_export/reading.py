"""Reading a collection's rows in short statements, a run of neighbouring tiles each.

A load replaces all items of a year at once, and searches wait with it for whoever still reads the
old ones: so no statement of ours may take long. That the runs belong together is told by the
collection's state, which any change in between would have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from psycopg import sql

from tessera_catalog.box import Box, hundredths
from tessera_catalog.database import Connection, composed
from tessera_export.series import Series

RUN = 10_000
"""Tiles of a run, and so rows of a row group at most: some 50 MB of items while it is made."""

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Query:
    """Which tiles or items of a collection are asked for."""

    box: Box | None = None
    """Those that share area with it; None: everywhere."""
    condition: str = "true"
    """SQL of pgSTAC's about a row of its items."""

    @property
    def everything(self) -> bool:
        """Whether all are."""
        return self == Query()

    @property
    def area(self) -> sql.Literal:
        """The box as tessera.in_box takes it."""
        return sql.Literal(None if self.box is None else list(hundredths(self.box)))


def runs(connection: Connection, of: Series, query: Query) -> list[tuple[int, int]]:
    """Ranges of ids, each to before its second, with `RUN` tiles of the box in all but the last."""
    statement = composed("export_runs", tiles=of.tiles, area=query.area, run=sql.Literal(RUN))
    starts = [int(str(first)) for (first,) in connection.execute(statement)]
    return list(pairwise([*starts, of.end_id]))


def read(
    connection: Connection, statement: str, of: Series, query: Query, ids: tuple[int, int]
) -> Rows:
    """Rows of queries/{statement}.sql for the tiles of a run, in the order of their ids."""
    first, end = ids
    return connection.execute(
        composed(
            statement,
            tiles=of.tiles,
            collection=sql.Literal(of.collection),
            condition=sql.SQL(query.condition),  # pgSTAC's own
            area=query.area,
            first=sql.Literal(first),
            end=sql.Literal(end),
        ),
        binary=True,
    ).fetchall()

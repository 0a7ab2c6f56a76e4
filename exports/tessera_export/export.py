"""Exports: each file whole or not at all, those that are up to date passed over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from tessera_catalog.atomic import make_folder, replacing
from tessera_catalog.box import Box
from tessera_catalog.database import Connection, connect
from tessera_catalog.errors import Failed, InputError
from tessera_catalog.parallel import Step, side_by_side
from tessera_catalog.progress import Progress
from tessera_export import items, tiles
from tessera_export.filters import condition
from tessera_export.geoparquet import mark_of, writing
from tessera_export.reading import Query, Rows, read, runs
from tessera_export.series import Series, Wanted, choose, series
from tessera_export.target import Target

FORMAT = 1
"""Another when files are written otherwise: then those that are there are out of date."""

_ATTEMPTS = 3
"""Times that a file is begun anew because a load or a link has changed what it is of."""


@dataclass(frozen=True)
class Options:
    """What the user asked for; see the help of tessera-export."""

    path: Path
    wanted: Wanted = field(default_factory=Wanted)
    box: Box | None = None
    filter: str | None = None
    url: str = "."
    force: bool = False


@dataclass(frozen=True)
class File:
    """A file of an export, as it is now."""

    path: Path
    collections: tuple[str, ...]
    rows: int
    bytes: int
    written: bool
    """Now; else it was up to date."""


@dataclass(frozen=True)
class Report:
    """What an export did."""

    files: list[File]
    seconds: float


class Source(Protocol):
    """Where the rows of one collection come from, and how they become tables."""

    @property
    def statement(self) -> str:
        """Name of the query, as reading.read takes it."""

    @property
    def schema(self) -> pa.Schema:
        """Of all tables."""

    @property
    def metadata(self) -> dict[str, Any]:
        """What the file tells besides, JSON by name."""

    def table(self, rows: Rows) -> pa.Table:
        """Rows of the statement."""


@dataclass(frozen=True)
class Tiles:
    """The table of tiles."""

    statement = "export_tiles"
    schema = tiles.SCHEMA
    metadata: dict[str, Any] = field(default_factory=dict)

    def table(self, rows: Rows) -> pa.Table:
        """See tiles.table."""
        return tiles.table(rows)


Open = Callable[[Connection, Series], Source]


def export_items(options: Options, progress: Progress, conninfo: str = "") -> Report:
    """Write the items as stac-geoparquet; TesseraError when it cannot be done."""
    if options.path.suffix == ".parquet":
        raise InputError(f"{options.path}: items go to a folder, a file a collection")
    with connect(conninfo, autocommit=True) as connection:
        where = "true"
        series(connection)  # a database without a catalogue has no filters either
        if options.filter is not None:
            where = condition(connection, options.filter, progress.warn)
    asked = {"kind": "items", "filter": options.filter, "url": options.url}
    source = partial(items.Items, url=options.url)
    return _export(options, asked, Query(options.box, where), source, progress, conninfo)


def export_tiles(options: Options, progress: Progress, conninfo: str = "") -> Report:
    """Write the table of tiles as GeoParquet; TesseraError when it cannot be done."""
    query = Query(options.box)
    return _export(options, {"kind": "tiles"}, query, lambda *_: Tiles(), progress, conninfo)


@dataclass(frozen=True)
class _Run:
    """What all files of an export share."""

    target: Target
    query: Query
    source: Open
    conninfo: str


def _export(
    options: Options,
    asked: dict[str, Any],
    query: Query,
    source: Open,
    progress: Progress,
    conninfo: str,
) -> Report:
    begun = time.monotonic()
    box = None if options.box is None else list(options.box)
    by_year = asked["kind"] == "items"
    target = Target(options.path, {"format": FORMAT, "bbox": box, **asked}, by_year)
    with connect(conninfo, autocommit=True) as connection:
        known = series(connection)
        chosen = choose(known, options.wanted)
        count = sum(len(runs(connection, each, query)) for each in chosen)
    run = _Run(target, query, source, conninfo)
    with (
        target.held(known, force=options.force),
        progress.task(str(asked["kind"]), count) as advance,
    ):
        works = [
            partial(_file, run, path, [each.collection for each in of])
            for path, of in target.files(chosen).items()
        ]
        files = sorted(side_by_side(works, advance), key=lambda file: file.path)
    return Report(files, time.monotonic() - begun)


class _Changed(Exception):
    """What a file is of is not what it was when the file was begun."""


def _file(run: _Run, path: Path, collections: Sequence[str], advance: Step) -> File:
    """Bring a file up to date."""
    wanted = Wanted(frozenset(collections))
    for _ in range(_ATTEMPTS):
        with connect(run.conninfo, autocommit=True) as connection:
            of = choose(series(connection), wanted)
            mark = run.target.mark(of)
            current = None not in (each.state for each in of) and mark_of(path) == mark
            if not current:
                try:
                    _write(run, connection, path, of, advance)
                except _Changed:
                    continue
        rows = pq.read_metadata(path).num_rows
        return File(path, tuple(collections), rows, path.stat().st_size, not current)
    raise Failed(f"{path}: a load or a link keeps changing it: run it again afterwards")


def _write(
    run: _Run, connection: Connection, path: Path, of: Sequence[Series], advance: Step
) -> None:
    # pgSTAC's conditions name its functions without their schema.
    connection.execute("SET search_path = pgstac, public")
    sources = [run.source(connection, each) for each in of]
    first, mark = sources[0], run.target.mark(of)
    make_folder(path.parent)
    with replacing(path) as temporary:
        with writing(temporary, first.schema, mark, **first.metadata) as write:
            for each, source in zip(of, sources, strict=True):
                for ids in runs(connection, each, run.query):
                    if rows := read(connection, source.statement, each, run.query, ids):
                        write(source.table(rows))
                    advance(1)
        if choose(series(connection), Wanted(frozenset(e.collection for e in of))) != of:
            raise _Changed

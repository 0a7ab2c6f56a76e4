"""Where an export goes: which files there are its own, and which of them are up to date.

Items go to `year=2024/geotessera-2024.parquet`, a file a collection. Readers take the year for a
column, one that no item has; of `collection=geotessera-2024` Arrow would make a second column of
that name, of another type than the items' own, and refuse to read them. Tiles have a year already,
and lie side by side for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tessera_catalog.atomic import make_folder
from tessera_catalog.errors import Refused
from tessera_catalog.locks import hold
from tessera_export.geoparquet import Mark, mark_of
from tessera_export.series import Series

_STATES = "collections"
"""Member of a mark: the state of each collection that the file is of; the others are the query."""


@dataclass(frozen=True)
class Target:
    """A place to export to."""

    path: Path
    """A folder; or a file that is to have everything, if it is called `.parquet`."""
    query: Mark
    """What is asked for, of whatever collections."""
    by_year: bool = False
    """Whether a folder has a folder for each year."""

    @property
    def single(self) -> bool:
        """Whether it is one file."""
        return self.path.suffix == ".parquet"

    def files(self, of: Sequence[Series]) -> dict[Path, list[Series]]:
        """The files of an export of some collections, and what each is of."""
        if self.single:
            return {self.path: list(of)}
        return {
            self.path.joinpath(
                *([f"year={each.year}"] if self.by_year else []), f"{each.collection}.parquet"
            ): [each]
            for each in of
        }

    def mark(self, of: Sequence[Series]) -> Mark:
        """The mark of a file of these collections, as they are now."""
        return self.query | {_STATES: {each.collection: each.state for each in of}}

    @contextmanager
    def held(self, known: Sequence[Series], *, force: bool) -> Iterator[None]:
        """Keep the place from other exports while the block runs.

        At the end exports of other queries are deleted, and those of collections that are no more
        known. Refused when there are such, or other things, unless forced.
        """
        folder = self.path.parent if self.single else self.path
        make_folder(folder)
        if not force:
            self._check()
        lock = f".{self.path.name}.lock" if self.single else ".export.lock"
        with hold(folder / lock, f"{self.path} is being written"):
            yield
            self._drop_old({each.collection for each in known})

    def _check(self) -> None:
        exports = self._exports()
        for path in exports if self.single else [*exports, *self._beside()]:
            mark = mark_of(path) if path.is_file() else None
            if mark is None:
                raise Refused(
                    f"{path} is there already and no export: with --force it stays, unless it is "
                    "in the way"
                )
            if not self._is_same(mark):
                raise Refused(f"{path} is the export of another query: --force replaces it")

    def _drop_old(self, collections: set[str]) -> None:
        for path in self._exports():
            mark = mark_of(path)
            if mark and not (self._is_same(mark) and mark[_STATES].keys() <= collections):
                path.unlink()

    def _is_same(self, mark: Mark) -> bool:
        return {key: value for key, value in mark.items() if key != _STATES} == self.query

    def _exports(self) -> list[Path]:
        """What is there under the names of exports."""
        if self.single:
            return [self.path] if self.path.exists() else []
        return sorted(self.path.glob("year=*/*.parquet" if self.by_year else "*.parquet"))

    def _beside(self) -> list[Path]:
        """What else is in the folder."""
        ours = ("year=", ".") if self.by_year else (".",)
        return [
            path
            for path in sorted(self.path.iterdir())
            if not path.name.startswith(ours) and (self.by_year or path.suffix != ".parquet")
        ]

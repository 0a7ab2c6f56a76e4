"""Tiles, bytes, rate and remaining time on a terminal; nothing at all elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Course:
    """The course of a long verb, shown while it lasts."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._tiles = 0

    def moved(self, count: int) -> None:
        """Count bytes as they come; a negative number takes bytes of a failed try back."""
        self._progress.advance(self._task, count)

    def finished(self) -> None:
        """Count a tile that is done with."""
        self._tiles += 1
        self._progress.update(self._task, tiles=self._tiles)


@contextmanager
def course(what: str, tiles: int, total_bytes: int, *, quiet: bool = False) -> Iterator[Course]:
    """Show a bar on stderr while the block runs, if that is a terminal and not `quiet`."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[tiles]:,}/{task.fields[of]:,} tiles"),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=quiet or not console.is_terminal, transient=True
    ) as progress:
        # Without a known total the bar only shows that something moves.
        task = progress.add_task(what, total=total_bytes or None, tiles=0, of=tiles)
        yield Course(progress, task)

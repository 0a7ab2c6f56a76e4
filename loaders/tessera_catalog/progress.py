"""Progress of long work: on a terminal bars with rate and remaining time, elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text


class Progress:
    """Writes to stderr; bars and notes appear on a terminal only, warnings always."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def tell(self, note: str) -> None:
        """Show a line of news to who watches."""
        if self._console.is_terminal:
            self._console.print(note, markup=False)

    def warn(self, line: str) -> None:
        """Show a line that matters also when nobody watches."""
        print(line, file=sys.stderr)

    @contextmanager
    def task(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar while the block runs; yields what advances it, usable from any thread."""
        bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        with bars:
            task = bars.add_task(name, total=total)
            yield lambda steps: bars.advance(task, steps)


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s", style="progress.data.speed")

"""What Progress shows on a terminal; in a module of its own, for Rich takes a while to import."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


def console() -> Console:
    """The terminal that stderr is."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def bars(on: Console) -> Progress:
    """Bars with rate and remaining time, which vanish when they are done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=on,
        transient=True,
    )


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s", style="progress.data.speed")

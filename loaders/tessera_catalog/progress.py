"""Progress of long work: on a terminal bars with rate and remaining time, elsewhere nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class Progress:
    """Writes to stderr; bars and notes appear on a terminal only, warnings always."""

    def __init__(self) -> None:
        self._console: Console | None = None
        if sys.stderr.isatty():
            from tessera_catalog import bars

            self._console = bars.console()

    def tell(self, note: str) -> None:
        """Show a line of news to who watches."""
        if self._console is not None:
            self._console.print(note, markup=False)

    def warn(self, line: str) -> None:
        """Show a line that matters also when nobody watches."""
        print(line, file=sys.stderr)

    @contextmanager
    def task(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar while the block runs; yields what advances it, usable from any thread."""
        if self._console is None:
            yield lambda _: None
            return
        from tessera_catalog.bars import bars

        with bars(self._console) as shown:
            task = shown.add_task(name, total=total)
            yield lambda steps: shown.advance(task, steps)

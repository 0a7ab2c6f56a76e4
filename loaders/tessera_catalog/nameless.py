"""Temporary files that have no name, so that nothing is left of them, whatever ends the process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tessera_catalog.errors import Failed


class NamelessFiles:
    """Makes temporary files that last until the end of the block that `nameless_files` begins."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def new(self) -> Path:
        """A path at which this process alone finds a new, empty file."""
        # The stack closes it.
        file = self._stack.enter_context(tempfile.TemporaryFile(prefix="tessera-"))  # noqa: SIM115
        return Path(f"/proc/self/fd/{file.fileno()}")


@contextmanager
def nameless_files() -> Iterator[NamelessFiles]:
    """Temporary files for a `with` block; Failed when there is no room for them, or in them."""
    try:
        with ExitStack() as stack:
            yield NamelessFiles(stack)
    except OSError as error:
        what = str(error).splitlines()[0]
        raise Failed(f"temporary files: {what}; TMPDIR names another place for them") from error

"""What the tools say when they stop, and the exit code each reason has.

Everything a person may cause or meet (input, configuration, the network, another process) is one
of these; any other exception is a bug of ours.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILURES = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_SOMETHING_TO_DO = 10


class TesseraError(Exception):
    """One line for the user: what, where, what to do. `exit_code` is the process's."""

    exit_code = EXIT_USAGE


class InputError(TesseraError):
    """Wrong usage or bad input: a file, a configuration, an address, an option (exit 2)."""

    def __str__(self) -> str:
        """The line: what would break it or hide in it, where it repeats the input, is escaped."""
        return "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode() for c in super().__str__()
        )


class Refused(TesseraError):
    """Possible, but unsafe without the user's word: stale plan, mass removal (exit 3)."""

    exit_code = EXIT_REFUSED


class Failed(TesseraError):
    """The work ended with failures outside the user's input, for example a lost server (exit 1)."""

    exit_code = EXIT_FAILURES


def first_line(error: BaseException) -> str:
    """What a library says of its failure, without the details that follow."""
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__

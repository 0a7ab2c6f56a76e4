"""How every command of ours ends: one line for what a person caused, an exit code for scripts."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn, TextIO

import typer

from tessera_catalog import memory
from tessera_catalog.errors import EXIT_FAILURES, EXIT_USAGE, TesseraError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

DEBUG = "TESSERA_DEBUG"
"""Environment variable; when set, a bug of ours shows its traceback."""


def run(app: typer.Typer, name: str, *, bounded: bool = True) -> None:
    """Run a Typer application as the process's main program, and exit.

    Unless it is `bounded`, its memory is not, and so neither is that of the servers it starts.
    """
    if bounded:
        memory.bound()
    _ready()
    try:
        # What a command returns is its exit code; without one it has gone well.
        code = app(prog_name=name, standalone_mode=False)
        if code == 128 + signal.SIGINT:
            # Typer turns an interruption into this code, without a word.
            raise KeyboardInterrupt
        # Here, where a reader that has gone is met, and not when Python ends.
        sys.stdout.flush()
        _exit(code or 0)
    except TesseraError as error:
        _stop(f"{name}: {error}", error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _stop(f"{name}: interrupted; run it again to go on", 128 + signal.SIGINT)
    except typer.TyperException as error:
        _stop(f"{name}: {error.format_message()} (see {name} --help)", EXIT_USAGE)
    except BrokenPipeError:
        # Whoever read our output has had enough.
        _mute(sys.stdout)
        _exit(128 + signal.SIGPIPE)
    except UnicodeEncodeError as error:
        # Arrow and PostgreSQL take no other names.
        _stop(f"{name}: {error.object!a}: not UTF-8", EXIT_USAGE)
    except MemoryError:
        _stop(f"{name}: needs more memory than there is, or was given a file that does", EXIT_USAGE)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            _mute(sys.stdout)
            where = error.filename or "output"
            _stop(f"{name}: {where}: cannot be written: {error.strerror}", EXIT_FAILURES)
        if os.environ.get(DEBUG):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        _stop(f"{name}: unexpected {what}; this is a bug ({DEBUG}=1 shows where)", EXIT_FAILURES)


def _ready() -> None:
    """Let the streams take whatever is printed, closed as they may be."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files may be no text. In JSON, too, this escapes a character.
        sys.stdout.reconfigure(errors="backslashreplace")


def _mute(stream: TextIO) -> None:
    """Let what is left in a stream go nowhere: Python would complain once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _stop(line: str, code: int) -> NoReturn:
    try:
        print(line, file=sys.stderr)
    except OSError:
        _mute(sys.stderr)
    _exit(code)


def _exit(code: int) -> NoReturn:
    """End the process, at once when obstore has been at work.

    Its threads bring answers to Python, also to one that is being taken down; then the process ends
    by SIGSEGV or SIGABRT instead (PyO3/pyo3#4874).
    """
    if "obstore" in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)

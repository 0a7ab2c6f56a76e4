"""How every command of ours is declared: the settings of typer, and what a help says."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from tessera_catalog.errors import EXIT_SOMETHING_TO_DO

Verb = TypeVar("Verb", bound=Callable[..., Any])

_EXIT_CODES = (
    "Exit codes: 0 done, or nothing to do; 1 finished with failures; 2 wrong usage or bad input; "
    "3 refused for safety{other}; 130 interrupted: run it again to go on."
)


class Application(typer.Typer):
    r"""A typer application; the mark \b in a docstring keeps the lines of its paragraph apart."""

    def __init__(self) -> None:
        super().__init__(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
        )

    def verb(self, verb: Verb) -> Verb:
        """Declare a command; one alone is the application itself."""
        return self.command(help=_help(verb), epilog=_epilog(verb))(verb)

    def itself(self, shared: Verb) -> Verb:
        """Declare what stands before the verbs: the options they share."""
        return self.callback(help=_help(shared), epilog=_epilog(shared))(shared)


def _help(verb: Callable[..., Any]) -> str:
    return inspect.cleandoc(verb.__doc__ or "").replace(r"\b", "\b")


def _epilog(verb: Callable[..., Any]) -> str:
    compares = "exit_code" in inspect.signature(verb).parameters
    other = f"; {EXIT_SOMETHING_TO_DO} something to do (with --exit-code)" if compares else ""
    return _EXIT_CODES.format(other=other)

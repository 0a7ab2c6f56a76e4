"""Groups of options, as the verbs of tessera-sync declare them and typer sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from tessera_sync.commands.groups import Group, flat


@dataclass(frozen=True)
class Sides(Group):
    context: typer.Context
    left: Annotated[str, typer.Option("--left", help="one side")] = "port"
    right: Annotated[str | None, typer.Option("--right", help="the other")] = None


def verb(
    name: Annotated[str, typer.Argument()],
    before: Annotated[bool, typer.Option("--before")] = False,
    *,
    sides: Sides,
    behind: Annotated[bool, typer.Option("--behind")] = False,
) -> None:
    """Say what it was given."""
    print(name, sides.context.info_name, sides.left, sides.right, before, behind)


def said(*words: str) -> str:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(flat(verb))
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_group_is_given_what_stood_for_its_options() -> None:
    assert said("x", "--right", "starboard") == "x verb port starboard False False\n"


def test_the_help_shows_its_options_in_its_place() -> None:
    options = [line.split()[0] for line in said("--help").splitlines() if line.startswith("  --")]
    assert options == ["--before", "--left", "--right", "--behind", "--help"]

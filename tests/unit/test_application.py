"""What the help of every command shows."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import tessera_catalog.cli
import tessera_export.cli
import tessera_sync.cli

TOOLS = {
    "tessera-load": tessera_catalog.cli.app,
    "tessera-sync": tessera_sync.cli.app,
    "tessera-export": tessera_export.cli.app,
}
VERBS = [
    (name, command.callback)
    for name, app in TOOLS.items()
    for command in app.registered_commands
    if command.callback
]


def shown(tool: str, *words: str) -> str:
    """What the help of a tool, or of a verb of it, says."""
    result = CliRunner().invoke(
        TOOLS[tool], [*words, "--help"], prog_name=tool, env={"COLUMNS": "100"}
    )
    assert result.exit_code == 0
    return result.output


def test_there_are_verbs() -> None:
    assert len(VERBS) > 15


@pytest.mark.parametrize(("tool", "verb"), VERBS, ids=[f"{t} {v.__name__}" for t, v in VERBS])
def test_a_verb_has_examples_line_by_line_and_its_exit_codes(
    tool: str, verb: typer.models.CommandFunctionType[None]
) -> None:
    words = () if len(TOOLS[tool].registered_commands) == 1 else (verb.__name__,)
    text = shown(tool, *words)
    assert "\\b" not in text
    examples = len(re.findall(r"\d\. \S", inspect.getdoc(verb) or ""))
    assert len(re.findall(r"(?m)^  \d\. \S", text)) == examples > 0
    said = " ".join(text.split())
    assert "Exit codes: 0 done" in said
    assert ("10 something to do" in said) == ("--exit-code " in text)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_says_what_it_is_for(tool: str) -> None:
    text = shown(tool)
    assert "\\b" not in text
    assert "Exit codes: 0 done" in text


DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_docs_have_every_option(tool: str) -> None:
    command = typer.main.get_command(TOOLS[tool])
    verbs = getattr(command, "commands", {"": command}).values()
    options = [option.opts for verb in verbs for option in verb.params if "-" in option.opts[0]]
    assert len(options) > 5
    text = "\n".join(page.read_text() for page in DOCS.rglob("*.md"))
    told = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text))
    assert [names for names in options if not told.intersection(names)] == []

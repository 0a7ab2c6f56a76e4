"""Documentation that is run: the consoles shown in a page, carried out and compared.

A page is read from top to bottom. A block

    ```console
    $ command
    > its next line
    what it prints
    ```

is run in one shell, so that `cd` and `export` last; a block whose info string names a file,
```` ```toml stores.toml ````, is written to that file. In what is printed, a line `…` stands for
any lines and `…` within a line for any text; times, ages and rates may be any. A command that fails
must be followed by `$ echo $?`.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"^```(?P<language>\w+)[ ]*(?P<name>\S*)[^\n]*\n(?P<text>.*?)^```[ ]*$", re.M | re.S
)

_UNIT = r"(?:days?|h|min|s)"
_VARYING = (
    (re.compile(rf"(?:under )?\d+(?:\.\d+)? {_UNIT}(?: \d+ {_UNIT})?\b"), "TIME"),
    (re.compile(r"[\d.,]+ (?:bytes|[kMGTP]B)/s"), "RATE"),
)
"""What differs from run to run. Sizes do not: `108.5 MB` stays."""


@dataclass(frozen=True)
class Command:
    """A command and what the page says it prints."""

    line: int
    text: str
    output: str


@dataclass(frozen=True)
class File:
    """A file the page shows in full."""

    name: str
    text: str


@dataclass(frozen=True)
class Done:
    """What a command did: stdout and stderr as they came, and its exit code."""

    output: str
    code: int


def read(page: str) -> list[Command | File]:
    """The consoles' commands and the files of a page of Markdown, in order."""
    steps: list[Command | File] = []
    for block in _FENCE.finditer(page):
        line = page.count("\n", 0, block.start("text")) + 1
        if block["language"] == "console":
            steps += _commands(block["text"], line)
        elif block["name"]:
            steps.append(File(block["name"], block["text"]))
    return steps


def rehearse(
    page: Path,
    folder: Path,
    environment: Mapping[str, str],
    places: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> None:
    """Carry out a page in a folder; AssertionError at the first output that is not as shown.

    `places` are texts of the page with what stands for them here: addresses, directories.
    """
    places = places or {}
    steps = read(page.read_text(encoding="utf-8"))
    done = run(steps, folder, environment, places, timeout)
    commands = [step for step in steps if isinstance(step, Command)]
    for i, command in enumerate(commands):
        where = f"{page.name}:{command.line}: $ {command.text}"
        if i == len(done):
            raise AssertionError(f"{where}\nthe shell ended there")
        result = done[i]
        output = result.output
        for shown, here in places.items():
            output = output.replace(here, shown)
        if not agrees(command.output, output):
            raise AssertionError(f"{where}\n{_comparison(command.output, output)}")
        told = i + 1 < len(commands) and commands[i + 1].text == "echo $?"
        if result.code and not told:
            raise AssertionError(f"{where}\nexit code {result.code}:\n{output}")


def run(
    steps: Sequence[Command | File],
    folder: Path,
    environment: Mapping[str, str],
    places: Mapping[str, str],
    timeout: float,
) -> list[Done]:
    """What the commands printed, run one after the other by one bash."""
    mark = uuid.uuid4().hex
    script = ["exec 2>&1"]
    for step in steps:
        text = step.text
        for shown, here in places.items():
            text = text.replace(shown, here)
        if isinstance(step, File):
            script.append(f"printf %s {shlex.quote(text)} > {shlex.quote(step.name)}")
            continue
        # The subshell hands the exit code on to the next command's `$?`.
        script += [
            f"eval {shlex.quote(text)} </dev/null; code=$?",
            f"printf '\\n{mark} %d\\n' $code; (exit $code)",
        ]
    output = _bash("\n".join(script), folder, environment, timeout)
    parts = re.split(rf"\n{mark} (\d+)\n", output)
    return [Done(parts[i], int(parts[i + 1])) for i in range(0, len(parts) - 1, 2)]


def agrees(shown: str, printed: str) -> bool:
    """Whether what a command printed is what the page shows."""
    lines = []
    for line in _normal(shown).split("\n"):
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*".join(map(re.escape, line.split("…"))) + r"\n")
    return re.fullmatch("".join(lines), f"{_normal(printed)}\n") is not None


def _commands(text: str, first: int) -> list[Command]:
    found: list[tuple[int, list[str], list[str]]] = []
    for number, line in enumerate(text.splitlines(), first):
        if line.startswith("$ "):
            found.append((number, [line[2:]], []))
        elif not found:
            raise ValueError(f"line {number}: a console begins with a command, '$ …'")
        elif line.startswith("> ") and not found[-1][2]:
            found[-1][1].append(line[2:])
        else:
            found[-1][2].append(line)
    return [Command(line, "\n".join(c), "\n".join(o)) for line, c, o in found]


def _bash(script: str, folder: Path, environment: Mapping[str, str], timeout: float) -> str:
    """All that a script prints; AssertionError when it does not end in time."""
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        return shell.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        raise AssertionError(f"not done in {timeout} s:\n{shell.communicate()[0]}") from None


def _normal(text: str) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))


def _comparison(shown: str, printed: str) -> str:
    ours, theirs = (_normal(text).split("\n") for text in (shown, printed))
    return "\n".join(difflib.unified_diff(ours, theirs, "shown", "printed", lineterm=""))

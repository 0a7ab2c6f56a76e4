"""Tests whose tool is missing: skipped by a developer, failures where every tool is to be there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

SOME = """
import pytest

@pytest.mark.skipif(True, reason="a program is not installed")
def test_marked(): ...

def test_that_looks():
    pytest.skip("a program is not installed")

def test_that_the_machine_does_not_allow():
    pytest.skip("only root may do this")
"""

MODULE = """
import pytest

pytest.importorskip("no_such_module", reason="a package is not installed")
"""


def outcomes(folder: Path, **environment: str) -> dict[str, int]:
    """How many tests and modules ended how, in two processes as `make test` has several."""
    shutil.copy(TESTS / "conftest.py", folder)
    (folder / "test_some.py").write_text(SOME)
    (folder / "test_module.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "--numprocesses=2", folder],
        env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
        capture_output=True,
        text=True,
    )
    counts = done.stdout.splitlines()[-1].split(" in ")[0].split(", ")
    return {word.rstrip("s"): int(number) for number, word in map(str.split, counts)}


def test_without_a_tool_its_tests_are_skipped(tmp_path: Path) -> None:
    assert outcomes(tmp_path, TESSERA_NO_SKIPS="").keys() == {"skipped"}


def test_where_every_tool_is_to_be_there_they_fail(tmp_path: Path) -> None:
    found = outcomes(tmp_path, TESSERA_NO_SKIPS="1")
    assert found == {"failed": 1, "skipped": 1, "error": 2}

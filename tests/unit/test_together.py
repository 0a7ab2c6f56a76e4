"""Which files of tests are run together."""

from __future__ import annotations

from pathlib import Path

from together import TOGETHER


def test_each_file_is_there_and_named_once() -> None:
    named = [f"test_{name}.py" for names in TOGETHER.values() for name in names]
    files = {path.name for path in Path(__file__).parents[1].rglob("test_*.py")}
    assert set(named) <= files
    assert len(set(named)) == len(named)

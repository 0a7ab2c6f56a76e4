"""The page about exports does what it says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import console
from registries import environment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exports.md"


def test_the_page(migrated_pg_env: dict[str, str], tmp_path: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    console.rehearse(PAGE, tmp_path, environment(migrated_pg_env | {"PATH": tools}))

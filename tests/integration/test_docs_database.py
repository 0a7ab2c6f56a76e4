"""The pages about what goes into the database, and out of it as files, do what they say."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import console
import pytest
from registries import environment

from tessera_catalog.normal_form import REASONS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("page", ["loading.md", "exports.md"])
def test_the_page(migrated_pg_env: dict[str, str], tmp_path: Path, page: str) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    console.rehearse(DOCS / page, tmp_path, environment(migrated_pg_env | {"PATH": tools}))


def test_every_reason_to_refuse_a_row_is_told() -> None:
    told = re.findall(r"(?m)^\| ([^|]+) \| ([^|]+) \|$", (DOCS / "loading.md").read_text())
    assert REASONS.items() <= set(told)

"""requirements/dev.txt pins what pyproject.toml asks for, and says nothing of who made it."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

LOCK = ROOT / "requirements" / "dev.txt"

MACHINES = [
    {"platform_machine": machine, "python_version": python, "python_full_version": f"{python}.0"}
    for machine in ("x86_64", "aarch64")
    for python in ("3.11", "3.12", "3.13")
]


def _asked_for() -> list[Requirement]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    return [Requirement(line) for group in groups for line in group]


def _pinned() -> dict[str, list[Requirement]]:
    pinned = defaultdict(list)
    for line in LOCK.read_text().splitlines():
        if re.match(r"[a-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\"))
            pinned[requirement.name].append(requirement)
    return pinned


@pytest.mark.parametrize(
    "machine", MACHINES, ids=lambda m: f"{m['platform_machine']}-{m['python_version']}"
)
def test_lock_agrees_with_pyproject(machine: dict[str, str]) -> None:
    def applies(requirement: Requirement) -> bool:
        return requirement.marker is None or requirement.marker.evaluate(machine)

    pinned = _pinned()
    for asked in filter(applies, _asked_for()):
        pins = list(filter(applies, pinned[canonicalize_name(asked.name)]))
        assert len(pins) == 1, f"{asked} is not pinned once for this machine: run 'make lock'"
        (version,) = pins[0].specifier
        assert asked.specifier.contains(version.version), f"{asked}, but {pins[0]}: run 'make lock'"


def test_lock_has_only_pins_and_hashes() -> None:
    pin = r"[a-z0-9-]+==[0-9][^ /]*( ; [^/]+)? \\"
    digest = r"    --hash=sha256:[0-9a-f]{64}( \\)?"
    for line in LOCK.read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(f"{pin}|{digest}", line), line
        assert "://" not in line

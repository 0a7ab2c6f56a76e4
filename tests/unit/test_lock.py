"""requirements/ pins what pyproject.toml asks for, and says nothing of who made it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

LOCKS = ROOT / "requirements"

MACHINES = [
    {"platform_machine": machine, "python_version": python, "python_full_version": f"{python}.0"}
    for machine in ("x86_64", "aarch64")
    for python in ("3.11", "3.12", "3.13")
]


Project = dict[str, Any]


def _run_with(project: Project) -> list[str]:
    """What the packages and their extras need."""
    groups = [project["project"]["dependencies"]]
    groups += project["project"]["optional-dependencies"].values()
    return [line for group in groups for line in group]


def _worked_with(project: Project) -> list[str]:
    """That, and what is needed to work on them."""
    groups = project["dependency-groups"].values()
    # Groups that others include are there by themselves.
    return _run_with(project) + [
        line for group in groups for line in group if isinstance(line, str)
    ]


def _made_with(project: Project) -> list[str]:
    """What makes the wheel."""
    requires: list[str] = project["build-system"]["requires"]
    return requires


def _pinned(lock: str) -> dict[str, list[Requirement]]:
    pinned = defaultdict(list)
    for line in (LOCKS / lock).read_text().splitlines():
        if re.match(r"[a-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\"))
            pinned[requirement.name].append(requirement)
    return pinned


@pytest.mark.parametrize(
    "machine", MACHINES, ids=lambda m: f"{m['platform_machine']}-{m['python_version']}"
)
@pytest.mark.parametrize(
    ("lock", "needs"),
    [("dev.txt", _worked_with), ("runtime.txt", _run_with), ("build.txt", _made_with)],
    ids=["dev", "runtime", "build"],
)
def test_locks_agree_with_pyproject(
    lock: str, needs: Callable[[Project], list[str]], machine: dict[str, str]
) -> None:
    def applies(requirement: Requirement) -> bool:
        return requirement.marker is None or requirement.marker.evaluate(machine)

    pinned = _pinned(lock)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for asked in filter(applies, map(Requirement, needs(project))):
        pins = list(filter(applies, pinned[canonicalize_name(asked.name)]))
        assert len(pins) == 1, f"{asked} is not pinned once for this machine: run 'make lock'"
        (version,) = pins[0].specifier
        assert asked.specifier.contains(version.version), f"{asked}, but {pins[0]}: run 'make lock'"


def test_what_runs_is_what_was_tested() -> None:
    tested = _pinned("dev.txt")
    for lock in ("runtime.txt", "build.txt"):
        for name, pins in _pinned(lock).items():
            specifiers = {str(pin.specifier) for pin in pins}
            assert specifiers == {str(pin.specifier) for pin in tested[name]}, name


def test_what_runs_has_no_tools() -> None:
    assert not {"pytest", "mypy", "ruff", "uv", "setuptools"} & _pinned("runtime.txt").keys()


EVERYTHING = """
import sys

class Absent:
    def find_spec(self, name, *_):
        if name in absent:
            raise ModuleNotFoundError(name=name)

absent = set(sys.argv[1:])
sys.meta_path.insert(0, Absent())
import dask.__main__, distributed, pypgstac.db, pypgstac.migrate, uvicorn
import tessera_api.app, tessera_catalog.cli, tessera_export.cli, tessera_sync.cli
import tessera_catalog.boundaries, tessera_catalog.synthetic, tessera_sync.cluster
"""


def test_what_runs_needs_nothing_else() -> None:
    there = {*_pinned("runtime.txt"), "tessera-stac"}
    absent = [
        name
        for name, owners in metadata.packages_distributions().items()
        if not there & {canonicalize_name(owner) for owner in owners}
    ]
    assert {"pytest", "setuptools", "requests"} <= set(absent)
    done = subprocess.run([sys.executable, "-c", EVERYTHING, *absent], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("lock", ["dev.txt", "runtime.txt", "build.txt"])
def test_locks_have_only_pins_and_hashes(lock: str) -> None:
    pin = r"[a-z0-9-]+==[0-9][^ /]*( ; [^/]+)? \\"
    digest = r"    --hash=sha256:[0-9a-f]{64}( \\)?"
    for line in (LOCKS / lock).read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(f"{pin}|{digest}", line), line
        assert "://" not in line

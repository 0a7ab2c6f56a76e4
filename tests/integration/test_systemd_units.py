"""The units in deploy/systemd: systemd accepts them, and what they run is what the tools take."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "systemd"
SERVICES = sorted(path.name for path in FOLDER.glob("*.service"))
INSTALLED = "/opt/tessera/bin"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as they would be installed, but for the programs: those of this environment."""
    units = shutil.copytree(FOLDER, tmp_path / "units")
    for path in units.glob("*.service"):
        path.write_text(path.read_text().replace(INSTALLED, str(Path(sys.executable).parent)))
    return units


def analyze(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], capture_output=True, text=True, timeout=120
    )


@needs_systemd
def test_systemd_accepts_them(units: Path) -> None:
    paths = [
        units / path.name.replace("@.", "@scaleway.")
        for path in FOLDER.iterdir()
        if path.suffix in (".service", ".timer")
    ]
    for path in paths:
        if not path.exists():
            path.symlink_to(re.sub("@[^.]*", "@", path.name))
    done = analyze("verify", "--man=no", "--recursive-errors=no", *paths)
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_they_may_do_little(units: Path, name: str) -> None:
    done = analyze("security", "--offline=true", "--threshold=20", units / name)
    assert done.returncode == 0, done.stdout + done.stderr


def read(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    return unit


@pytest.mark.parametrize("name", SERVICES)
def test_each_has_its_timer(name: str) -> None:
    timer = read(FOLDER / name.replace(".service", ".timer"))["Timer"]
    assert timer["Persistent"] == "true"
    assert timer["RandomizedDelaySec"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_tool_takes_what_it_is_given(name: str, tmp_path: Path) -> None:
    """Each command as the unit has it, on an empty data directory: no usage is wrong."""
    command = read(FOLDER / name)["Service"]["ExecStart"]
    for written, meant in (("%i", "scaleway"), ("%%", "%"), ("$$", "$")):
        command = command.replace(written, meant)
    command = command.replace("${TESSERA_PRIMARY}", "okavango")
    command = command.replace(INSTALLED, str(Path(sys.executable).parent))
    done = subprocess.run(
        shlex.split(command),
        env={"PATH": "/usr/bin:/bin", "TESSERA_DATA": str(tmp_path), "PGHOST": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    expected = {
        "tessera-scan@.service": "which cannot list files",
        "tessera-plan@.service": "store 'okavango' has no manifest",
        "tessera-verify@.service": "store 'scaleway' has no manifest",
        "tessera-link.service": "has no manifests of the configured stores",
        "tessera-notify.service": "whom to tell?",
    }
    assert expected[name] in done.stderr

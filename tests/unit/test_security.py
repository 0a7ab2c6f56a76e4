"""What docs/security.md claims of itself, and the scan for secrets."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCAN = Path(sys.executable).parent / "detect-secrets-hook"


def test_the_tests_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text()))
    files = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    there = {name for text in files for name in re.findall(r"def (test_\w+)\(", text)}
    assert len(named) > 30
    assert not named - there


# In pieces, so that this file is none of those that are found.
PLANTED = {
    "settings.py": 'PASSWORD = "' + "kX9v-Tr0ub4dor-31" + '"\n',
    "stores.toml": "aws_access_key_id = AKIA" + "QYLPMN5HHHFPZAM2\n",
    "config.yaml": "url: https://someone:" + "Tr0ub4dor31" + "@example.org/x\n",
    "key.pem": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n",
    "ci.yml": "token: ghp_" + "wWPw5k4aXcaT4fNP0U" + "cnZwJUVFk6LO0pINUx" + "\n",
    "notes.md": "AWS_SECRET_ACCESS_KEY = 'wJalrXUtnFEMI" + "/K7MDENG/bPx" + "RfiCYzz9Kq1aTLx'\n",
}


def scan(folder: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCAN, "--baseline", ROOT / ".secrets.baseline", *files],
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_secret_is_found(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(PLANTED[name])
    found = scan(tmp_path, file)
    assert found.returncode == 1
    assert name in found.stdout


def test_a_planted_secret_is_found_in_a_file_of_ours(tmp_path: Path) -> None:
    file = Path(shutil.copy(ROOT / "deploy" / "kubernetes" / "api.yaml", tmp_path))
    assert scan(tmp_path, file).returncode == 0
    file.write_text(file.read_text() + "# password: " + "Tr0ub4dor-and-31\n")
    assert scan(tmp_path, file).returncode == 1

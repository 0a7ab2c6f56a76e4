"""The project that QGIS opens the catalogue with, for a database without a service of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from tessera_local.services import ROOT

PROJECT = ROOT / "deploy" / "qgis" / "geotessera.qgs"
"""Made by deploy/qgis/make_project.py; its layers name the service `tessera`."""

_SERVICE = "service='tessera'"

_WORDS = (
    ("dbname", "DATABASE"),
    ("host", "HOST"),
    ("port", "PORT"),
    ("user", "USER"),
    ("password", "PASSWORD"),
)


def write_project(path: Path, environment: Mapping[str, str]) -> Path:
    """Write the project with the connection that PG* variables name; its password is in it."""
    words = {name: environment[f"PG{of}"] for name, of in _WORDS if f"PG{of}" in environment}
    connection = " ".join(f"{name}='{_quoted(word)}'" for name, word in words.items())
    text = PROJECT.read_text(encoding="utf-8").replace(_SERVICE, escape(connection))
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def _quoted(word: str) -> str:
    return word.replace("\\", "\\\\").replace("'", "\\'")

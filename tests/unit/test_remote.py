"""Addresses as they are told, and those of this machine's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tessera_catalog.progress import Progress
from tessera_catalog.remote import local_copy, without_secrets


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://a.example/b/c.parquet", "https://a.example/b/c.parquet"),
        ("https://me:secret@a.example/b", "https://a.example/b"),
        ("https://secret@a.example", "https://a.example"),
        ("https://me:s@cret@a.example:8/b", "https://a.example:8/b"),
        ("https://a.example/b?sig=secret/x", "https://a.example/b?…"),
        ("s3://bucket/a@b/c.parquet", "s3://bucket/a@b/c.parquet"),
    ],
)
def test_an_address_is_told_without_its_secrets(address: str, told: str) -> None:
    assert without_secrets(address) == told


def test_a_file_of_this_machine_is_not_copied(tmp_path: Path) -> None:
    """Or nobody would see that another option names it too."""
    file = tmp_path / "a registry.parquet"
    for source in (str(file), file.as_uri()):
        with local_copy(source, Progress()) as path:
            assert path == file

"""Addresses as they are told."""

from __future__ import annotations

import pytest

from tessera_catalog.remote import without_secrets


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

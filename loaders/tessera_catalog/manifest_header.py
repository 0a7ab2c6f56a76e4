"""What a manifest says of itself, as JSON in its file's metadata."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

KEY = b"tessera_manifest"
"""Key of what a manifest says of itself, as JSON, in the file's metadata."""

FORMAT = 1


@dataclass(frozen=True)
class About:
    """What a manifest says of itself."""

    store: str
    dataset: str
    made: dt.datetime
    """When the whole store was last looked at, in UTC."""
    how: str = ""
    """By what: "scan s3://…", "ingest registry.parquet"."""
    tool: str = ""
    """Version of the tool that wrote the file."""
    changed: str = ""
    """What changed some of its tiles since, if anything did."""


@dataclass(frozen=True)
class Header:
    """All of it; what it does not say is None or empty."""

    about: About
    digest: str | None
    """Of all rows; see fingerprint.RowsDigest."""
    digests: dict[str, str] | None
    """Of the rows of each year; see fingerprint.year_digest."""
    unknown: dict[str, list[str]]
    """Columns of the file in which no row of a year has a value, by year."""
    groups: list[int] | None
    """The year of each row group."""


def read_header(file: pq.ParquetFile, path: Path | None) -> Header:
    """What an opened file says; one that does not say when it was made is as old as at `path`.

    ValueError, or another error of wrong types, when it is damaged.
    """
    # What is added at the end of writing stands in the file's metadata alone.
    text = json.loads((file.metadata.metadata or {}).get(KEY, b"{}"))
    digests, unknown = (_by_year(text, name) for name in ("years", "unknown"))
    if not all(
        re.fullmatch(r"[0-9a-f]{64}", digest)
        for digest in [text.get("digest", "0" * 64), *(digests or {}).values()]
    ):
        raise ValueError("digests are SHA-256 in hex")
    if not all(isinstance(names, list) for names in (unknown or {}).values()):
        raise ValueError("what is unknown are names of columns")
    groups = text.get("groups")
    if groups is not None:
        if not all(type(year) is int and 0 <= year < 2**15 for year in groups):
            raise ValueError("years are those of the column, int16")
        if len(groups) != file.metadata.num_row_groups or groups != sorted(groups):
            raise ValueError("the row groups are others")
    about = _about(text, file.schema_arrow.metadata or {}, path)
    return Header(about, text.get("digest"), digests, unknown or {}, groups)


def _by_year(text: dict[str, Any], name: str) -> dict[str, Any] | None:
    found = text.get(name)
    if name in text and not isinstance(found, dict):
        raise ValueError(f"{name} are by year")
    return found


def _about(text: dict[str, Any], labels: dict[bytes, bytes], path: Path | None) -> About:
    if "made" in text:
        made = dt.datetime.fromisoformat(text["made"]).astimezone(dt.UTC)
    elif path is not None:
        made = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    else:
        made = dt.datetime.now(dt.UTC)
    return About(
        text.get("store") or labels.get(b"store", b"").decode(),
        text.get("dataset") or labels.get(b"dataset", b"").decode(),
        made,
        text.get("how", ""),
        text.get("tool", ""),
        text.get("changed", ""),
    )

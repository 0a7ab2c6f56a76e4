"""From the first catalogue server (mtelvers/stac-server) to this one: its stores and manifests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tessera_catalog import atomic
from tessera_catalog.errors import InputError, Refused
from tessera_catalog.stores import load_stores
from tessera_sync import ingestion
from tessera_sync.other_tools import read_foreign

_HEAD = """\
# Taken over from the STORES variable of the first catalogue server; the first store is the primary.
# A root is where this machine reaches the storage: file:///… or s3://bucket/prefix to write there;
# as it stands, by its public address, from which it can only read.

[dataset]
id = {dataset}
"""

_STORE = """
[[stores]]
name = {name}
url = {url}
root = {url}
"""


def adopt(
    data_dir: Path, urls: str, folder: Path, dataset: str, *, replace: bool
) -> dict[str, Any]:
    """Write stores.toml and the manifests; the numbers, as `--json` prints them.

    InputError when STORES cannot be read; Refused when there is another stores.toml already.
    """
    stores = parse_stores(urls)
    target = data_dir / "stores.toml"
    text = _toml(stores, dataset)
    if target.exists() and target.read_bytes() != text.encode() and not replace:
        raise Refused(f"{target} exists and says something else: keep it, or give --replace")
    if not atomic.is_folder(folder):
        raise InputError(f"--from {folder}: no such directory")
    with atomic.replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
        load_stores(temporary)
    notes: list[str] = []
    tiles = {}
    for ours, theirs, _ in stores:
        if ours != theirs:
            notes.append(f"store '{theirs}' is called '{ours}' here")
        tiles[ours] = _manifest(data_dir, ours, folder / f"{theirs}.parquet", dataset, notes)
    return {"configuration": str(target), "dataset": dataset, "stores": tiles, "notes": notes}


def parse_stores(text: str) -> list[tuple[str, str, str]]:
    """Our name, its name and the URL of each store in `name=url;name=url`."""
    stores = []
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        theirs, equals, url = (part.strip() for part in entry.partition("="))
        ours = re.sub(r"[^a-z0-9_]", "_", theirs.lower())
        if not equals or not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", ours):
            raise InputError(
                f"STORES: '{entry}' must be name=url, the name beginning with a letter"
            )
        stores.append((ours, theirs, url))
    if not stores:
        raise InputError("STORES is empty: give name=url;name=url")
    return stores


def _manifest(data_dir: Path, store: str, path: Path, dataset: str, notes: list[str]) -> int | None:
    if not path.exists():
        notes.append(f"store '{store}': {path} is not there; scan the store to get a manifest")
        return None
    foreign = read_foreign(path, dataset)
    if ingestion.without_zero_sizes(foreign):
        notes.append(f"{path}: all sizes are 0, which is how 'not known' was written")
    result = ingestion.record(data_dir, store, foreign, allow_rejected=True)
    if result["rejected"]:
        notes.append(
            f"{path}: {result['rejected']:,} rows left out: {result['rejected_by_reason']}"
        )
    tiles: int = result["tiles"]
    return tiles


def _toml(stores: list[tuple[str, str, str]], dataset: str) -> str:
    # JSON's strings are TOML's basic strings.
    parts = [_HEAD.format(dataset=json.dumps(dataset))]
    for name, _, url in stores:
        parts.append(_STORE.format(name=json.dumps(name), url=json.dumps(url.rstrip("/"))))
    return "".join(parts)

"""From a journal to the target's manifest: its rows become what the journal says was done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from tessera_catalog.store_manifest import ROWS
from tessera_sync import manifests
from tessera_sync.journal import Journal
from tessera_sync.journal_lines import Entry
from tessera_sync.lineage import Lineage
from tessera_sync.row_tables import Row, keys_of
from tessera_sync.tiles import Whole


def merge(
    data_dir: Path, target: str, dataset: str, journal: Journal, lineage: Lineage, how: str
) -> int:
    """Bring the target's manifest up to the journal; the number of tiles it learned.

    Doing it twice changes nothing. Refused when another process keeps the manifest locked.
    """
    entries = list(journal.unmerged)
    if not entries:
        return 0
    # A look made since has seen these tiles itself, or has seen that they are gone again. Its time
    # alone does not tell that it was made since: its clock may have been ahead of ours.
    looked = manifests.load(data_dir, target, dataset).about.made
    fresh = [entry for entry in entries if looked == entry.looked or entry.at >= looked]
    if fresh:
        manifests.update(
            data_dir,
            target,
            dataset,
            how=how,
            upsert=rows_of(fresh),
            remove=keys_of([entry.tile for entry in fresh if entry.whole is None]),
            before=lineage.add,
        )
    journal.merged(len(entries))
    return len(fresh)


def rows_of(entries: Sequence[Entry]) -> pa.Table:
    """Manifest rows (ROWS) of the tiles that are whole, seen and verified when they were placed."""
    rows = [_row(entry.at, entry.whole) for entry in entries if entry.whole is not None]
    return pa.Table.from_pylist(rows, schema=ROWS)


def _row(at: dt.datetime, whole: Whole) -> Row:
    return {
        **whole.tile._asdict(),
        "embeddings_size": whole.embeddings.size,
        "scales_size": whole.scales.size,
        "embeddings_sha256": whole.embeddings.sha256,
        "scales_sha256": whole.scales.sha256,
        "embeddings_mtime": whole.embeddings.mtime,
        "scales_mtime": whole.scales.mtime,
        "seen_at": at,
        "verified_at": at,
    }

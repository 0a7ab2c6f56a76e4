"""Take over a parquet file of another tool as a store's manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog.errors import InputError, Refused
from tessera_catalog.locks import lock
from tessera_catalog.manifest_header import About
from tessera_catalog.normal_form import BAD_ROWS, REASONS
from tessera_catalog.store_manifest import ROWS
from tessera_sync import manifests
from tessera_sync.other_tools import Foreign, read_foreign
from tessera_sync.row_tables import SIZES


def ingest(
    data_dir: Path, store: str, dataset: str, path: Path, *, allow_rejected: bool
) -> dict[str, Any]:
    """Make a file the store's manifest; the numbers, as `--json` prints them."""
    foreign = read_foreign(path, dataset)
    return record(data_dir, store, foreign, allow_rejected=allow_rejected)


def record(data_dir: Path, store: str, foreign: Foreign, *, allow_rejected: bool) -> dict[str, Any]:
    """Save what was read as the store's manifest.

    InputError when there is no tile in it; Refused when too many rows are none.
    """
    tiles = sum(table.num_rows for table in foreign.years.values())
    rejected = foreign.rejected.total()
    if rejected and not tiles:
        reason = foreign.rejected.most_common(1)[0][0]
        raise InputError(f"{foreign.path}: none of its {rejected:,} rows is a tile: {reason}")
    # Twice the same tile is common and harmless; the rest may mean that the file is misread.
    bad = rejected - foreign.rejected["duplicate"]
    if bad > BAD_ROWS * (tiles + rejected) and not allow_rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in foreign.rejected.items())
        raise Refused(
            f"{foreign.path}: {bad:,} of {tiles + rejected:,} rows are no tiles ({reasons}): "
            "take the rest with --allow-rejected"
        )
    about = About(
        store, foreign.dataset, manifests.now(), f"ingest {foreign.path.name}", manifests.tool()
    )
    with lock(data_dir, store):
        digest = manifests.save(data_dir, about, foreign.years)
    return {
        "store": store,
        "dataset": foreign.dataset,
        "tiles": tiles,
        "years": sorted(foreign.years),
        "rejected": rejected,
        "rejected_by_reason": {
            reason: foreign.rejected[reason] for reason in REASONS if foreign.rejected[reason]
        },
        "digest": digest,
    }


def without_zero_sizes(foreign: Foreign) -> bool:
    """Forget the sizes of a file all of whose sizes are 0; whether it was so.

    The first catalogue server wrote 0 for what it did not know.
    """
    sizes = [
        table.column(name) for table in foreign.years.values() for name in SIZES if table.num_rows
    ]
    if not sizes or any(pc.max(column).as_py() != 0 for column in sizes):
        return False
    for year, table in foreign.years.items():
        for name in SIZES:
            index = ROWS.names.index(name)
            nothing = pa.nulls(table.num_rows, ROWS.field(name).type)
            table = table.set_column(index, ROWS.field(name), nothing)
        foreign.years[year] = table
    return True

"""Journals that nobody will ask for again: each is as long as its plan was."""

from __future__ import annotations

import contextlib
import time
from contextlib import ExitStack
from pathlib import Path

from tessera_catalog.errors import TesseraError
from tessera_catalog.locks import hold
from tessera_sync import lineage
from tessera_sync.journal import FOLDER, SUFFIX, Journal

KEPT_DAYS = 90
"""Days since its last use after which a finished plan is forgotten, and refused if it comes again.

A plan is of two manifests that hardly stay as they are for a week.
"""


def forget(data_dir: Path, days: float = KEPT_DAYS) -> list[str]:
    """Remove what is left of plans not worked on for so long; their names.

    A plan stays that is being applied, that tells of tiles which no manifest has, or whose journal
    is damaged.
    """
    folder, until = data_dir / FOLDER, time.time() - days * 86400
    plans: dict[str, list[Path]] = {}
    for path in folder.glob("*"):
        plans.setdefault(path.name.lstrip(".").partition(".")[0], []).append(path)
    forgotten = []
    for plan, files in sorted(plans.items()):
        # Files vanish when somebody else tidies up too, or the directory is closed to us.
        with contextlib.suppress(OSError, TesseraError):
            if max(path.stat().st_mtime for path in files) < until and _remove(plan, files):
                forgotten.append(plan)
    return forgotten


def _remove(plan: str, files: list[Path]) -> bool:
    journals = [f for f in files if f.name.endswith(SUFFIX) and not f.name.endswith(lineage.SUFFIX)]
    with ExitStack() as held:
        for path in journals:
            name = path.name.removesuffix(SUFFIX)
            held.enter_context(hold(path.with_name(f".{name}.lock"), "the plan is being applied"))
            journal = Journal(path)
            journal.read(plan, name.partition(".")[2].replace("-of-", "/"))
            if journal.unmerged:
                return False
        for path in files:
            path.unlink(missing_ok=True)
    return True

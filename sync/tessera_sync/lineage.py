"""Which manifests came of a plan's own work, `<data>/journals/<plan>.manifests.jsonl`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from tessera_sync.journal import FOLDER
from tessera_sync.journal_lines import line_now

SUFFIX = ".manifests.jsonl"


@dataclass(frozen=True)
class Lineage:
    """Which manifests of the target are the plan's own: what it began with and what it made of it.

    Shared by all parts of a plan and written under the manifest's lock, before the manifest.
    """

    path: Path

    @classmethod
    def of(cls, data_dir: Path, plan: str) -> Lineage:
        """The lineage of a plan."""
        return cls(data_dir / FOLDER / f"{plan}{SUFFIX}")

    def add(self, old: str | None, new: str) -> None:
        """Record that the plan is about to turn the manifest of digest `old` into `new`."""
        with self.path.open("ab") as file:
            # The empty line ends one that a crash may have torn.
            file.write(f"\n{line_now(old=old, new=new)}".encode())
            file.flush()
            os.fsync(file.fileno())

    def has(self, first: str, digest: str) -> bool:
        """Whether a manifest came of the one the plan was made from by the plan's work alone."""
        own = {first}
        for line in self.path.read_bytes().splitlines() if self.path.exists() else ():
            try:
                step = json.loads(line)
                if step["old"] in own:
                    own.add(step["new"])
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # empty, or torn by a crash: then the manifest was not written either
        return digest in own

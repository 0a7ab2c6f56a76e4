"""Telling somebody when gaps appear or grow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tessera_catalog.locks import PATIENCE, hold
from tessera_catalog.stores import Stores
from tessera_sync import manifests
from tessera_sync.gaps import COMPARED, Gap, Known, Limits, find, remembered
from tessera_sync.hooks import Hook, HookError
from tessera_sync.told import FILE, read_told, write_told


@dataclass
class Report:
    """What is wrong, what of it is worse than was told last, and who took it."""

    dataset: str
    primary: str
    at: str
    gaps: list[Gap]
    known: Known
    told: list[str] = field(default_factory=list)
    """Names of the hooks that took it."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Names of those that did not, and why."""

    @property
    def worse(self) -> list[Gap]:
        """What is to be told."""
        return [gap for gap in self.gaps if gap.is_worse(self.known)]

    def document(self) -> dict[str, Any]:
        """What the hooks are given."""
        return {
            "text": self.text(),
            "dataset": self.dataset,
            "primary": self.primary,
            "at": self.at,
            "worse": [self._row(gap) for gap in self.worse],
            "gaps": [self._row(gap) for gap in self.gaps],
        }

    def text(self) -> str:
        """What is worse, in a line each; chat programs show this member of the document."""
        return "\n".join(self.line(gap) for gap in self.worse)

    def line(self, gap: Gap) -> str:
        """A problem for people."""
        tiles = f"{gap.tiles:,} tile{'s' if gap.tiles != 1 else ''}"
        if gap.kind in COMPARED:
            before = self.known.get(gap.key, 0)
            was = f" ({before:,} told before)" if before else ""
            return f"{gap.store} {gap.year}: {tiles} {gap.kind}{was}"
        if gap.kind == "unverified":
            return f"{gap.store}: {tiles} overdue for verification"
        if gap.kind == "old manifest" and gap.since is not None:
            return f"{gap.store}: its manifest is of {gap.since:%Y-%m-%d %H:%M} UTC"
        return f"{gap.store}: it has no manifest"

    def _row(self, gap: Gap) -> dict[str, Any]:
        return {
            "store": gap.store,
            "year": gap.year,
            "kind": gap.kind,
            "tiles": gap.tiles,
            "told": self.known.get(gap.key, 0),
            "since": gap.since.isoformat() if gap.since else None,
        }


def look(data_dir: Path, stores: Stores, dataset: str, limits: Limits) -> Report:
    """Compare the manifests; InputError when the primary has none, or one cannot be read."""
    primary = stores.primary.name
    now = manifests.now()
    loaded = {
        name: (manifests.load if name == primary else manifests.find)(data_dir, name, dataset)
        for name in stores.names
    }
    gaps = find(primary, loaded, limits, now)
    return Report(
        dataset, primary, now.isoformat(timespec="seconds"), gaps, read_told(data_dir, dataset)
    )


def notify(
    data_dir: Path, stores: Stores, dataset: str, limits: Limits, hooks: Sequence[Hook]
) -> Report:
    """Tell the hooks what is worse than at the last telling, and remember it if all took it."""
    with hold(data_dir / ".told.lock", f"{data_dir}/{FILE} is being changed", PATIENCE):
        report = look(data_dir, stores, dataset, limits)
        if report.worse:
            body = json.dumps(report.document(), ensure_ascii=False).encode()
            for hook in hooks:
                try:
                    hook.tell(body)
                    report.told.append(hook.name)
                except HookError as error:
                    report.failed.append((hook.name, str(error)))
        known = remembered(report.gaps, report.known, told=not report.failed)
        if known != report.known:
            write_told(data_dir, dataset, known)
    return report

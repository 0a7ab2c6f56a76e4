"""What the verbs that work through a store have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tessera_sync.commands import options

if TYPE_CHECKING:
    from tessera_sync.attempts import Policy

Jobs = Annotated[int, typer.Option(min=1, max=1024, metavar="N", help="tiles under way at once")]
LimitRate = Annotated[
    str | None,
    typer.Option(metavar="RATE", help="bytes per second of all together: 500k, 20M, 1.5G"),
]

MOST = 50
"""Failures that are shown; `--json` has them all."""


def show_failures(title: str, failures: Sequence[tuple[str, str]], more: str = "--json") -> None:
    """List failures on stderr, each with its reason."""
    if not failures:
        return
    options.note(f"{title}: {len(failures):,}")
    for subject, why in failures[:MOST]:
        options.note(f"  {subject}: {why}")
    if len(failures) > MOST:
        options.note(f"  … and {len(failures) - MOST:,} more ({more} has them all)")


def failures_of(failed: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Tiles that failed, and why, as `--json` prints them."""
    return [{"tile": tile, "why": why} for tile, why in failed]


def policy(limit_rate: str | None) -> Policy:
    """How hard to try, and how fast to go at most."""
    from tessera_sync.attempts import Policy, limiter

    return Policy(rate=limiter(limit_rate) if limit_rate else None)

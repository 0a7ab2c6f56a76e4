"""How much random input is tried, and from which seed.

`make test` tries a little and always the same: what it says of a change is about that change.
`make fuzz EXAMPLES=1000` tries much, and anew each time but for `SEED=7`.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

USUAL = 100
"""Examples of a property of which nothing else is said; others are as many beside it."""

EXAMPLES = int(os.environ.get("EXAMPLES") or USUAL // 2)
"""What is tried in the place of USUAL."""

ANEW = bool(os.environ.get("SEED"))
"""Whether this is a run with a seed of its own."""

SEED = int(os.environ.get("SEED") or 0)
"""Of the tools that are given one; pytest is given it for hypothesis."""


def scaled(usual: int) -> int:
    """So many times what EXAMPLES is of USUAL."""
    return max(1, usual * EXAMPLES // USUAL)


def examples(usual: int, **others: Any) -> settings:
    """Settings of a property that usually has so many examples."""
    return settings(max_examples=scaled(usual), deadline=None, derandomize=not ANEW, **others)

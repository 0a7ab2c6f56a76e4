"""How much random input is tried, and from which seed.

`make test` tries a little, `make fuzz EXAMPLES=1000 SEED=7` much, and the same again.
"""

from __future__ import annotations

import os
import random
from typing import Any

from hypothesis import settings

USUAL = 100

EXAMPLES = int(os.environ.get("EXAMPLES") or USUAL)
"""Examples of a property; those whose examples are dear or cheap try fewer or more."""

SEED = int(os.environ.get("SEED") or random.randrange(2**32))
"""Of the tools that are given one."""


def scaled(usual: int) -> int:
    """So many, or as many times that as EXAMPLES is of the usual number."""
    return max(1, usual * EXAMPLES // USUAL)


def examples(usual: int, **others: Any) -> settings:
    """Settings of a property that is usually tried with so many examples."""
    return settings(max_examples=scaled(usual), deadline=None, **others)

"""What one tile is, given the source's word on it and the target's: the rule, on whole arrays.

The first line that fits counts; `-` is "not there", a size of 0 is a file of no bytes or no file.

    source            target                                     the tile is
    -                 there                                      extra
    a size is 0       (anything)                                 broken
    there             -                                          missing
    there             a size is 0                                incomplete
    there             there, a size or a known hash differs      stale
    there             there, nothing known differs               same

A size or hash that one side does not know says nothing: unknown never makes a tile broken,
incomplete or stale. Broken comes first because such a tile must not be copied over anything;
incomplete comes before stale because a target without scales always differs in size as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

SAME, MISSING, STALE, INCOMPLETE, BROKEN = range(5)
NAMES = ("same", "missing", "stale", "incomplete", "broken")
"""Names of the states of a source's tiles; what only the target has is `extra`."""

UNKNOWN = -1
"""A size or time nobody told."""

Differs = Callable[[Ints, Ints], Mask]
"""Given row numbers of both sides, whether a hash known to both differs in each pair."""


@dataclass(frozen=True)
class Side:
    """One store's tiles of one year, ascending by cell."""

    cells: npt.NDArray[np.int32]
    sizes: tuple[Ints | None, Ints | None]
    """Bytes of embeddings and scales, UNKNOWN where not known; None where no size is."""
    fingerprints: Ints | None
    """As tessera_catalog.fingerprint has them, 0 where no hash is known; None where none is."""


def classify(
    source: Side, target: Side, hashes_differ: Differs
) -> tuple[npt.NDArray[np.uint8], Mask]:
    """State of each tile of the source, and which tiles of the target are extra.

    `hashes_differ` is asked only about pairs that know different hashes (one knows the embeddings'
    alone, say); fingerprints decide all others.
    """
    states = np.zeros(len(source.cells), dtype=np.uint8)
    extra = np.zeros(len(target.cells), dtype=bool)
    here, there = _common(source.cells, target.cells)
    rows = np.arange(len(states)) if here is None else np.flatnonzero(here)
    if here is not None and there is not None:
        states[~here] = MISSING
        extra[:] = ~there
    for ours in source.sizes:
        if ours is not None:
            states[ours == 0] = BROKEN
    for theirs in target.sizes:
        if theirs is not None and len(empty := np.flatnonzero(theirs == 0)):
            _mark(states, rows[_pairs_of(empty, there)], INCOMPLETE)
    for ours, theirs in zip(source.sizes, target.sizes, strict=True):
        if ours is not None and theirs is not None:
            unlike = _unlike(_picked(ours, here), _picked(theirs, there), UNKNOWN)
            _mark(states, rows[unlike], STALE)
    if source.fingerprints is None or target.fingerprints is None:
        return states, extra
    a, b = _picked(source.fingerprints, here), _picked(target.fingerprints, there)
    unlike = _unlike(a, b, 0)
    unlike = unlike[states[rows[unlike]] == SAME]
    # Fingerprints of different hashes are never equal; then only the common hash may speak.
    same_kind = (a[unlike] & 3) == (b[unlike] & 3)
    _mark(states, rows[unlike[same_kind]], STALE)
    ask = unlike[~same_kind & (a[unlike] & b[unlike] & 3 != 0)]
    if len(ask):
        places = np.arange(len(extra)) if there is None else np.flatnonzero(there)
        _mark(states, rows[ask[hashes_differ(rows[ask], places[ask])]], STALE)
    return states, extra


def _mark(states: npt.NDArray[np.uint8], rows: Ints, state: int) -> None:
    """Give rows a state unless an earlier line of the rule has spoken."""
    states[rows[states[rows] == SAME]] = state


def _common(
    source: npt.NDArray[np.int32], target: npt.NDArray[np.int32]
) -> tuple[Mask, Mask] | tuple[None, None]:
    """Which tiles of each side the other has too; None and None when they have the same ones."""
    if np.array_equal(source, target):
        return None, None
    if len(source) == 0 or len(target) == 0:
        return np.zeros(len(source), dtype=bool), np.zeros(len(target), dtype=bool)
    # A map of the cells between first and last pairs two sorted lists without a search.
    base = min(source[0], target[0])
    ours, theirs = (source - base).astype(np.intp), (target - base).astype(np.intp)
    known = np.zeros(max(ours[-1], theirs[-1]) + 1, dtype=np.uint8)
    known[ours] = 1
    there = known[theirs].view(np.bool_)
    known[theirs] = 2
    return known[ours] == 2, there


def _pairs_of(places: Ints, there: Mask | None) -> Ints:
    """Numbers of the pairs that rows of the target belong to, of those that are in one."""
    if there is None:
        return places
    pairs: Ints = np.searchsorted(np.flatnonzero(there), places[there[places]])
    return pairs


def _picked(column: Ints, mask: Mask | None) -> Ints:
    return column if mask is None else column[mask]


def _unlike(ours: Ints, theirs: Ints, unknown: int) -> Ints:
    """Numbers of the pairs that differ and are known on both sides."""
    unlike = np.flatnonzero(ours != theirs)
    known: Ints = unlike[(ours[unlike] != unknown) & (theirs[unlike] != unknown)]
    return known

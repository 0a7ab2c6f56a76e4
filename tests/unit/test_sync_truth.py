"""The rule, as a table, and against a naive model of it on whole manifests."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from fuzzing import examples
from hypothesis import example, given
from hypothesis import strategies as st
from manifest_rows import Key, Row, row, save, sha
from truth_table import TABLE

from tessera_catalog import grid, manifest_writer
from tessera_sync import truth
from tessera_sync.compare import compare
from tessera_sync.selection import Selection

TILE = (2024, 85, 4995)


def states(folder: Path, source: dict[Key, Row], target: dict[Key, Row]) -> dict[Key, str]:
    """Every tile's state, as comparing two manifests on disk finds it."""
    found: dict[Key, str] = {}
    for diff in compare(save(folder, "a", source), save(folder, "b", target), Selection()):
        named = [truth.NAMES[state] for state in diff.states]
        extra = diff.target.cells[diff.extra]
        cells = [*diff.source.cells.tolist(), *extra.tolist()]
        for cell, state in zip(cells, [*named, *["extra"] * len(extra)], strict=True):
            found[diff.year, *grid.cell_centre(cell)] = state
        assert sum(diff.counts().values()) == len(cells)
    return found


@pytest.mark.parametrize(
    ("source", "target", "state"),
    [pytest.param(*case, id=name) for name, *case in TABLE],
)
def test_the_table(tmp_path: Path, source: Row | None, target: Row | None, state: str) -> None:
    here = {TILE: source} if source is not None else {}
    there = {TILE: target} if target is not None else {}
    assert states(tmp_path, here, there) == {TILE: state}


def naive(source: Row | None, target: Row | None) -> str:
    """The rule again, in words, for one tile."""
    if source is None:
        return "extra"
    sizes, hashes = ("embeddings_size", "scales_size"), ("embeddings_sha256", "scales_sha256")
    if any(source[name] == 0 for name in sizes):
        return "broken"
    if target is None:
        return "missing"
    if any(target[name] == 0 for name in sizes):
        return "incomplete"
    both = [name for name in (*sizes, *hashes) if None not in (source[name], target[name])]
    return "stale" if any(source[name] != target[name] for name in both) else "same"


keys = st.tuples(
    st.sampled_from([2017, 2024, 2025]),
    st.sampled_from([-17995, -5, 5, 15, 17995]),
    st.sampled_from([-8995, -5, 5, 8995]),
)
sizes = st.sampled_from([None, 0, 1, 2])
hashes = st.sampled_from([None, sha(1), sha(2)])
rows = st.builds(row, sizes, sizes, hashes, hashes)
stores = st.dictionaries(keys, rows, max_size=40)


@examples(150)
@given(source=stores, target=stores, row_group=st.integers(1, 8))
@example(source={TILE: row()}, target={}, row_group=1)
def test_manifests_of_any_blocks_agree_with_the_naive_rule(
    source: dict[Key, Row], target: dict[Key, Row], row_group: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_writer, "ROW_GROUP", row_group)
        found = states(Path(folder), source, target)
    expected = {key: naive(source.get(key), target.get(key)) for key in {**source, **target}}
    assert found == expected


def test_hashes_that_differ_in_any_single_bit_are_told_apart(tmp_path: Path) -> None:
    bits = [(byte, 1 << bit) for byte in range(32) for bit in range(8)]
    source, target = {}, {}
    for number, (byte, flipped) in enumerate(bits):
        changed = bytearray(sha(7))
        changed[byte] ^= flipped
        for offset, known in ((0, (sha(7), bytes(changed))), (1, (bytes(changed), sha(7)))):
            key = (2024 + offset, 10 * number + 5, 5)
            source[key] = row(10, 10, sha(7), sha(7))
            target[key] = row(10, 10, *known)
    assert set(states(tmp_path, source, target).values()) == {"stale"}

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest
from fuzzing import examples
from hypothesis import given
from hypothesis import strategies as st

from tessera_catalog.errors import Failed, InputError, Refused
from tessera_catalog.manifest_header import About
from tessera_sync import manifests
from tessera_sync.journal import Journal, open_journal
from tessera_sync.layout import Tile
from tessera_sync.lineage import Lineage
from tessera_sync.merge import merge
from tessera_sync.old_journals import forget
from tessera_sync.tiles import Placed, Whole

TILES = [Tile(2024, 10 * i + 5, -5) for i in range(6)]
MTIME = dt.datetime(2025, 3, 4, 5, 6, 7, 89, tzinfo=dt.UTC)


def whole(tile: Tile) -> Whole:
    return Whole(
        tile, Placed(1000 + tile.lon_i, b"e" * 32, MTIME), Placed(10, bytes(range(32)), None)
    )


def write(journal: Journal, tiles: list[Tile]) -> None:
    async def all_at_once() -> None:
        await asyncio.gather(*(journal.done(tile, whole(tile)) for tile in tiles))

    asyncio.run(all_at_once())


def test_what_was_done_is_read_again_as_it_was(tmp_path: Path) -> None:
    with open_journal(tmp_path, "p") as journal:
        write(journal, TILES[:4])
        asyncio.run(journal.done(TILES[4], None))
        asyncio.run(journal.failed(TILES[5], "no such file"))
    with open_journal(tmp_path, "p") as again:
        assert again.finished == {tile.key for tile in TILES[:5]}
        assert {entry.tile: entry.whole for entry in again.unmerged} == {
            **{tile: whole(tile) for tile in TILES[:4]},
            TILES[4]: None,
        }


def test_what_a_manifest_has_is_finished_but_not_merged_again(tmp_path: Path) -> None:
    with open_journal(tmp_path, "p") as journal:
        for tile in TILES:
            write(journal, [tile])
        journal.merged(4)
    with open_journal(tmp_path, "p") as again:
        assert [entry.tile for entry in again.unmerged] == TILES[4:]
        assert len(again.finished) == len(TILES)


HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("looked", "made", "learned"),
    [(-HOUR, -HOUR, 1), (-2 * HOUR, -HOUR, 1), (-HOUR, HOUR, 0), (HOUR, HOUR, 1)],
    ids=["no scan since", "a scan before it", "a scan since", "a scan by a clock ahead of ours"],
)
def test_what_was_done_is_merged_unless_a_scan_has_seen_it_since(
    tmp_path: Path, looked: dt.timedelta, made: dt.timedelta, learned: int
) -> None:
    now = manifests.now()
    with open_journal(tmp_path, "p") as journal:
        journal.looked(now + looked)
        write(journal, TILES[:1])
    manifests.save(tmp_path, About("s3", "v1", now + made), {})
    with open_journal(tmp_path, "p") as again:
        assert merge(tmp_path, "s3", "v1", again, Lineage.of(tmp_path, "p"), "a test") == learned
        assert again.unmerged == []
    assert manifests.load(tmp_path, "s3", "v1").tiles == learned


@examples(60)
@given(data=st.data())
def test_a_journal_cut_anywhere_keeps_every_whole_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("data")
    with open_journal(folder, "p") as journal:
        for tile in TILES:
            write(journal, [tile])
    content = journal.path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    journal.path.write_bytes(content[:cut])
    kept = sum(b'"done"' in line for line in content[:cut].splitlines(True) if line[-1:] == b"\n")
    with open_journal(folder, "p") as again:
        assert [entry.tile for entry in again.unmerged] == TILES[:kept]
        write(again, TILES[kept:])
    with open_journal(folder, "p") as last:
        assert [entry.tile for entry in last.unmerged] == TILES
    assert all(json.loads(line) for line in journal.path.read_bytes().splitlines())


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    with open_journal(tmp_path, "p") as journal:
        write(journal, TILES[:2])
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join([lines[0], b'{"done":"2024/grid_0.00_1"}\n', *lines[1:]]))
    with pytest.raises(InputError, match="line 2 is damaged"), open_journal(tmp_path, "p"):
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"done": 5},
        {"at": "2026-11-22T00:00:00"},
        {"looked": "2026-11-22T00:00:00"},
        *({"merged": count} for count in (-1, 0.0, True, "0", 1)),
        *({"scales": [size, "00" * 32, None]} for size in (-1, 1e300, 2**63, True, "9", None)),
        *({"scales": [9, digest, None]} for digest in ("", "00", None)),
        *({"scales": [9, "00" * 32, mtime]} for mtime in (0, "", "2026-11-22T00:00:00")),
        {"scales": [9, "00" * 32]},
    ],
)
def test_a_line_that_says_what_cannot_be_is_damaged(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with open_journal(tmp_path, "p") as journal:
        write(journal, TILES[:1])
    first, done = journal.path.read_text().splitlines()
    journal.path.write_text(f"{first}\n{json.dumps(json.loads(done) | wrong)}\n")
    with pytest.raises(InputError, match="line 2 is damaged"), open_journal(tmp_path, "p"):
        pass


def test_the_journal_of_another_plan_is_refused(tmp_path: Path) -> None:
    with open_journal(tmp_path, "p") as journal:
        write(journal, TILES[:1])
    journal.path.rename(journal.path.with_name("q.jsonl"))
    with pytest.raises(InputError, match="damaged"), open_journal(tmp_path, "q"):
        pass


def test_one_process_has_a_journal_but_parts_have_their_own(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path, "p", "1/2"),
        open_journal(tmp_path, "p", "2/2"),
        pytest.raises(Refused, match="being applied"),
        open_journal(tmp_path, "p", "1/2"),
    ):
        pass


def test_nobody_believes_a_line_that_could_not_be_written(tmp_path: Path) -> None:
    async def two_at_once(journal: Journal) -> list[object]:
        tasks = [journal.done(tile, whole(tile)) for tile in TILES[:2]]
        return await asyncio.gather(*tasks, return_exceptions=True)

    with open_journal(tmp_path, "p") as journal, Path("/dev/full").open("wb") as full:
        journal.close()
        journal._descriptor = full.fileno()
        results = asyncio.run(two_at_once(journal))
        journal._descriptor = -1
    assert [type(result) for result in results] == [Failed, Failed]
    assert not journal.finished


def test_a_line_that_found_no_room_is_the_last_and_not_there(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_journal(tmp_path, "p") as journal:
        write(journal, TILES[:1])
        before = journal.path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
        try:
            with pytest.raises(Failed, match="cannot be written"):
                write(journal, TILES[1:2])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        with pytest.raises(Failed, match="cannot be written"):
            journal.merged(1)
    assert journal.path.read_bytes() == before


@pytest.mark.parametrize(
    ("steps", "digest", "own"),
    [
        ([], "a", True),
        ([], "b", False),
        ([("a", "b"), ("b", "c")], "c", True),
        ([("a", "b"), ("x", "c")], "c", False),
        ([("a", "b"), ("x", "b")], "b", True),
    ],
)
def test_only_what_came_of_the_first_manifest_is_the_plans_own(
    tmp_path: Path, steps: list[tuple[str, str]], digest: str, own: bool
) -> None:
    lineage = Lineage(tmp_path / "p.manifests.jsonl")
    for old, new in steps:
        lineage.add(old, new)
    assert lineage.has("a", digest) is own


def test_a_torn_line_of_the_lineage_loses_only_itself(tmp_path: Path) -> None:
    lineage = Lineage(tmp_path / "p.manifests.jsonl")
    lineage.add("a", "b")
    with lineage.path.open("ab") as file:
        file.write(b'{"old":"b","ne')
    lineage.add("b", "d")
    assert lineage.has("a", "d")


def finish(data: Path, plan: str, shard: str = "", merged: bool = True, days: float = 0) -> None:
    """A plan of which two tiles are done; its files are so many days old."""
    with open_journal(data, plan, shard) as journal:
        write(journal, TILES[:2])
        if merged:
            journal.merged(2)
    Lineage.of(data, plan).add("old", "new")
    then = (data / "journals").stat().st_mtime - days * 86400
    for path in (data / "journals").glob(f"*{plan}.*"):
        os.utime(path, (then, then))


def left(data: Path) -> set[str]:
    return {path.name for path in (data / "journals").iterdir()}


def test_a_finished_plan_is_forgotten_after_its_time(tmp_path: Path) -> None:
    finish(tmp_path, "new", days=89)
    known = left(tmp_path)
    finish(tmp_path, "old", days=91)
    finish(tmp_path, "parts", "1/2", days=91)
    finish(tmp_path, "parts", "2/2", days=91)
    assert forget(tmp_path) == ["old", "parts"]
    assert left(tmp_path) == known
    assert forget(tmp_path / "no journals yet") == []


def test_a_plan_whose_tiles_no_manifest_has_is_kept(tmp_path: Path) -> None:
    finish(tmp_path, "plan", "1/2", days=91)
    finish(tmp_path, "plan", "2/2", merged=False, days=91)
    known = left(tmp_path)
    assert forget(tmp_path) == []
    assert left(tmp_path) == known


def test_a_plan_that_is_open_or_damaged_is_kept(tmp_path: Path) -> None:
    finish(tmp_path, "open", days=91)
    finish(tmp_path, "damaged", days=91)
    (tmp_path / "journals" / "damaged.jsonl").write_text("what is this\n")
    os.utime(tmp_path / "journals" / "damaged.jsonl", (1, 1))
    with open_journal(tmp_path, "open"):
        for path in (tmp_path / "journals").glob("*open.*"):
            os.utime(path, (1, 1))
        assert forget(tmp_path) == []
    assert {"open.jsonl", "damaged.jsonl"} <= left(tmp_path)

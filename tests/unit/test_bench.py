"""What the bench makes of its rows: reached or not, fallen behind or not, and the page."""

from __future__ import annotations

from pathlib import Path

import baseline
import pytest
import report
from baseline import Kept
from harness import Row, table


def row(ratio: float, reach: str = ">= 2", aim: str = "", tiles: int = 1000) -> Row:
    return Row("* load", 2.0, 1.0, ratio, reach, aim, "s; a rival", tiles)


def kept(one: Row) -> Kept:
    return Kept(one, "2026-11-01", "a machine")


@pytest.mark.parametrize(
    ("ratio", "reach", "reached"),
    [
        (2, ">= 2", True),
        (1.9, ">= 2", False),
        (2, "<= 2", True),
        (2.1, "<= 2", False),
        (9, "", True),
    ],
)
def test_a_ratio_reaches_its_bound_or_is_marked(ratio: float, reach: str, reached: bool) -> None:
    one = row(ratio, reach)
    assert one.is_reached is reached
    assert ("! " in table([one])) is not reached


@pytest.mark.parametrize(
    ("reach", "aim", "before", "now", "behind"),
    [
        (">= 2", "", 6, 4.1, False),
        (">= 2", "", 6, 3.9, True),
        ("<= 2", "", 1, 1.4, False),
        ("<= 2", "", 1, 1.6, True),
        ("", "<= 2", 1, 1.6, True),
        ("", "", 6, 1, False),
    ],
)
def test_a_third_less_is_behind(
    reach: str, aim: str, before: float, now: float, behind: bool
) -> None:
    lines, _ = baseline.compare([row(now, reach, aim)], [kept(row(before, reach, aim))])
    assert bool(lines) is behind


def test_only_rows_of_the_same_size_are_held_against_each_other() -> None:
    assert baseline.compare([row(1, tiles=5)], [kept(row(100, tiles=6))]) == ([], 1)


def test_kept_rows_take_the_place_of_those_of_the_same_name_and_size(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    baseline.keep([row(1), row(2, tiles=5)], path)
    baseline.keep([row(3)], path)
    assert [(one.row.tiles, one.row.ratio) for one in baseline.read(path)] == [(5, 2), (1000, 3)]


def test_the_page_shows_the_committed_rows() -> None:
    """`python tests/bench/report.py` brings it into step."""
    page = report.PAGE.read_text()
    assert report.renewed(page, baseline.read()) == page

"""Write the tables and the pictures of docs/performance.md from the committed rows.

python tests/bench/report.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import baseline
from baseline import Kept
from growing import BASE, PER_TILE
from harness import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
PICTURE, GROWTH_PICTURE = DOCS / "performance.svg", DOCS / "growth.svg"

BEGIN, END = "<!-- rows: made by tests/bench/report.py -->", "<!-- end of rows -->"

_GROWTH = "growth: "

_HEAD = ["| | rival | ours | ratio | asked for | aim | |", "|---|--:|--:|--:|---|---|---|"]


def main() -> None:
    """Bring the page and its pictures into step with the committed rows."""
    kept = baseline.read()
    PAGE.write_text(renewed(PAGE.read_text(), kept))
    _draw_ratios(kept)
    _draw_growth([one for one in kept if _is_growth(one)])


def renewed(page: str, kept: Sequence[Kept]) -> str:
    """The page with other tables."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{tables(kept)}\n{END}{after}"


def tables(kept: Sequence[Kept]) -> str:
    """A Markdown table for each size, the rows about growth in one of their own."""
    beside = [one for one in kept if not _is_growth(one)]
    growth = [one for one in kept if _is_growth(one)]
    parts = [
        _table(f"{tiles:,} tiles", list(of_size))
        for tiles, of_size in groupby(beside, lambda one: one.row.tiles)
    ]
    if growth:
        parts.append("".join(_growth(growth)))
    return "\n".join(parts)


def _table(title: str, kept: Sequence[Kept]) -> str:
    lines = [f"### {title}", "", _measured(kept), "", *_HEAD]
    for one in kept:
        row = one.row
        name = row.name.removeprefix("(*) ").removeprefix("* ")
        ratio = f"{row.ratio:.3g}" if row.is_reached else f"**{row.ratio:.3g}**"
        lines.append(
            f"| {name} | {row.rival:.4g} | {row.ours:.4g} | {ratio} | {row.reach} | {row.aim} "
            f"| {row.unit} |"
        )
    return "\n".join(lines) + "\n"


def _growth(kept: Sequence[Kept]) -> Iterator[str]:
    sizes = sorted({one.row.tiles for one in kept})
    names = list(dict.fromkeys(one.row.name for one in kept))
    of = {(one.row.name, one.row.tiles): one.row for one in kept}
    yield f"### Growth\n\n{_measured(kept)}\n\n"
    yield "| | at 400,000 |" + "".join(f" at {size:,} | ratio |" for size in sizes) + " |\n"
    yield "|---|--:|" + "--:|--:|" * len(sizes) + "---|\n"
    for name in names:
        rows = [of.get((name, size)) for size in sizes]
        known = next(row for row in rows if row is not None)
        cells = "".join(
            " | |" if row is None else f" {row.ours:.3g} | {row.ratio:.2f} |" for row in rows
        )
        unit = known.unit.partition(";")[0]
        yield f"| {name.removeprefix(_GROWTH)} | {known.rival:.3g} |{cells} {unit} |\n"


def _measured(kept: Sequence[Kept]) -> str:
    said = dict.fromkeys((one.date, one.machine) for one in kept)
    return "; ".join(f"Measured on {date}: {machine}." for date, machine in said)


def _draw_ratios(kept: Sequence[Kept]) -> None:
    """Each row as a bar: how many times what was asked for."""
    asked = [one for one in kept if one.row.reach and not _is_growth(one)]
    names = [f"{re.sub(r'^[(*) ]+', '', one.row.name)} ({one.row.tiles:,})" for one in asked]
    times = [_times(one) for one in asked]
    with _picture(PICTURE, 9, 0.32 * len(asked) + 1) as figure:
        axes = figure.subplots()
        axes.barh(names, times, color=["#0f766e" if each >= 1 else "#b45309" for each in times])
        axes.axvline(1, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.set_xlabel("times what is asked for (1: just reached)")
        axes.invert_yaxis()


def _draw_growth(kept: Sequence[Kept]) -> None:
    """Each cost by size, beside what it is at the smallest."""
    named: dict[str, list[Row]] = {}
    for one in kept:
        named.setdefault(one.row.name.removeprefix(_GROWTH), []).append(one.row)
    with _picture(GROWTH_PICTURE, 9, 9) as figure:
        for axes, title, each in zip(
            figure.subplots(2, sharex=True),
            ("cost by the tile", "cost of an answer"),
            (True, False),
            strict=True,
        ):
            for name, rows in named.items():
                if (PER_TILE in rows[0].unit) == each:
                    sizes, ratios = [row.tiles for row in rows], [row.ratio for row in rows]
                    axes.plot([BASE, *sizes], [1, *ratios], marker="o", markersize=3, label=name)
            axes.set_xscale("log")
            axes.set_title(f"{title}, beside {BASE:,} tiles", loc="left")
            axes.set_ylim(bottom=0)
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        axes.set_xlabel("tiles")


@contextmanager
def _picture(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure to draw in, saved as SVG: the same file of the same rows."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "tessera"
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["axes.spines.top"] = mpl.rcParams["axes.spines.right"] = False
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(width, height), layout="tight")
    yield figure
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _times(one: Kept) -> float:
    asked = float(one.row.reach.split()[1])
    return one.row.ratio / asked if one.row.more_is_better else asked / one.row.ratio


def _is_growth(one: Kept) -> bool:
    return one.row.name.startswith(_GROWTH)


if __name__ == "__main__":
    main()

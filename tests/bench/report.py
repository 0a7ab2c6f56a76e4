"""Write the tables and the picture of docs/performance.md from the committed rows.

python tests/bench/report.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import baseline
from baseline import Kept

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
PICTURE = DOCS / "performance.svg"

BEGIN, END = "<!-- rows: made by tests/bench/report.py -->", "<!-- end of rows -->"

_GROWTH = "growth: "

_HEAD = ["| | rival | ours | ratio | asked for | aim | |", "|---|--:|--:|--:|---|---|---|"]


def main() -> None:
    """Bring the page and its picture into step with the committed rows."""
    kept = baseline.read()
    PAGE.write_text(renewed(PAGE.read_text(), kept))
    _draw(kept)


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


def _draw(kept: Sequence[Kept]) -> None:
    """Each row as a bar: how many times what was asked for."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "tessera"  # the same file of the same rows
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    asked = [one for one in kept if one.row.reach and not _is_growth(one)]
    names = [f"{re.sub(r'^[(*) ]+', '', one.row.name)} ({one.row.tiles:,})" for one in asked]
    figure, axes = pyplot.subplots(figsize=(9, 0.32 * len(asked) + 1))
    times = [_times(one) for one in asked]
    colours = ["#0f766e" if each >= 1 else "#b45309" for each in times]
    axes.barh(names, times, color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("times what is asked for (1: just reached)")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})
    pyplot.close(figure)


def _times(one: Kept) -> float:
    asked = float(one.row.reach.split()[1])
    return one.row.ratio / asked if one.row.more_is_better else asked / one.row.ratio


def _is_growth(one: Kept) -> bool:
    return one.row.name.startswith(_GROWTH)


if __name__ == "__main__":
    main()

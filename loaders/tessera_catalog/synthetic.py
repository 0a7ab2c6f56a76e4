"""A made-up registry and store manifests of any size, for the demo, the tests and the bench.

    python -m tessera_catalog.synthetic OUTDIR --tiles 60000 --seed 1 --gaps s3:missing=24,stale=3

Tiles lie on land north of 60°S. Each year is a set of regions that grow from their centres until
the year has its share of the tiles; 2024 has the largest share and is near global at 3.8 million.
What a tile looks like (sizes, hashes, times) depends on the seed and the tile alone, so a tile is
the same in a registry of any size, and gaps change the manifests only. Every file says in its
metadata that it is synthetic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tessera_catalog import grid
from tessera_catalog.application import Application
from tessera_catalog.errors import Failed, InputError
from tessera_catalog.manifest import SYNTHETIC_KEY
from tessera_catalog.run import run
from tessera_catalog.stores import Stores, load_stores
from tessera_catalog.synthetic_files import (
    ABSENT,
    GENERATOR,
    INCOMPLETE,
    SAME,
    STALE,
    Mask,
    Plan,
    Written,
    write,
)
from tessera_catalog.synthetic_tiles import Bytes, Ints, choose, remoteness, units_of

DEFAULT_GAPS = {"missing": 0.01, "stale": 0.0005, "extra": 0.0001, "incomplete": 0.0002}
"""Fractions of the tiles for the second store; the third has twice as many, and so on."""


@dataclass(frozen=True)
class Gaps:
    """Numbers of tiles by which a store differs from the registry; no tile counts twice."""

    missing: int = 0
    stale: int = 0
    extra: int = 0
    incomplete: int = 0


def generate(
    out: Path, stores: Stores, *, tiles: int, seed: int = 1, gaps: Mapping[str, Gaps] | None = None
) -> list[Written]:
    """Write `registry.parquet` and a `<store>.parquet` for each store into the directory `out`.

    Stores that `gaps` does not name get the default ones: none for the primary, few for the rest.
    InputError when the land does not hold the tiles, or the tiles do not hold the gaps.
    """
    _check(out, stores, tiles, seed, gaps or {})
    wanted = {name: default_gaps(tiles, i) for i, name in enumerate(stores.names)}
    wanted.update(gaps or {})
    plan = _plan(tiles, seed, wanted)
    try:
        return write(out, plan, stores.dataset.id)
    except OSError as error:
        raise Failed(f"{out}: cannot write the synthetic files: {error}") from error


def default_gaps(tiles: int, position: int) -> Gaps:
    """Gaps of the store at a position of the preference order; the primary, 0, has none."""
    return Gaps(**{kind: round(tiles * part * position) for kind, part in DEFAULT_GAPS.items()})


def _check(out: Path, stores: Stores, tiles: int, seed: int, gaps: Mapping[str, Gaps]) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: not a directory")
    if tiles < 1:
        raise InputError(f"a registry of {tiles} tiles: ask for one at least")
    if not 0 <= seed < 2**32:
        raise InputError(f"seed {seed} must lie between 0 and {2**32 - 1}")
    for name, gap in gaps.items():
        stores.get(name)
        spoiled = gap.missing + gap.stale + gap.incomplete
        if spoiled > tiles:
            raise InputError(f"{spoiled} gaps of {name}: there are only {tiles} tiles")
    if "registry" in stores.names:
        raise InputError("the manifest of a store called 'registry' would replace the registry")


def _plan(tiles: int, seed: int, wanted: Mapping[str, Gaps]) -> Plan:
    registry, frontier = choose(tiles, seed, spare=max(gap.extra for gap in wanted.values()))
    random = {name: np.random.default_rng([seed, i]) for i, name in enumerate(wanted)}
    extra = {}
    for name, gap in wanted.items():
        if gap.extra > len(frontier):
            raise InputError(f"{gap.extra} extra tiles of {name}: the land left holds fewer")
        extra[name] = random[name].choice(frontier, gap.extra, replace=False)
    keys = np.unique(np.concatenate([registry, *extra.values()]))
    listed = np.isin(keys, registry, assume_unique=True)
    states = {}
    for name, gap in wanted.items():
        states[name] = _spoil(keys, listed, gap, random[name])
        states[name][np.searchsorted(keys, extra[name])] = SAME
    made_by = {"generator": GENERATOR, "seed": seed, "tiles": tiles}
    return Plan({SYNTHETIC_KEY: json.dumps(made_by)}, seed, keys, listed, states)


def _spoil(keys: Ints, listed: Mask, gaps: Gaps, random: np.random.Generator) -> Bytes:
    """States of all tiles in a store, before its extra ones.

    Four fifths of the missing tiles lie in eight patches, the rest of the gaps is scattered.
    """
    state = np.where(listed, SAME, ABSENT).astype(np.uint8)
    patch = gaps.missing // 10
    for _ in range(8 if patch else 0):
        good = np.flatnonzero(state == SAME)
        if len(good) == 0:
            break
        years, cells = np.divmod(keys[good], grid.CELLS)
        centre = random.integers(len(good))
        near = good[years == years[centre]]
        far = remoteness(units_of(keys[near] % grid.CELLS), [(units_of(cells[centre]), 1.0)])
        state[near[np.argsort(far, kind="stable")[:patch]]] = ABSENT
    scattered = gaps.missing - int(np.count_nonzero(listed & (state == ABSENT)))
    for count, into in (
        (scattered, ABSENT),
        (gaps.stale, STALE),
        (gaps.incomplete, INCOMPLETE),
    ):
        good = np.flatnonzero(state == SAME)
        state[random.choice(good, count, replace=False)] = into
    return state


def parse_gaps(text: str) -> tuple[str, Gaps]:
    """Read `s3:missing=24,stale=3`; kinds that are not named are 0."""
    store, _, rest = text.partition(":")
    counts: dict[str, int] = {}
    for part in rest.split(","):
        kind, _, number = part.partition("=")
        if kind not in DEFAULT_GAPS or kind in counts or not re.fullmatch("[0-9]{1,9}", number):
            raise InputError(
                f"--gaps '{text}': write STORE:KIND=NUMBER,… "
                f"with each of {', '.join(DEFAULT_GAPS)} once at most"
            )
        counts[kind] = int(number)
    return store, Gaps(**counts)


app = Application()


@app.verb
def main(
    out: Annotated[Path, typer.Argument(metavar="OUTDIR", help="directory to write into")],
    tiles: Annotated[int, typer.Option(help="tiles of the registry")] = 60_000,
    seed: Annotated[int, typer.Option(help="the same seed makes the same files")] = 1,
    gaps: Annotated[
        list[str] | None,
        typer.Option(help="gaps of a store, e.g. s3:missing=24,stale=3; again for others"),
    ] = None,
    stores: Annotated[
        Path | None, typer.Option(help="stores.toml (else $TESSERA_STORES, else the packaged)")
    ] = None,
) -> None:
    """Write a synthetic registry.parquet and a manifest for each store."""
    wanted = dict(parse_gaps(text) for text in gaps or [])
    if len(wanted) < len(gaps or []):
        raise InputError("--gaps names a store twice: give all its gaps at once")
    for file in generate(out, load_stores(stores), tiles=tiles, seed=seed, gaps=wanted):
        typer.echo(f"{file.path}\t{file.rows}")


if __name__ == "__main__":
    run(app, "synthetic")

"""A made-up registry and store manifests of any size, for the demo, the tests and the bench.

    python -m tessera_catalog.synthetic OUTDIR --tiles 60000 --seed 1 --gaps s3:missing=24,stale=3

Tiles lie on land north of 60°S. Each year is a set of regions that grow from their centres until
the year has its share of the tiles; 2024 has the largest share and is near global at 3.8 million.
What a tile looks like (sizes, hashes, times) depends on the seed and the tile alone, so a tile is
the same in a registry of any size, and gaps change the manifests only. Every file says in its
metadata that it is synthetic. Needs the distribution's `synthetic` extra.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from tessera_catalog import grid, store_manifest
from tessera_catalog.columns import TIMESTAMP
from tessera_catalog.errors import Failed, InputError, TesseraError
from tessera_catalog.manifest import SYNTHETIC_KEY
from tessera_catalog.store_manifest import ROWS, About
from tessera_catalog.stores import Stores, load_stores
from tessera_catalog.synthetic_tiles import (
    DAY,
    SHARES,
    Bytes,
    Ints,
    Tiles,
    choose,
    remoteness,
    units_of,
)

REGISTRY = pa.schema(
    [
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("year", pa.int64()),
        ("hash", pa.large_string()),
        ("scales_hash", pa.large_string()),
        ("mtime", pa.float64()),
        ("file_size", pa.int64()),
        ("scales_size", pa.int64()),
    ]
)
"""The registry of 2025; mtime in seconds since 1970."""

DEFAULT_GAPS = {"missing": 0.01, "stale": 0.0005, "extra": 0.0001, "incomplete": 0.0002}
"""Fractions of the tiles for the second store; the third has twice as many, and so on."""

SEEN_AT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
"""When the primary was scanned, the others an hour later each: the files do not change by day."""

GENERATOR = "tessera_catalog.synthetic"

ABSENT, SAME, STALE, INCOMPLETE = range(4)
"""State of a tile in a store."""

_CHUNK_ROWS = 131_072

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gaps:
    """Numbers of tiles by which a store differs from the registry; no tile counts twice."""

    missing: int = 0
    stale: int = 0
    extra: int = 0
    incomplete: int = 0


@dataclass(frozen=True)
class Written:
    """A finished file."""

    path: Path
    rows: int


@dataclass(frozen=True)
class _Plan:
    """All tiles of the registry and the stores, ascending keys, and who has them how."""

    label: dict[str, str]
    seed: int
    keys: Ints
    listed: Mask
    states: dict[str, Bytes]


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
        return _write(out, plan, stores.dataset.id)
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


def _plan(tiles: int, seed: int, wanted: Mapping[str, Gaps]) -> _Plan:
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
    return _Plan({SYNTHETIC_KEY: json.dumps(made_by)}, seed, keys, listed, states)


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


def _write(out: Path, plan: _Plan, dataset: str) -> list[Written]:
    """Write all files; they appear in `out` when all are whole."""
    written = []
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".synthetic-") as directory:
        path = Path(directory) / "registry.parquet"
        schema = REGISTRY.with_metadata(plan.label)
        with pq.ParquetWriter(
            path, schema, compression="zstd", use_dictionary=["year", "lon", "lat"]
        ) as writer:
            for start in range(0, len(plan.keys), _CHUNK_ROWS):
                part = slice(start, start + _CHUNK_ROWS)
                table = _registry_rows(Tiles(plan.keys[part][plan.listed[part]], plan.seed))
                writer.write_table(table.cast(schema))
        written.append(Written(path, int(np.count_nonzero(plan.listed))))
        for position, (name, states) in enumerate(plan.states.items()):
            path = Path(directory) / f"{name}.parquet"
            about = About(name, dataset, _seen(position), f"made up, seed {plan.seed}", GENERATOR)
            store_manifest.write(path, about, _years(plan, states, position), plan.label)
            written.append(Written(path, int(np.count_nonzero(states))))
        return [Written(file.path.replace(out / file.path.name), file.rows) for file in written]


def _years(plan: _Plan, states: Bytes, position: int) -> Iterator[pa.Table]:
    """Rows of a store, a table of store_manifest.ROWS for each year."""
    for year in SHARES:
        part = slice(*np.searchsorted(plan.keys, [year * grid.CELLS, (year + 1) * grid.CELLS]))
        here = states[part] != ABSENT
        yield _store_rows(Tiles(plan.keys[part][here], plan.seed), states[part][here], position)


def _seen(position: int) -> dt.datetime:
    return SEEN_AT + position * dt.timedelta(hours=1)


def _registry_rows(tiles: Tiles) -> pa.Table:
    lon_i, lat_i = tiles.centres
    file_size, scales_size = tiles.sizes()
    columns = {
        "lat": lat_i / 100,
        "lon": lon_i / 100,
        "year": tiles.years,
        "hash": _hex(tiles.digests("embeddings")),
        "scales_hash": _hex(tiles.digests("scales")),
        "mtime": tiles.mtimes / 1e6,
        "file_size": file_size,
        "scales_size": scales_size,
    }
    return pa.table(columns, schema=REGISTRY)


def _store_rows(tiles: Tiles, state: Bytes, position: int) -> pa.Table:
    """Rows of the store at a position; a copy is made up to ten days after its original."""
    lon_i, lat_i = tiles.centres
    stale, incomplete = state == STALE, state == INCOMPLETE
    # All stale copies have other hashes, about half of them another size as well.
    embeddings_size, scales_size = tiles.sizes(fewer_rows=stale * (tiles.keys % 2))
    seen = int(_seen(position).timestamp()) * 1_000_000
    noise = (tiles.noise(f"store {position}") >> 8).astype(np.int64)
    copied = tiles.mtimes + (noise % (10 * DAY) if position else 0)
    verified = seen - DAY - noise % (120 * DAY)
    unverified = (noise % 2 == 0) | incomplete | (verified < copied)
    columns = {
        "year": tiles.years.astype(np.int16),
        "lon_i": lon_i.astype(np.int16),
        "lat_i": lat_i.astype(np.int16),
        "embeddings_size": embeddings_size,
        "scales_size": np.where(incomplete, 0, scales_size),
        "embeddings_sha256": _binary(_other_where(stale, tiles, "embeddings")),
        "scales_sha256": _binary(_other_where(stale, tiles, "scales"), null=incomplete),
        "embeddings_mtime": _times(copied),
        "scales_mtime": _times(copied, null=incomplete),
        "seen_at": _times(np.full(len(state), seen)),
        "verified_at": _times(verified, null=unverified),
    }
    return pa.table(columns, schema=ROWS)


def _other_where(stale: Mask, tiles: Tiles, kind: str) -> Bytes:
    """Digests of the tiles, of an older version where stale."""
    digests = tiles.digests(kind).copy()
    digests[stale] = Tiles(tiles.keys[stale], tiles.seed).digests(f"old {kind}")
    return digests


def _hex(digests: Bytes) -> pa.Array:
    """Digests as 64 hexadecimal digits each."""
    text = digests.tobytes().hex().encode()
    offsets = np.arange(len(digests) + 1, dtype=np.int64) * 64
    return pa.LargeStringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(text))


def _binary(digests: Bytes, null: Mask | None = None) -> pa.Array:
    known = None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
    buffers = [known, pa.py_buffer(digests.tobytes())]
    return pa.Array.from_buffers(pa.binary(32), len(digests), buffers)


def _times(micros: Ints, null: Mask | None = None) -> pa.Array:
    return pa.array(micros, mask=null).cast(TIMESTAMP)


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


def main(
    out: Annotated[Path, typer.Argument(metavar="OUTDIR", help="Directory to write into.")],
    tiles: Annotated[int, typer.Option(help="Tiles of the registry.")] = 60_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files.")] = 1,
    gaps: Annotated[
        list[str] | None,
        typer.Option(help="Gaps of a store, e.g. s3:missing=24,stale=3; again for others."),
    ] = None,
    stores: Annotated[
        Path | None, typer.Option(help="Stores' configuration, TESSERA_STORES by default.")
    ] = None,
) -> None:
    """Write a synthetic registry.parquet and a manifest for each store."""
    wanted = dict(parse_gaps(text) for text in gaps or [])
    if len(wanted) < len(gaps or []):
        raise InputError("--gaps names a store twice: give all its gaps at once")
    for file in generate(out, load_stores(stores), tiles=tiles, seed=seed, gaps=wanted):
        typer.echo(f"{file.path}\t{file.rows}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except TesseraError as error:
        typer.echo(f"synthetic: {error}", err=True)
        sys.exit(error.exit_code)

"""Whatever comes from outside is read, or refused in one line; never is it a bug of ours."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import examples
from hypothesis import given
from hypothesis import strategies as st

from tessera_api import rates as api_rates
from tessera_catalog.box import parse_box
from tessera_catalog.errors import InputError
from tessera_catalog.manifest import MANIFEST
from tessera_catalog.manifest_header import KEY
from tessera_catalog.store_manifest import Manifest
from tessera_catalog.stores import load_stores
from tessera_sync.adoption import adopt
from tessera_sync.attempts import limiter
from tessera_sync.journal import FORMAT, Journal
from tessera_sync.journal_lines import Entry, line_now, line_of
from tessera_sync.layout import Tile
from tessera_sync.lineage import Lineage
from tessera_sync.merge import rows_of
from tessera_sync.plan_file import PLAN, read_plan
from tessera_sync.rates import read_rates
from tessera_sync.scan import look_at_listings
from tessera_sync.selection import parse_shard, region_cells
from tessera_sync.texts import age, duration, parse_age
from tessera_sync.tiles import Placed, Whole
from tessera_sync.told import read_told

MADE = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)

HOSTILE = [
    "", "\n", "\r", "\0", "\x1b[2J", "\x7f", "\u2028", "\u202e", "\ud800", "\ufeff", "é", "😀", "٣",
    "'", '"', '"""', "\\", "#", "{", "}", "},{", "[" * 3000, '{"a":' * 3000, "null", "true",
    "0", "-1", "-0.0", "1e999", "1e-320", "nan", "inf", "9" * 20, "9" * 5000, "0000", "9999",
]  # fmt: skip
"""Pieces that parsers have stumbled over."""


def damaged(good: str) -> st.SearchStrategy[str]:
    """The text, a few pieces of which are replaced by others of it or by hostile ones."""
    pieces = re.findall(r"\w+|\s|.", good)
    other = st.sampled_from([*pieces, *HOSTILE]) | st.text(max_size=6)
    places = st.dictionaries(st.integers(0, len(pieces) - 1), other, max_size=4)
    return st.one_of(
        places.map(lambda found: "".join(found.get(i, piece) for i, piece in enumerate(pieces))),
        st.lists(other, max_size=12).map("".join),
    )


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([10**30, 10**400, -1, 0, 181, 1e300, 5e-324, math.inf, math.nan]),
        st.floats(),
        st.text(max_size=6),
        st.sampled_from(HOSTILE[:20]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)  # fmt: skip


def altered(good: Any) -> st.SearchStrategy[Any]:
    """The JSON value with parts of it left out, repeated, or of another kind."""
    kept = st.just(good)
    if isinstance(good, dict):
        parts = {key: altered(value) for key, value in good.items()}
        kept = st.fixed_dictionaries({}, optional=parts) | st.fixed_dictionaries(parts)
    elif isinstance(good, list) and good:
        kept = st.lists(st.one_of(*map(altered, good)), max_size=5) | kept
    elif isinstance(good, float):
        kept |= st.floats(good - 0.3, good + 0.3)
    return st.one_of(kept, kept, kept, kept, values)


def contents(text: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Files of such a text, sometimes in a code of their own, compressed, or of anything."""
    plain = text.map(lambda found: found.encode(errors="surrogatepass"))
    return st.one_of(
        plain, plain, plain, text.map(lambda found: found.encode("utf-16", "surrogatepass")),
        plain.map(gzip.compress), plain.map(lambda found: gzip.compress(found)[:-9]),
        st.binary(max_size=40),
    )  # fmt: skip


def document(good: Any) -> st.SearchStrategy[bytes]:
    """Files of JSON like that value."""
    return contents(st.one_of(altered(good).map(json.dumps), damaged(json.dumps(good))))


def deep(begin: str, end: str, levels: int) -> bytes:
    """JSON that is nested so often."""
    return (begin * levels + "1" + end * levels).encode()


@dataclass(frozen=True)
class Parser:
    """A parser of ours, given a directory of its own."""

    parse: Callable[[Path, Any], object]
    inputs: st.SearchStrategy[Any]
    good: Any
    refusal: type[Exception] = InputError


def of_file(name: str, parse: Callable[[Path], object]) -> Callable[[Path, bytes], object]:
    """A parser of the content of a file of that name."""

    def write_and_parse(folder: Path, content: bytes) -> object:
        (folder / name).write_bytes(content)
        return parse(folder / name)

    return write_and_parse


def box(_: Path, text: str) -> None:
    west, south, east, north = parse_box(text)
    assert max(abs(west), abs(east)) <= 180
    assert -90 <= south < north <= 90


def shard(_: Path, text: str) -> None:
    part, parts = parse_shard(text)
    assert 1 <= part <= parts


def rate(_: Path, text: str) -> None:
    assert 1 <= limiter(text).max_rate < math.inf


def api_rate(_: Path, text: str) -> None:
    assert all(rate.amount > 0 and rate.get_expiry() > 0 for rate in api_rates.rates(text))


def rates(path: Path) -> None:
    for found in read_rates(path.parent).values():
        duration(10**15 / found)


def old_stores(folder: Path, text: str) -> None:
    adopt(folder, text, folder, "v1", replace=True)


def listing(path: Path) -> None:
    """All that `scan` does with it but writing the manifest."""
    seen = look_at_listings(load_stores().primary, [str(path)], None, lambda _: None)
    assert 0 <= seen.unparsed <= seen.lines
    tiles = seen.tally.tiles(seen.roots)
    for year in tiles.years:
        tiles.rows(year, seen.made).validate(full=True)


TILE = "2024/grid_0.85_49.95/grid_0.85_49.95"
LINES = [
    f"1085 {TILE}.npy",
    f"33 1775770495.1234567890 /data/{TILE}_scales.npy",
    f"2026/04/09 21:34:55  108527232  {TILE}.npy",
    f"2026-04-09 21:34:55  108527232 v1/{TILE}.npy",
    f"{TILE}_scales.npy;33;2026-04-09 21:34:55",
    f"2026-04-09T21:34:55+01:00\t33\t{TILE}_scales.npy",
    f'{{"key": "s3://b/{TILE}.npy", "size": 9, "last_modified": "2026-04-09T21:34:55Z"}}',
    f'[{{"Path":"{TILE}.npy","Size":9,"ModTime":"2026-04-09T21:34:55+02:00","IsDir":false}},',
    '{"Path":"2024","Size":-1,"IsDir":true}]',
]
lines = st.lists(
    st.one_of(st.sampled_from(LINES), st.sampled_from(LINES).flatmap(damaged)), max_size=5
).map("\n".join)

INVENTORY = {
    "sourceBucket": "bucket",
    "version": "2016-11-30",
    "fileFormat": "CSV",
    "fileSchema": "Bucket, Key, Size, LastModifiedDate, IsLatest, IsDeleteMarker",
    "files": [{"key": "bucket/daily/data/part.csv", "size": 5, "MD5checksum": ""}],
}
ROW = f'"bucket","{TILE}.npy","1085","2026-04-09T21:34:55.000Z","true","false"\n'


def inventory(folder: Path, files: tuple[bytes, str | pa.Table]) -> None:
    """A listing by its manifest.json, with one file of the format that the second is of."""
    manifest, part = files
    if isinstance(part, pa.Table):
        pq.write_table(part, folder / "part.parquet")
    else:
        (folder / "part.csv").write_text(part, errors="surrogatepass")
    of_file("manifest.json", listing)(folder, manifest)


COLUMNS = {
    "key": [pa.array([f"{TILE}.npy", None]), pa.array([b"\xff", b"a/b"]), pa.array([1, 2])],
    "size": [pa.array([9, None]), pa.array(["7", ""]), pa.array([-7, 2**62]), pa.array([1.5, 2])],
    "last_modified_date": [
        pa.array([10**18, -(10**18)], pa.timestamp("ns", "UTC")),
        pa.array(["2026-04-09T21:34:55Z", "0000-01-01 00:00:00"]),
        pa.array([1, 2]),
        pa.nulls(2),
    ],
    "is_latest": [pa.array([True, None]), pa.array(["true", "x"]), pa.array([1, 0])],
}
tables = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(kinds) for name, kinds in COLUMNS.items()}
).map(pa.table)
in_parquet = INVENTORY | {"fileFormat": "Parquet", "files": [{"key": "part.parquet"}]}

CONFIGURATION = """\
[dataset]
id = "v1"
[notify]
command = ["mail", "a"]
webhook = "https://chat.example.org/hooks/a"
[[stores]]
name = "okavango"
title = "Okavango (Cambridge)"
url = "https://dl2.geotessera.org:443/{dataset}"
root = "file:///data/a b"
[[stores]]
name = "s3"
url = "http://[::1]:9000/a"
root = "s3://bucket/prefix"
endpoint = "http://127.0.0.1:8333"
region = "us-west-2"
anonymous = true
egress_usd_per_gb = 0.09
layout = "{year}/{tile}"
"""

REGION = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": None,
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[0.0, 50.0], [0.4, 50.0], [0.4, 50.4], [0.0, 50.4], [0.0, 50.0]],
                    [[0.1, 50.1], [0.2, 50.1], [0.2, 50.2], [0.1, 50.1]],
                ],
            },
        },
        {
            "type": "Feature",
            "geometry": {
                "type": "GeometryCollection",
                "geometries": [
                    {"type": "Point", "coordinates": [0.05, 50.05]},
                    {"type": "LineString", "coordinates": [[0.0, 50.0], [0.3, 50.2]]},
                ],
            },
        },
    ],
}

TOLD = {
    "dataset": "v1",
    "told": [{"store": "s3", "year": 2024, "kind": "missing", "tiles": 9},
             {"store": "s3", "year": None, "kind": "no manifest", "tiles": 0}],
}  # fmt: skip

PLACES = [Tile(2024, 85, 4995), Tile(2024, 95, 4995)]
JOURNAL = [
    line_now(journal=FORMAT, plan="p", shard=""),
    line_now(looked=MADE.isoformat()),
    line_of(Entry(MADE, PLACES[0], None)),
    line_now(merged=1),
    line_of(Entry(MADE, PLACES[1], Whole(PLACES[1], Placed(9, bytes(32), MADE),
                                         Placed(1, bytes(range(32)), None)))),
]  # fmt: skip
journals = st.one_of(
    damaged("".join(JOURNAL)),
    st.tuples(*(altered(json.loads(line)) for line in JOURNAL)).map(
        lambda records: "".join(f"{json.dumps(record)}\n" for record in records)
    ),
)


def journal(path: Path) -> None:
    """All that is made of its lines."""
    found = Journal(path)
    found.read("p", "")
    rows_of(found.unmerged).validate(full=True)
    sorted([MADE, *(entry.at for entry in found.unmerged)])  # merge compares the times


def words_of_a_manifest(folder: Path, words: bytes) -> None:
    """All that the tools ask of what a manifest says of itself."""
    write_words(folder / "s3.parquet", MANIFEST, KEY, words)
    manifest = Manifest(folder / "s3.parquet")
    assert age(manifest.about.made, MADE)
    for year in manifest.years:
        assert manifest.knows(year, "scales_size") in (True, False)
        assert len(manifest.year_digest(year)) + len(manifest.digest) == 128


def write_words(path: Path, schema: pa.Schema, key: bytes, words: bytes) -> None:
    """A file of ours of one row, and what it says of itself."""
    row = {"year": 2024, "lon_i": 5, "lat_i": 5, "lon": 0.05, "lat": 0.05,
           "action": "copy", "reason": "missing"}  # fmt: skip
    columns = [pa.array([row.get(field.name)], field.type) for field in schema]
    pq.write_table(pa.table(columns, schema.with_metadata({key: words})), path)


def words_of_a_plan(folder: Path, words: bytes) -> None:
    write_words(folder / "plan.parquet", PLAN, b"tessera_plan", words)
    read_plan(folder / "plan.parquet")


WORDS = {
    "format": 1,
    "store": "s3",
    "dataset": "v1",
    "made": MADE.isoformat(),
    "groups": [2024],
    "years": {"2024": "ab" * 32},
    "unknown": {"2024": ["scales_size", "hash"]},
    "digest": "cd" * 32,
}
HEADER = {
    "format": 1,
    **dict.fromkeys(["source", "target", "dataset", "tool", "shard", "order"], "a"),
    **dict.fromkeys(["source_digest", "target_digest"], "ab" * 32),
    "created": MADE.isoformat(),
    "bytes": 10,
    "files": 2,
}

OLD_STORES = "okavango=https://a.example.org/v1;Big-Store=http://b.example.org/x"


def text(parse: Callable[[Path, str], object], *good: str) -> Parser:
    """A parser of an option's or a variable's text."""
    return Parser(parse, st.one_of(*map(damaged, good), st.text()), good[0])


def file(name: str, parse: Callable[[Path], object], good: Any) -> Parser:
    """A parser of a file of JSON."""
    return Parser(of_file(name, parse), document(good), json.dumps(good).encode())


PARSERS = {
    "--bbox": text(box, "-9.5,49,2,61", "170,-90,-170,90"),
    "--shard": text(shard, "3/8"),
    "--limit-rate": text(rate, "1.5G", "500k", "20000000"),
    "--max-age": text(lambda _, found: parse_age("--max-age", found), "36h", "90min", "1w"),
    "TESSERA_RATE": replace(text(api_rate, "600/minute", "20/second;600 per 2 hour"),
                            refusal=ValueError),
    "STORES": text(old_stores, OLD_STORES),
    "stores.toml": Parser(of_file("stores.toml", load_stores), contents(damaged(CONFIGURATION)),
                          CONFIGURATION.encode()),
    "--region": file("a.geojson", region_cells, REGION),
    "told.json": file("told.json", lambda path: read_told(path.parent, "v1"), TOLD),
    "rates.json": file("rates.json", rates, {"okavango→s3": 12345678.9, "s3→okavango": 1}),
    "listing": Parser(of_file("listing", listing), contents(lines), "\n".join(LINES[:1]).encode()),
    "inventory": Parser(inventory, st.tuples(document(INVENTORY), damaged(ROW * 2)),
                        (json.dumps(INVENTORY).encode(), ROW)),
    "inventory in parquet": Parser(inventory, st.tuples(document(in_parquet), tables),
                                   (json.dumps(in_parquet).encode(),
                                    pa.table({"key": [f"{TILE}.npy"], "size": [5]}))),
    "journal": Parser(of_file("p.jsonl", journal), contents(journals), "".join(JOURNAL).encode()),
    "lineage": Parser(of_file("p.manifests.jsonl", lambda path: Lineage(path).has("a", "b")),
                      document({"old": "a", "new": "b"}), b'{"old":"a","new":"b"}'),
    "words of a manifest": Parser(words_of_a_manifest, document(WORDS), json.dumps(WORDS).encode()),
    "words of a plan": Parser(words_of_a_plan, document(HEADER), json.dumps(HEADER).encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", PARSERS)
class TestWhatComesFromOutside:
    @examples(200)
    @given(data=st.data())
    def test_is_read_or_refused_in_a_line(
        self, name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        lines_said = said(name, tmp_path_factory, data.draw(PARSERS[name].inputs))
        assert len(lines_said) <= 1

    def test_is_read_when_nothing_is_wrong(
        self, name: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        assert said(name, tmp_path_factory, PARSERS[name].good) == []


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("--bbox", "0,1\n2,3"),
        ("--shard", f"{'1' * 5000}/{'1' * 5000}"),
        ("TESSERA_RATE", "0\r\n"),
        ("stores.toml", b"[[stores]]\negress_usd_per_gb = " + b"9" * 5000),
        ("stores.toml", b"a = " + b"[" * 3000),
        ("--region", b'"\xff'),
        ("--region", deep('{"type":"GeometryCollection","geometries":[', "]}", 100_000)),
        ("listing", b'{"key": "", "key": ""} {'),
        ("listing", b"[null]"),
        ("listing", b"{" + b'"a":{' * 5000),
        ("inventory", (deep('{"a":', "}", 5000), ROW)),
        ("journal", deep('{"a":', "}", 5000) + b"\n"),
        ("words of a plan", deep('{"a":', "}", 5000)),
        ("words of a manifest", deep('{"a":', "}", 5000)),
        ("words of a manifest", b'{"digest": []}'),
        ("words of a manifest", b'{"years": {"2024": null}}'),
        ("words of a manifest", b'{"years": {"2024": ""}}'),
        ("words of a manifest", b'{"unknown": {"2024": 5}}'),
        ("words of a manifest", b'{"groups": [1e300]}'),
        ("words of a manifest", b'{"groups": [40000]}'),
        ("words of a manifest", b'{"made": "0001-01-01T00:00:00+14:00"}'),
    ],
)
def test_what_was_found_once_is_refused(
    name: str, given: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert len(said(name, tmp_path_factory, given)) == 1


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("rates.json", deep('{"a":', "}", 5000)),
        ("rates.json", b'{"a": 1' + b"0" * 400 + b"}"),
        ("rates.json", b'{"a": NaN, "b": 1e-320, "c": -1}'),
        ("words of a manifest", b'{"made": "2026-11-22T00:00:00"}'),
        ("listing", f"0000-01-01 00:00:00 9 {TILE}.npy\n9999-12-31 23:59:59 9 {TILE}.npy".encode()),
        ("listing", LINES[6].replace("s3:", "s\x80:").encode("latin-1")),
        ("lineage", b"5\n{}\n" + deep('{"a":', "}", 5000)),
    ],
)
def test_what_was_found_once_is_read(
    name: str, given: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert said(name, tmp_path_factory, given) == []


def said(name: str, directories: pytest.TempPathFactory, given: Any) -> list[str]:
    """The lines of the parser's refusal, none when it reads what is given."""
    folder = directories.getbasetemp() / "outside" / str(list(PARSERS).index(name))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        PARSERS[name].parse(folder, given)
    except PARSERS[name].refusal as error:
        return str(error).splitlines() or ["nothing"] * 2
    return []

"""Reading registries and manifests: all schemas and types, and why rows or files are refused."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera_catalog.columns import TIMESTAMP
from tessera_catalog.errors import InputError
from tessera_catalog.manifest import MANIFEST, TILES
from tessera_catalog.normal_form import REASONS, Batch
from tessera_catalog.registry import Registry, open_registry

HASH, SCALES_HASH = "0123456789abcdef" * 4, "fedcba9876543210" * 4
SECONDS = 1_700_000_000
TIME = dt.datetime.fromtimestamp(SECONDS, dt.UTC)

Columns = dict[str, Any]


def keys(rows: int = 3) -> Columns:
    """Columns of tiles side by side, from 0.85°E 49.95°N eastwards."""
    return {
        "lat": [49.95] * rows,
        "lon": [0.85 + 0.1 * i for i in range(rows)],
        "year": [2024] * rows,
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(columns: Columns, metadata: dict[str, str] | None = None, **how: Any) -> Path:
        path = tmp_path / "registry.parquet"
        pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, **how)
        return path

    return write


def read(path: Path, dataset: str | None = None) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """The tiles of a file, and the reasons of its rejected rows by their number."""
    batches = list(open_registry(path).batches(dataset))
    assert all(batch.tiles.schema == TILES for batch in batches)
    tiles = [tile for batch in batches for tile in batch.tiles.to_pylist()]
    rejected = [row for batch in batches for row in batch.rejected.to_pylist()]
    return tiles, {row["row"]: row["reason"] for row in rejected}


# --- the schemas -----------------------------------------------------------------------------


def test_registry_of_2025(write: Callable[..., Path]) -> None:
    path = write(
        {
            "lat": [-0.05],
            "lon": [-179.95],
            "year": [2017],
            "hash": pa.array([HASH], pa.large_string()),
            "scales_hash": pa.array([SCALES_HASH.upper()], pa.large_string()),
            "mtime": [SECONDS + 0.25],
            "file_size": [158_000_128],
            "scales_size": [4_937_628],
            "lon_i": [-17995],
            "lat_i": [-5],
            "geometry": [b"a point"],
        },
        {"made by": "tëst"},
    )
    tiles, rejected = read(path)
    assert rejected == {}
    assert tiles == [
        {
            "year": 2017,
            "lon_i": -17995,
            "lat_i": -5,
            "embeddings_size": 158_000_128,
            "scales_size": 4_937_628,
            "embeddings_sha256": bytes.fromhex(HASH),
            "scales_sha256": bytes.fromhex(SCALES_HASH),
            "embeddings_mtime": TIME + dt.timedelta(milliseconds=250),
            "scales_mtime": None,
        }
    ]
    assert open_registry(path).metadata == {"made by": "tëst"}
    assert open_registry(path).datasets() == {None: 1}


def test_manifest_of_2026(write: Callable[..., Path]) -> None:
    path = write(
        {
            "year": [2024],
            "lon": [0.85],
            "lat": [49.95],
            "grid_size": [5],
            "scales_size": [0],
            "grid_mtime": [SECONDS],
            "scales_mtime": [SECONDS + 1],
            "version": ["v1.1"],
            "variant": ["cam"],
            "path": ["2024/grid_0.85_49.95"],
        }
    )
    tiles, rejected = read(path)
    assert rejected == {}
    assert tiles == [
        {
            "year": 2024,
            "lon_i": 85,
            "lat_i": 4995,
            "embeddings_size": 5,
            "scales_size": 0,
            "embeddings_sha256": None,
            "scales_sha256": None,
            "embeddings_mtime": TIME,
            "scales_mtime": TIME + dt.timedelta(seconds=1),
        }
    ]
    assert open_registry(path).datasets() == {"v1.1-cam": 1}


def test_manifest_of_the_first_server(write: Callable[..., Path]) -> None:
    columns = keys(1) | {"file_size": [5], "scales_size": [6], "hash": [HASH]}
    tiles, rejected = read(write(columns))
    assert rejected == {}
    assert tiles[0]["embeddings_size"] == 5
    assert tiles[0]["scales_size"] == 6
    assert tiles[0]["embeddings_sha256"] == bytes.fromhex(HASH)


def test_manifest_of_ours(tmp_path: Path) -> None:
    row = {
        "year": 2024,
        "lon_i": 85,
        "lat_i": 4995,
        "lon": 0.85,
        "lat": 49.95,
        "file_size": 5,
        "scales_size": None,
        "hash": bytes.fromhex(HASH),
        "scales_hash": None,
        "mtime": TIME,
        "scales_mtime": None,
        "seen_at": TIME,
        "verified_at": None,
    }
    path = tmp_path / "s3.parquet"
    pq.write_table(pa.Table.from_pylist([row], schema=MANIFEST), path)
    tiles, rejected = read(path)
    assert rejected == {}
    assert (tiles[0]["lon_i"], tiles[0]["embeddings_size"], tiles[0]["scales_size"]) == (
        85,
        5,
        None,
    )
    assert tiles[0]["embeddings_sha256"] == bytes.fromhex(HASH)
    assert tiles[0]["embeddings_mtime"] == TIME


def test_keys_alone_are_enough_and_all_else_is_unknown(write: Callable[..., Path]) -> None:
    tiles, rejected = read(write(keys(2)))
    assert rejected == {}
    assert [tile["lon_i"] for tile in tiles] == [85, 95]
    known = {name for tile in tiles for name, value in tile.items() if value is not None}
    assert known == {"year", "lon_i", "lat_i"}


def test_a_file_of_no_rows_is_an_empty_registry(write: Callable[..., Path]) -> None:
    columns = {"lat": pa.array([], pa.float64()), "lon": pa.array([], pa.float64())}
    path = write(columns | {"year": pa.array([], pa.int64())})
    assert open_registry(path).rows == 0
    assert read(path) == ([], {})


# --- types -----------------------------------------------------------------------------------

TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
BYTES = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(64)]
DICTIONARIES = [pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.large_string())]


@pytest.mark.parametrize("kind", [*TEXTS, *BYTES, *DICTIONARIES], ids=str)
def test_hashes_of_every_text_type(write: Callable[..., Path], kind: pa.DataType) -> None:
    if pa.types.is_dictionary(kind):
        hashes = pa.array([HASH, None, SCALES_HASH]).cast(kind)
    else:
        encode = str.encode if kind in BYTES else str
        hashes = pa.array([encode(HASH), None, encode(SCALES_HASH)], kind)
    # The last row is refused, and must come through in this type as well.
    path = write(keys() | {"lat": [49.95, 49.95, 50.0], "hash": hashes})
    tiles, rejected = read(path)
    assert [tile["embeddings_sha256"] for tile in tiles] == [bytes.fromhex(HASH), None]
    assert rejected == {2: "off-grid"}


def test_hashes_as_bytes(write: Callable[..., Path]) -> None:
    digests = [bytes.fromhex(HASH), None, bytes.fromhex(SCALES_HASH)]
    tiles, rejected = read(write(keys() | {"hash": pa.array(digests, pa.binary(32))}))
    assert rejected == {}
    assert [tile["embeddings_sha256"] for tile in tiles] == digests


@pytest.mark.parametrize("kind", [*TEXTS, *BYTES[:-1], *DICTIONARIES], ids=str)
def test_datasets_of_every_text_type(write: Callable[..., Path], kind: pa.DataType) -> None:
    versions = pa.array(["v1", "v2", None]).cast(kind if kind not in BYTES else pa.binary())
    path = write(keys() | {"version": versions.cast(kind)})
    assert open_registry(path).datasets() == {"v1": 1, "v2": 1, None: 1}
    assert [tile["lon_i"] for tile in read(path, "v2")[0]] == [95]
    # Of which dataset the third is nobody knows: it is told of, whichever one is asked for.
    assert read(path, "v1")[1] == read(path, "v2")[1] == {2: "no dataset"}
    assert len(read(path)[0]) == 3


@pytest.mark.parametrize(
    "kind",
    [pa.int16(), pa.int32(), pa.int64(), pa.uint16(), pa.uint64()],
    ids=str,
)
def test_years_of_every_integer_type(write: Callable[..., Path], kind: pa.DataType) -> None:
    tiles, rejected = read(write(keys() | {"year": pa.array([2017, None, 2025], kind)}))
    assert [tile["year"] for tile in tiles] == [2017, 2025]
    assert rejected == {1: "null key"}


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()], ids=str)
def test_coordinates_of_either_precision(write: Callable[..., Path], kind: pa.DataType) -> None:
    lon = pa.array([-179.95, -0.05, 0.8500000001]).cast(kind)
    tiles, rejected = read(write(keys() | {"lon": lon}))
    assert rejected == {}
    assert [tile["lon_i"] for tile in tiles] == [-17995, -5, 85]


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.uint64(), pa.float64()], ids=str)
def test_sizes_of_every_number_type(write: Callable[..., Path], kind: pa.DataType) -> None:
    tiles, rejected = read(write(keys() | {"file_size": pa.array([158_000_128, None, 0], kind)}))
    assert rejected == {}
    assert [tile["embeddings_size"] for tile in tiles] == [158_000_128, None, 0]


MICROSECOND = dt.timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(pa.array([SECONDS]), TIME, id="seconds"),
        pytest.param(pa.array([SECONDS + 0.5]), TIME + 500_000 * MICROSECOND, id="fractions"),
        pytest.param(pa.array([SECONDS * 1000 + 1]), TIME + 1000 * MICROSECOND, id="ms"),
        pytest.param(pa.array([SECONDS * 10**6 + 1]), TIME + MICROSECOND, id="us"),
        pytest.param(pa.array([SECONDS * 10**9]), TIME, id="ns"),
        pytest.param(pa.array([TIME], pa.timestamp("s")), TIME, id="naive timestamp[s]"),
        pytest.param(pa.array([TIME], pa.timestamp("ns")), TIME, id="naive timestamp[ns]"),
        pytest.param(pa.array([TIME], pa.timestamp("ms", "UTC")), TIME, id="timestamp[ms, UTC]"),
        pytest.param(pa.array([TIME], pa.timestamp("us", "Asia/Tokyo")), TIME, id="zone"),
        pytest.param(pa.array([None], pa.float64()), None, id="null"),
        pytest.param(pa.array([None]), None, id="no type"),
        pytest.param(pa.array([None], TIMESTAMP), None, id="null timestamp"),
        pytest.param(pa.array([0]), None, id="zero"),
        pytest.param(pa.array([-1]), None, id="before 1970"),
        pytest.param(pa.array([5e9]), None, id="after 2100"),
        pytest.param(pa.array([float("nan")]), None, id="nan"),
        pytest.param(pa.array([float("inf")]), None, id="inf"),
    ],
)
def test_modification_times(
    write: Callable[..., Path], values: pa.Array, expected: dt.datetime | None
) -> None:
    tiles, rejected = read(write(keys(1) | {"mtime": values, "scales_mtime": values}))
    assert rejected == {}
    assert (tiles[0]["embeddings_mtime"], tiles[0]["scales_mtime"]) == (expected, expected)


@given(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2099, 1, 1), timezones=st.just(dt.UTC)))
def test_timestamps_are_kept_to_the_microsecond(time: dt.datetime) -> None:
    # A manifest read and written again must not differ from itself.
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(keys(1) | {"mtime": pa.array([time], TIMESTAMP)}), buffer)
    file = pq.ParquetFile(buffer.getvalue())
    columns = {name: name for name in ("lat", "lon", "year")} | {"embeddings_mtime": "mtime"}
    registry = Registry(Path("memory"), file, columns, 1, {})
    (batch,) = registry.batches()
    assert batch.tiles.column("embeddings_mtime").to_pylist() == [time]


def test_all_null_columns_are_unknown(write: Callable[..., Path]) -> None:
    # What pandas writes for a column of None.
    names = ("hash", "scales_hash", "file_size", "scales_size", "mtime", "version", "variant")
    path = write(keys(2) | {name: pa.nulls(2) for name in names})
    tiles, rejected = read(path)
    assert rejected == {}
    assert {name for name, value in tiles[0].items() if value is not None} == {
        "year",
        "lon_i",
        "lat_i",
    }
    assert open_registry(path).datasets() == {None: 2}


# --- datasets --------------------------------------------------------------------------------


def test_datasets_do_not_mix(write: Callable[..., Path]) -> None:
    path = write(
        {
            "lat": [49.95] * 5,
            "lon": [0.85, 0.85, 0.85, 0.95, 0.80],
            "year": [2024] * 5,
            "version": ["v1", "v1.1", "v2", "v1", "v1.1"],
            "variant": ["", "cam", "2B-L~beta1", None, "cam"],
        }
    )
    assert open_registry(path).datasets() == {"v1": 2, "v1.1-cam": 2, "v2-2B-L~beta1": 1}
    # One tile in three datasets is no duplicate, and a bad row counts against its own alone.
    assert [tile["lon_i"] for tile in read(path, "v1")[0]] == [85, 95]
    assert read(path, "v1")[1] == {}
    assert [tile["lon_i"] for tile in read(path, "v1.1-cam")[0]] == [85]
    assert read(path, "v1.1-cam")[1] == {4: "off-grid"}
    assert read(path, "v3") == ([], {})


def test_a_file_that_names_no_dataset_belongs_to_any(write: Callable[..., Path]) -> None:
    assert len(read(write(keys()), "v2")[0]) == 3


# --- rows that are refused -------------------------------------------------------------------

GOOD_ROW: Columns = {
    "lat": 49.95,
    "lon": 0.85,
    "year": 2024,
    "hash": HASH,
    "scales_hash": None,
    "file_size": 5.0,
    "scales_size": None,
}

BAD_ROWS: list[tuple[str, Columns]] = [
    ("null key", {"lat": None}),
    ("null key", {"lon": None}),
    ("null key", {"year": None}),
    ("null key", {"lat": float("nan")}),
    ("null key", {"lon": float("inf")}),
    ("out of range", {"lat": 90.05}),
    ("out of range", {"lat": -90.05}),
    ("out of range", {"lon": 180.05}),
    ("out of range", {"lon": -180.05}),
    ("out of range", {"lon": 1e300}),
    ("out of range", {"year": 1999}),
    ("out of range", {"year": 2051}),
    ("out of range", {"year": -(2**63)}),
    ("out of range", {"year": 2024 + 2**16}),  # would be 2024 in 16 bits
    ("off-grid", {"lat": 49.9}),
    ("off-grid", {"lon": 0.8}),
    ("off-grid", {"lon": 0.0}),
    ("off-grid", {"lon": 0.853}),
    ("bad size", {"file_size": -1.0}),
    ("bad size", {"file_size": 1.5}),
    ("bad size", {"file_size": float("inf")}),
    ("bad size", {"file_size": 11.0 * 2**30}),
    ("bad size", {"scales_size": -1}),
    ("bad size", {"scales_size": 2**63 - 1}),
    ("bad hash", {"hash": HASH[:-1]}),
    ("bad hash", {"hash": HASH + "0"}),
    ("bad hash", {"hash": "g" + HASH[1:]}),
    ("bad hash", {"hash": "é" + HASH[2:]}),  # 64 bytes
    ("bad hash", {"hash": "0x" + HASH[2:]}),
    ("bad hash", {"scales_hash": " " + HASH[1:]}),
    # The first reason counts.
    ("null key", {"lat": None, "year": 1999, "hash": "no"}),
    ("out of range", {"lat": 95.0, "file_size": -1.0}),
]


@pytest.mark.parametrize(
    ("reason", "changes"), BAD_ROWS, ids=[f"{reason}: {row}" for reason, row in BAD_ROWS]
)
def test_bad_rows(write: Callable[..., Path], reason: str, changes: Columns) -> None:
    assert reason in REASONS
    neighbour = GOOD_ROW | {"lon": 0.95}
    rows = [GOOD_ROW, neighbour | changes, neighbour]
    schema = pa.schema(
        [
            ("lat", pa.float64()),
            ("lon", pa.float64()),
            ("year", pa.int64()),
            ("hash", pa.string()),
            ("scales_hash", pa.string()),
            ("file_size", pa.float64()),
            ("scales_size", pa.int64()),
        ]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    path = write({name: table.column(name) for name in schema.names})
    tiles, rejected = read(path)
    # The good rows on both sides pass: also the one that has the bad row's key.
    assert [tile["lon_i"] for tile in tiles] == [85, 95]
    assert [tile["embeddings_sha256"] for tile in tiles] == [bytes.fromhex(HASH)] * 2
    assert rejected == {1: reason}


def test_every_reason_is_in_the_table() -> None:
    assert {reason for reason, _ in BAD_ROWS} | {"duplicate", "no dataset"} == set(REASONS)


def test_a_rejected_row_is_told_as_it_was_read(write: Callable[..., Path]) -> None:
    path = write(keys(2) | {"lon": [0.85, 0.8], "hash": [HASH, "short"], "unknown": [1, 2]})
    (batch,) = open_registry(path).batches()
    assert batch.rejected.to_pylist() == [
        {
            "lat": 49.95,
            "lon": 0.8,
            "year": 2024,
            "embeddings_sha256": "short",
            "row": 1,
            "reason": "off-grid",
        }
    ]
    assert batch.rows == 2


def test_of_duplicates_the_first_good_row_counts(write: Callable[..., Path]) -> None:
    columns = {
        "lat": [49.95] * 6,
        "lon": [0.85, 0.85, 0.95, 0.95, 0.8500000001, 0.95],
        "year": [2024, 2024, 2024, 2024, 2024, 2023],
        "file_size": [1, 2, -1, 4, 5, 6],
    }
    tiles, rejected = read(write(columns))
    assert [tile["embeddings_size"] for tile in tiles] == [1, 4, 6]
    assert rejected == {1: "duplicate", 2: "bad size", 4: "duplicate"}


def test_duplicates_are_found_across_batches(write: Callable[..., Path]) -> None:
    step, rows = 0.1, 300_000
    columns = {
        "lat": pa.array([89.95 - step * (i // 3600) for i in range(rows)] + [89.95]),
        "lon": pa.array([-179.95 + step * (i % 3600) for i in range(rows)] + [-179.95]),
        "year": pa.array([2024] * (rows + 1)),
        "file_size": pa.array([1] * rows + [2]),
    }
    batches = list(open_registry(write(columns)).batches())
    assert len(batches) > 1
    assert sum(batch.tiles.num_rows for batch in batches) == rows
    last: Batch = batches[-1]
    assert [(row["row"], row["reason"]) for row in last.rejected.to_pylist()] == [
        (rows, "duplicate")
    ]
    assert not any(batch.rejected.num_rows for batch in batches[:-1])
    assert batches[0].tiles.column("embeddings_size")[0].as_py() == 1


def test_the_real_early_registry_has_no_bad_rows() -> None:
    path = Path(__file__).parents[2].parent / "shared" / "data" / "registry.parquet"
    if not path.exists():
        pytest.skip("the real early registry is not beside the repository")
    registry = open_registry(path)
    years: Counter[int] = Counter()
    for batch in registry.batches():
        assert batch.rejected.num_rows == 0
        assert batch.tiles.column("embeddings_sha256").null_count == 0
        assert batch.tiles.column("embeddings_size").null_count == batch.rows
        years.update(batch.tiles.column("year").to_pylist())
    assert sum(years.values()) == registry.rows == 28_477
    assert len(years) == 7


# --- files that are refused ------------------------------------------------------------------


def refusal(path: Path) -> str:
    """The message of the InputError that reading all of a file ends in."""
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path)), message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("columns", "part"),
    [
        ({"lat": [1.05], "year": [2024]}, "no column lon; it has lat, year"),
        ({"year": [2024]}, "no column lat and no column lon"),
        ({"LAT": [1.05], "LON": [1.05], "year": [2024]}, "no column lat"),
        ({}, "no column lat and no column lon and no column year; it has none"),
        ({"year": [2024.0]}, "column year is double, it must be whole numbers"),
        ({"year": ["2024"]}, "column year is string, it must be whole numbers"),
        ({"year": pa.nulls(1)}, "column year is null"),
        ({"lat": ["49.95"]}, "column lat is string, it must be numbers"),
        ({"lon": [[0.85]]}, "column lon is list"),
        ({"lat": pa.nulls(1)}, "column lat is null"),
        ({"lat": [True]}, "column lat is bool"),
        ({"file_size": ["5"]}, "column file_size is string, it must be numbers"),
        ({"grid_size": ["5"]}, "column grid_size is string, it must be numbers"),
        ({"scales_size": [{"a": 1}]}, "column scales_size is struct"),
        ({"hash": [5]}, "column hash is int64, it must be text"),
        ({"mtime": ["yesterday"]}, "column mtime is string, it must be a time or seconds"),
        ({"mtime": [dt.date(2024, 1, 1)]}, "column mtime is date32[day]"),
        ({"version": [1]}, "column version is int64, it must be text"),
    ],
)
def test_wrong_columns(write: Callable[..., Path], columns: Columns, part: str) -> None:
    whole = columns if not columns or "lack" in part or "no column" in part else keys(1) | columns
    assert part in refusal(write(whole))


def test_a_column_that_stands_there_twice(tmp_path: Path) -> None:
    columns = keys(1)
    table = pa.Table.from_arrays(
        [pa.array(v) for v in (*columns.values(), columns["lat"])], names=[*columns, "lat"]
    )
    path = tmp_path / "twice.parquet"
    pq.write_table(table, path)
    assert "two columns are called lat" in refusal(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty", b""),
        ("text", b"lat,lon,year\n49.95,0.85,2024\n"),
        ("magic.parquet", b"PAR1"),
        ("magics.parquet", b"PAR1" + bytes(4) + b"PAR1"),
        ("footer.parquet", b"PAR1" + bytes(100) + b"\xff\xff\xff\x7fPAR1"),
    ],
)
def test_what_is_no_parquet(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert "not a readable parquet file" in refusal(path)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "missing.parquet")
    assert "not a readable parquet file" in refusal(tmp_path)


def test_truncated_anywhere(write: Callable[..., Path]) -> None:
    path = write(keys(1000) | {"lon": [0.05 + 0.1 * i for i in range(1000)]})
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        assert "not a readable parquet file" in refusal(path)


def test_damaged_pages(write: Callable[..., Path]) -> None:
    path = write(
        keys(1) | {"hash": [HASH]}, compression="gzip", use_dictionary=False, column_encoding=None
    )
    column = pq.ParquetFile(path).metadata.row_group(0).column(3)
    content = bytearray(path.read_bytes())
    end = column.data_page_offset + column.total_compressed_size
    content[end - 40 : end] = bytes(40)
    path.write_bytes(content)
    assert "damaged after row 0" in refusal(path)


@pytest.mark.parametrize("column", ["hash", "version"])
def test_text_that_is_not_utf8(tmp_path: Path, column: str) -> None:
    # Parquet readers do not look; the message of a rejected row or a dataset would.
    raw = pa.array([b"\xff\xfe" + HASH[2:].encode()])
    text = pa.StringArray.from_buffers(1, raw.buffers()[1], raw.buffers()[2])
    path = tmp_path / "latin.parquet"
    pq.write_table(pa.table(keys(1) | {column: text}), path)
    assert "damaged" in refusal(path)
    if column == "version":
        with pytest.raises(InputError, match="damaged"):
            open_registry(path).datasets()


@pytest.mark.parametrize("column", ["version", "variant"])
def test_a_dataset_in_bytes_that_are_no_text(write: Callable[..., Path], column: str) -> None:
    path = write(keys(1) | {"version": ["v1"], column: pa.array([b"\xff"])})
    assert "damaged after row 0" in refusal(path)
    with pytest.raises(InputError, match="damaged after row 0"):
        open_registry(path).datasets()

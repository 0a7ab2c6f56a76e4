"""Listings: every tool's lines give back the files they were made from."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import examples
from hypothesis import given
from hypothesis import strategies as st

from tessera_catalog import grid
from tessera_catalog.errors import InputError
from tessera_sync import listings
from tessera_sync.listings import read_listing
from tessera_sync.tally import Tally, tidy

Key = tuple[int, int, int]
SEEN = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
MTIME = 1775770495  # 2026-04-09 21:34:55 UTC


@dataclass(frozen=True)
class Seen:
    """A file of a listing."""

    path: str
    size: int
    mtime: int = MTIME

    def date(self, form: str, zone: dt.tzinfo | None = dt.UTC) -> str:
        """When it was changed, in a tool's form."""
        return dt.datetime.fromtimestamp(self.mtime, zone).strftime(form)


Lister = Callable[[list[Seen], Path], Path]


def _lines(line: Callable[[Seen], str], head: str = "", tail: str = "") -> Lister:
    def write(files: list[Seen], folder: Path) -> Path:
        path = folder / "listing.txt"
        path.write_text(head + "".join(f"{line(file)}\n" for file in files) + tail)
        return path

    return write


def _local(file: Seen) -> str:
    return file.date("%Y-%m-%d %H:%M:%S", None)


def _lsjson(files: list[Seen], folder: Path) -> Path:
    entries = [
        {
            "Path": file.path,
            "Name": Path(file.path).name,
            "Size": file.size,
            "MimeType": "application/octet-stream",
            "ModTime": file.date("%Y-%m-%dT%H:%M:%S.123456789Z"),
            "IsDir": False,
        }
        for file in files
    ]
    folders = [{"Path": "2024", "Name": "2024", "Size": -1, "ModTime": "", "IsDir": True}]
    path = folder / "listing"
    path.write_text("[\n" + ",\n".join(map(json.dumps, folders + entries)) + "\n]\n")
    return path


def _inventory(kind: str, files: list[Seen], folder: Path) -> Path:
    """An S3 Inventory as S3 lays it out, older versions and marks of deletion included."""
    home = folder / "bucket" / "daily"
    (home / "data").mkdir(parents=True)
    (home / "2026-11-22T01-00Z").mkdir()
    rows = [
        ("bucket", file.path, size, file, latest, deleted)
        for file in files
        for size, latest, deleted in ((file.size + 1, False, False), (file.size, True, False))
    ]
    rows.append(("bucket", "2024/grid_9.95_9.95/grid_9.95_9.95.npy", 0, Seen("", 0), True, True))
    name = f"data/part.{'csv.gz' if kind == 'CSV' else 'parquet'}"
    if kind == "CSV":
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        for bucket, key, size, file, latest, deleted in rows:
            date = file.date("%Y-%m-%dT%H:%M:%S.000Z")
            flags = (str(latest).lower(), str(deleted).lower())
            # A mark of deletion has no size.
            writer.writerow([bucket, key, "" if deleted else size, date, *flags])
        (home / name).write_bytes(gzip.compress(text.getvalue().encode()))
        schema = "Bucket, Key, Size, LastModifiedDate, IsLatest, IsDeleteMarker"
    else:
        columns = list(zip(*rows, strict=True))
        dates = [dt.datetime.fromtimestamp(file.mtime, dt.UTC) for file in columns[3]]
        table = pa.table(
            {
                "bucket": columns[0], "key": columns[1], "size": columns[2],
                "last_modified_date": pa.array(dates, pa.timestamp("ms", tz="UTC")),
                "is_latest": columns[4], "is_delete_marker": columns[5],
            }
        )  # fmt: skip
        pq.write_table(table, home / name)
        schema = "message s3.inventory { required binary bucket (UTF8); }"
    manifest = {
        "sourceBucket": "bucket",
        "version": "2016-11-30",
        "fileFormat": kind,
        "fileSchema": schema,
        "files": [
            {
                "key": f"bucket/daily/{name}",
                "size": (home / name).stat().st_size,
                "MD5checksum": hashlib.md5((home / name).read_bytes()).hexdigest(),
            }
        ],
    }
    path = home / "2026-11-22T01-00Z" / "manifest.json"
    path.write_text(json.dumps(manifest, indent=2))
    return path


TOOLS: dict[str, tuple[Lister, bool, bool]] = {
    # The tool, its lister, whether it tells sizes, and times.
    "find": (_lines(lambda f: f"{f.size} /data/my disk/v1/{f.path}"), True, False),
    "find with times": (_lines(lambda f: f"{f.size} {f.mtime}.0123456789 ./{f.path}"), True, True),
    "find, times first": (_lines(lambda f: f"{f.mtime}.1 {f.size} {f.path}"), True, True),
    "s5cmd": (
        _lines(
            lambda f: f"{f.date('%Y/%m/%d %H:%M:%S')} {f.size:>16}  {f.path}",
            "                                  DIR  2024/\n",
        ),
        True,
        True,
    ),
    "s5cmd in full": (
        _lines(
            lambda f: f"{f.date('%Y/%m/%d %H:%M:%S')}  STANDARD  "
            f"9bb58f26192e4ba00f01e2e7b136bbd8-3 {f.size} s3://bucket/v1/{f.path}"
        ),
        True,
        True,
    ),
    "s5cmd --json": (
        _lines(
            lambda f: json.dumps(
                {
                    "key": f"s3://bucket/v1/{f.path}", "etag": "9bb58f26192e4ba00f01e2e7b136bbd8",
                    "last_modified": f.date("%Y-%m-%dT%H:%M:%SZ"), "type": "file", "size": f.size,
                    "storage_class": "STANDARD",
                },
                separators=(",", ":"),
            ),
            '{"key":"s3://bucket/v1/2024/","type":"directory"}\n',
        ),
        True,
        True,
    ),
    "aws": (
        _lines(
            lambda f: f"{_local(f)} {f.size:>10} v1/global/{f.path}",
            tail="\nTotal Objects: 12\n   Total Size: 1234\n",
        ),
        True,
        True,
    ),
    "rclone ls": (_lines(lambda f: f"{f.size:>9} {f.path}"), True, False),
    "rclone lsl": (_lines(lambda f: f"{f.size:>9} {_local(f)}.000000000 {f.path}"), True, True),
    "rclone lsf": (_lines(lambda f: f.path, "2024/\n"), False, False),
    "rclone lsf --format sp": (_lines(lambda f: f"{f.size};{f.path}"), True, False),
    "rclone lsf --format tsp": (_lines(lambda f: f"{_local(f)};{f.size};{f.path}"), True, True),
    "rclone lsf --format pst": (_lines(lambda f: f"{f.path};{f.size};{_local(f)}"), True, True),
    "rclone lsf --format ps --csv": (_lines(lambda f: f"{f.path},{f.size}"), True, False),
    "rclone lsjson": (_lsjson, True, True),
    "S3 Inventory, CSV": (lambda files, folder: _inventory("CSV", files, folder), True, True),
    "S3 Inventory, parquet": (
        lambda files, folder: _inventory("Parquet", files, folder), True, True,
    ),
}  # fmt: skip


def scanned(path: Path) -> tuple[Tally, dict[Key, dict[str, Any]], int]:
    """What a listing says: the tally, its tiles, and the number of lines not understood."""
    tally, unparsed = Tally(), 0
    for part, parsed in read_listing(str(path)):
        tally.add(part)
        unparsed += parsed.unparsed
    found = tally.tiles(list(tally.roots()))
    rows = {
        (row["year"], row["lon_i"], row["lat_i"]): row
        for year in found.years
        for row in found.rows(year, SEEN).to_pylist()
    }
    return tally, rows, unparsed


def files_of(tiles: dict[Key, tuple[int | None, int | None]]) -> list[Seen]:
    """Files of tiles, by the sizes of embeddings and scales, None being no file."""
    files = []
    for (year, lon_i, lat_i), sizes in tiles.items():
        name, folder = grid.tile_name(lon_i, lat_i), grid.tile_path(year, lon_i, lat_i)
        for size, suffix in zip(sizes, (".npy", "_scales.npy"), strict=True):
            if size is not None:
                files.append(Seen(f"{folder}/{name}{suffix}", size))
        files.append(Seen(f"{folder}/SHA256", 150))
    return files


keys = st.tuples(
    st.integers(2000, 2050),
    st.integers(-1800, 1799).map(lambda i: 10 * i + 5),
    st.integers(-900, 899).map(lambda i: 10 * i + 5),
)
sizes = st.none() | st.integers(0, 10 * 2**30)
pairs = st.tuples(sizes, sizes).filter(lambda pair: pair != (None, None))


@pytest.mark.parametrize("tool", TOOLS)
@examples(15)
@given(tiles=st.dictionaries(keys, pairs, min_size=1, max_size=20), part=st.integers(200, 2000))
def test_scanning_a_listing_gives_what_was_listed(
    tool: str,
    tiles: dict[Key, tuple[int | None, int | None]],
    part: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lister, tells_sizes, tells_times = TOOLS[tool]
    files = files_of(tiles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listings, "PART", part)
        tally, rows, unparsed = scanned(lister(files, tmp_path_factory.mktemp("listing")))
    expected = {
        key: tuple(0 if size is None else size if tells_sizes else None for size in pair)
        for key, pair in tiles.items()
    }
    found = {key: (row["embeddings_size"], row["scales_size"]) for key, row in rows.items()}
    assert found == expected
    times = {row[f"{kind}_mtime"] for row in rows.values() for kind in ("embeddings", "scales")}
    known = {dt.datetime.fromtimestamp(MTIME, dt.UTC)} if tells_times else set()
    assert times - {None} == known
    assert unparsed == 0
    assert tally.counts["checksums"] == len(tiles)
    assert tally.counts["other"] + tally.counts["repeated"] == 0


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock is neither in UTC nor the same all year."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("tool", ["aws", "s5cmd", "rclone lsl", "rclone lsjson"])
def test_times_are_read_in_the_tools_own_zone(tool: str, tmp_path: Path) -> None:
    winter = Seen("2024/grid_0.05_0.05/grid_0.05_0.05.npy", 1, MTIME - 90 * 86400)
    summer = Seen("2024/grid_0.15_0.05/grid_0.15_0.05.npy", 1)
    assert _local(winter)[11:] == "16:34:55"
    _, rows, _ = scanned(TOOLS[tool][0]([winter, summer], tmp_path))
    found = [row["embeddings_mtime"].timestamp() for row in rows.values()]
    assert found == [winter.mtime, summer.mtime]


TILE = {(2024, 85, 4995): (1000, 100)}


class TestCompressed:
    @pytest.mark.parametrize("tool", ["find", "s5cmd --json", "rclone lsjson"])
    def test_gzip_and_zstd_by_content(self, tool: str, tmp_path: Path) -> None:
        plain = TOOLS[tool][0](files_of(TILE), tmp_path)
        content = plain.read_bytes()
        (tmp_path / "a").write_bytes(gzip.compress(content))
        with pa.output_stream(tmp_path / "b", compression="zstd") as file:
            file.write(content)
        expected = scanned(plain)[1]
        assert scanned(tmp_path / "a")[1] == expected
        assert scanned(tmp_path / "b")[1] == expected

    def test_parts_put_together(self, tmp_path: Path) -> None:
        texts = [f"{f.size} {f.path}\n".encode() for f in files_of({**TILE, (2025, 5, 5): (7, 8)})]
        (tmp_path / "a").write_bytes(b"".join(map(gzip.compress, texts)))
        assert len(scanned(tmp_path / "a")[1]) == 2
        parts = b""
        for text in texts:
            parts += pa.compress(text, "zstd", asbytes=True)
        (tmp_path / "b").write_bytes(parts)
        assert len(scanned(tmp_path / "b")[1]) == 2

    @pytest.mark.parametrize("kind", ["gzip", "zstd"])
    def test_cut_short(self, kind: str, tmp_path: Path) -> None:
        many = {(2024, 10 * i + 5, 5): (i * 7919 % 10007, i) for i in range(1000)}
        plain = TOOLS["find"][0](files_of(many), tmp_path).read_bytes()
        whole = gzip.compress(plain) if kind == "gzip" else pa.compress(plain, "zstd", asbytes=True)
        (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="cut"):
            scanned(tmp_path / "cut")


class TestWhatIsNotBelieved:
    def test_files_under_the_wrong_directory(self, tmp_path: Path) -> None:
        path = tmp_path / "listing"
        path.write_text(
            "10 2024/grid_0.05_0.05/grid_0.15_0.05.npy\n"
            "11 2024/grid_0.05_0.05/grid_0.05_0.05.npy\n"
            "12 2024/grid_0.05_0.05/grid_0.15_0.05_scales.npy\n"
        )
        tally, rows, _ = scanned(path)
        assert [(r["embeddings_size"], r["scales_size"]) for r in rows.values()] == [(11, 0)]
        assert tally.counts["misfiled"] == 2
        assert tally.examples["misfiled"][0] == "2024/grid_0.05_0.05/grid_0.15_0.05.npy"

    @pytest.mark.parametrize(
        "folder",
        [
            "2024/grid_0.10_0.05", "2024/grid_180.05_0.05", "2024/grid_0.05_90.05",
            "1999/grid_0.05_0.05", "2051/grid_0.05_0.05", "2024/grid_00.05_0.05",
            "2024/grid_-0.00_0.05", "24/grid_0.05_0.05", "2024/grid_0.05_0.05/more",
            "2024/grid_0.050_0.05",
        ],
    )  # fmt: skip
    def test_directories_of_no_tile(self, folder: str, tmp_path: Path) -> None:
        name = Path(folder).name
        (tmp_path / "listing").write_text(f"10 {folder}/{name}.npy\n")
        tally, rows, unparsed = scanned(tmp_path / "listing")
        assert (rows, unparsed) == ({}, 0)
        assert tally.counts["off-grid"] + tally.counts["other"] == 1

    def test_lines_that_say_nothing_are_counted_and_shown(self, tmp_path: Path) -> None:
        good = "10 2024/grid_0.05_0.05/grid_0.05_0.05.npy"
        bad = ["ERROR timeout", "1.5 MiB 2024/grid_0.15_0.05/grid_0.15_0.05.npy", "12"]
        (tmp_path / "listing").write_text("\n".join([good, "", *bad, good]))
        parsed = [parsed for _, parsed in read_listing(str(tmp_path / "listing"))]
        assert sum(part.lines for part in parsed) == 6
        assert sum(part.unparsed for part in parsed) == 3
        assert parsed[0].examples == bad

    def test_json_lines_that_are_errors(self, tmp_path: Path) -> None:
        path = TOOLS["s5cmd --json"][0](files_of(TILE), tmp_path)
        errors = '{"operation":"ls","error":"SlowDown"}\nplain words\n{"key": 5}\n'
        path.write_text(path.read_text() + errors)
        _, rows, unparsed = scanned(path)
        assert len(rows) == 1
        assert unparsed == 3

    def test_numbers_beyond_all_numbers_are_lines_not_understood(self, tmp_path: Path) -> None:
        path = TOOLS["s5cmd --json"][0](files_of(TILE), tmp_path)
        path.write_text(f'{path.read_text()}{{"key":"s3://b/x","size":{10**30}}}\n')
        _, rows, unparsed = scanned(path)
        assert (len(rows), unparsed) == (1, 1)

    @pytest.mark.parametrize("size", ["10737418241", "9" * 30])
    def test_sizes_no_file_of_a_tile_can_have(self, size: str, tmp_path: Path) -> None:
        lines = [f"{size} 2024/grid_0.05_0.05/grid_0.05_0.05.npy",
                 "12 2024/grid_0.05_0.05/grid_0.05_0.05_scales.npy"]  # fmt: skip
        (tmp_path / "listing").write_text("\n".join(lines))
        tally, rows, _ = scanned(tmp_path / "listing")
        assert [(r["embeddings_size"], r["scales_size"]) for r in rows.values()] == [(0, 12)]
        assert tally.examples["absurd"] == ["2024/grid_0.05_0.05/grid_0.05_0.05.npy"]

    def test_a_line_that_does_not_end(self, tmp_path: Path) -> None:
        path = tmp_path / "listing"
        path.write_bytes(gzip.compress(bytes(100 * 2**20)))
        with pytest.raises(InputError, match="a line of over 64 MiB"):
            scanned(path)

    def test_paths_without_sizes_among_lines_with_sizes(self, tmp_path: Path) -> None:
        lines = ["10 2024/grid_0.05_0.05/grid_0.05_0.05.npy", "2024/grid_0.15_0.05/x.npy"]
        (tmp_path / "listing").write_text("\n".join(lines))
        _, rows, unparsed = scanned(tmp_path / "listing")
        assert (len(rows), unparsed) == (1, 1)

    def test_a_file_listed_twice_counts_once(self, tmp_path: Path) -> None:
        path = "2024/grid_0.05_0.05/grid_0.05_0.05.npy"
        (tmp_path / "listing").write_text(f"10 {path}\n20 {path}\n")
        tally, rows, _ = scanned(tmp_path / "listing")
        assert [row["embeddings_size"] for row in rows.values()] == [20]
        assert tally.counts["repeated"] == 1

    def test_roots_are_told_apart(self, tmp_path: Path) -> None:
        name = "2024/grid_0.05_0.05/grid_0.05_0.05.npy"
        (tmp_path / "listing").write_text(f"10 v1/a/{name}\n20 ./v1//a/{name}\n30 v2/{name}\n")
        tally = Tally()
        for found, _ in read_listing(str(tmp_path / "listing")):
            tally.add(found)
        assert tally.roots() == {"v1/a": 2, "v2": 1}
        rows = tally.tiles(["v1/a"]).rows(2024, SEEN).to_pylist()
        assert [row["embeddings_size"] for row in rows] == [20]

    def test_names_that_are_no_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "listing").write_bytes(
            b"5 2024/grid_0.05_0.05/\xff\xfe.npy\r\n10 2024/grid_0.05_0.05/grid_0.05_0.05.npy\r\n"
        )
        tally, rows, unparsed = scanned(tmp_path / "listing")
        assert (len(rows), unparsed, tally.counts["other"]) == (1, 0, 1)


class TestInventory:
    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        path = _inventory("CSV", files_of(TILE), tmp_path)
        next(path.parent.parent.glob("data/*")).unlink()
        with pytest.raises(InputError, match=r"part\.csv\.gz is not here: fetch it"):
            scanned(path)

    def test_a_file_that_was_cut_short(self, tmp_path: Path) -> None:
        path = _inventory("Parquet", files_of(TILE), tmp_path)
        part = next(path.parent.parent.glob("data/*"))
        part.write_bytes(part.read_bytes()[:-10])
        with pytest.raises(InputError, match="MD5"):
            scanned(path)

    def test_files_beside_the_manifest(self, tmp_path: Path) -> None:
        path = _inventory("CSV", files_of(TILE), tmp_path)
        flat = tmp_path / "flat"
        flat.mkdir()
        for file in (path, next(path.parent.parent.glob("data/*"))):
            file.rename(flat / file.name)
        assert list(scanned(flat / "manifest.json")[1]) == list(TILE)

    def test_a_format_that_is_not_read(self, tmp_path: Path) -> None:
        path = _inventory("CSV", files_of(TILE), tmp_path)
        path.write_text(path.read_text().replace('"CSV"', '"ORC"'))
        with pytest.raises(InputError, match="format orc; CSV and parquet are read"):
            scanned(path)

    @pytest.mark.parametrize("files", ["5", "[5]", "[{}]", "null"])
    def test_files_that_are_none(self, files: str, tmp_path: Path) -> None:
        path = tmp_path / "manifest.json"
        path.write_text(f'{{"fileFormat": "CSV", "files": {files}}}')
        with pytest.raises(InputError, match="fetch it again"):
            scanned(path)

    def test_csv_files_whose_columns_nobody_told(self, tmp_path: Path) -> None:
        path = _inventory("CSV", files_of(TILE), tmp_path)
        path.write_text(path.read_text().replace("fileSchema", "schema"))
        with pytest.raises(InputError, match="no columns"):
            scanned(path)

    def test_keys_are_decoded(self, tmp_path: Path) -> None:
        files = [Seen(f.path.replace("grid_", "grid%5F"), f.size) for f in files_of(TILE)]
        assert list(scanned(_inventory("CSV", files, tmp_path))[1]) == list(TILE)


def test_a_parquet_file_is_for_ingest(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="take over a registry with 'tessera-sync ingest'"):
        scanned(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("", ""), ("./", ""), ("/", "/"), ("a/b/", "a/b"), ("./a//b/", "a/b"), ("/a/", "/a"),
        ("s3://bucket/v1/", "s3://bucket/v1"),
    ],
)  # fmt: skip
def test_tidy(written: str, plain: str) -> None:
    assert tidy(written) == plain

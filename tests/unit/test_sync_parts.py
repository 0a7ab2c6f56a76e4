"""The small parts of copying: paths, checksum files, limits, series of failures, messages."""

from __future__ import annotations

import asyncio
import errno
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera_catalog import grid
from tessera_catalog.errors import InputError
from tessera_sync.attempts import CopyError, Outage, Policy, TargetFull, asked, limiter
from tessera_sync.layout import Tile, parse_checksums, parse_path
from tessera_sync.pool import ALIKE, Stop, interruptible, run, spread
from tessera_sync.rates import read_rates, store_rate
from tessera_sync.storage import reason

TILES = st.builds(
    lambda year, cell: Tile(year, *map(int, grid.cell_centre(cell))),
    st.sampled_from(grid.YEARS),
    st.integers(0, grid.CELLS - 1),
)


@given(TILES)
def test_a_tiles_path_is_read_back(tile: Tile) -> None:
    assert parse_path(tile.path) == parse_path(f"/{tile.path}/") == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "2024",
        "2024/grid_0.85_49.95/grid_0.85_49.95.npy",
        "2024/grid_0.84_49.95",
        "2024/grid_-0.00_49.95",
        "1999/grid_0.85_49.95",
        "20240/grid_0.85_49.95",
        "٢٠٢٤/grid_0.85_49.95",
        "../2024/grid_0.85_49.95",
        "2024/grid_180.05_0.05",
    ],
)
def test_what_is_no_tiles_path(path: str) -> None:
    assert parse_path(path) is None


def test_checksum_lines_as_sha256sum_writes_them() -> None:
    a, b, c = ("a" * 64, "B" * 64, "c" * 64)
    text = f"{a}  one.npy\n{b} *two.npy\r\n# note\n{c}  ./three.npy\nshort  four.npy\n\xff\n"
    assert parse_checksums(text.encode("latin-1")) == {
        "one.npy": bytes.fromhex(a),
        "two.npy": bytes.fromhex(b),
        "three.npy": bytes.fromhex(c),
    }


@given(st.binary(max_size=300))
def test_no_checksum_file_is_too_odd(content: bytes) -> None:
    assert all(len(digest) == 32 for digest in parse_checksums(content).values())


@pytest.mark.parametrize(
    ("text", "rate"), [("500k", 500_000), ("20M", 20_000_000), ("1.5g", 1_500_000_000), ("7", 7)]
)
def test_limits(text: str, rate: int) -> None:
    assert limiter(text).max_rate == rate


@pytest.mark.parametrize("text", ["", "k", "-1M", "0", "fast", "nan", "inf", "1e999", "5T"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(InputError, match="bytes per second"):
        limiter(text)


def test_a_series_of_outages_is_a_reason_to_stop_and_one_success_ends_it() -> None:
    stop = Stop()
    for _ in range(3):
        for _ in range(ALIKE - 1):
            stop.went(outage=True)
        stop.went(outage=False)
    assert stop.why == ""
    for _ in range(ALIKE):
        stop.went(outage=True)
    assert "in a row" in stop.why
    stop.ask("something else")
    assert "in a row" in stop.why


def test_nothing_new_begins_after_a_stop_and_what_has_begun_ends() -> None:
    stop, ended = Stop(), []

    async def work(item: int) -> None:
        if item == 5:
            stop.ask("enough")
        await asyncio.sleep(0)
        ended.append(item)

    asyncio.run(spread(range(100), 3, work, stop))
    assert sorted(ended) == list(range(len(ended)))
    assert 5 < len(ended) < 12


def test_what_hangs_after_an_outage_is_stopped_by_a_second_ctrl_c() -> None:
    stop = Stop("a store is down")
    said: list[str] = []
    ended = []

    async def hang() -> None:
        with interruptible(stop, said.append):
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(10)
        ended.append("by itself")

    run(hang())
    assert (len(said), ended, stop.why) == (1, [], "a store is down")


def test_tries_are_bounded_and_lasting_failures_are_not_repeated() -> None:
    calls = []

    async def failing(error: Exception) -> None:
        calls.append(error)
        raise error

    async def ask(error: Exception) -> None:
        await asked("doing it", Policy(attempts=3, backoff=0), lambda: failing(error))

    for error, kind, times in (
        (ConnectionResetError(errno.ECONNRESET, "reset"), Outage, 3),
        (FileNotFoundError(errno.ENOENT, "no such file", "x"), CopyError, 1),
        (PermissionError(errno.EACCES, "denied"), Outage, 1),
        (OSError(errno.ENOSPC, "full"), TargetFull, 1),
        (OSError(errno.EDQUOT, "quota"), TargetFull, 1),
    ):
        calls.clear()
        with pytest.raises(CopyError, match=r"^doing it: ") as caught:
            asyncio.run(ask(error))
        assert type(caught.value) is kind
        assert len(calls) == times


def test_a_client_errors_message_is_one_line_without_its_debug_output() -> None:
    error = RuntimeError(
        'Error performing PUT http://s3.test/b/k - 507: <?xml version="1.0"?>\n<Error><Code>Full'
        "</Code></Error>\n\nDebug source:\nGeneric {\n  secret\n}"
    )
    assert reason(error) == "Error performing PUT http://s3.test/b/k - 507: Full"
    assert reason(TimeoutError()) == "no answer in time"
    assert reason(FileNotFoundError(errno.ENOENT, "No such file", "/a")) == "No such file: /a"


def test_the_last_rate_of_each_direction_is_kept(tmp_path: Path) -> None:
    assert read_rates(tmp_path) == {}
    store_rate(tmp_path, "a", "b", 10.04)
    store_rate(tmp_path, "b", "a", 20)
    store_rate(tmp_path, "a", "b", 30)
    assert read_rates(tmp_path) == {"a→b": 30, "b→a": 20}
    (tmp_path / "rates.json").write_text("[1, 2]")
    assert read_rates(tmp_path) == {}

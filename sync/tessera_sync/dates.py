"""Dates and times as listing tools print them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog.arrays import text, to_mask, to_numpy, valid
from tessera_catalog.columns import are_times
from tessera_sync.truth import UNKNOWN


def times(dates: pa.Array) -> npt.NDArray[np.int64]:
    """Microseconds since 1970 of dates as the tools write them, UNKNOWN where there is none.

    Dates with dashes and no zone are in local time (aws, rclone); those with slashes, or with a
    zone, say what they are. Fractions of a second are dropped: the tools differ in them.
    """
    repeated = dates.dictionary_encode()
    which = to_numpy(repeated.indices, UNKNOWN)
    # The last place, -1, is for those that have no date.
    micros: npt.NDArray[np.int64] = np.append(_times(repeated.dictionary), UNKNOWN)[which]
    return micros


def _times(dates: pa.Array) -> npt.NDArray[np.int64]:
    known = valid(dates)
    begin = pc.utf8_slice_codeunits(pc.fill_null(dates, text("1970-01-01 00:00:00")), 0, 19)
    plain = pc.replace_substring(pc.replace_substring(begin, "/", "-"), "T", " ")
    stamp = pc.strptime(plain, format="%Y-%m-%d %H:%M:%S", unit="s", error_is_null=True)
    seconds = to_numpy(pc.cast(stamp, pa.int64()))
    known = known & valid(stamp) & are_times(seconds * 1_000_000)
    seconds = np.where(known, seconds, 0)
    seconds = seconds - _offsets(dates, seconds)
    return np.where(known, seconds * 1_000_000, UNKNOWN)


def _offsets(dates: pa.Array, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Seconds by which each date's clock is ahead of UTC."""
    zones = pc.extract_regex(
        pc.fill_null(dates, text("")), r"^(?P<year>\d{4}[-/]).{14}\S*?(?P<zone>Z|[+-]\d\d:?\d\d)?$"
    )
    year, zone = (pc.fill_null(part, text("")) for part in zones.flatten())
    offsets = np.zeros(len(seconds), dtype=np.int64)
    for name in pc.unique(zone).to_pylist():
        if name not in ("", "Z"):
            ahead = int(name[1:3]) * 3600 + int(name[-2:]) * 60
            offsets[to_mask(pc.equal(zone, text(name)))] = -ahead if name[0] == "-" else ahead
    local = np.flatnonzero(to_mask(pc.and_(pc.equal(zone, text("")), pc.ends_with(year, "-"))))
    if len(local):
        hours, which = np.unique(seconds[local] // 3600, return_inverse=True)
        ahead_of = [_local_offset(int(hour) * 3600) for hour in hours]
        offsets[local] = np.array(ahead_of, dtype=np.int64)[which]
    return offsets


def _local_offset(clock: int) -> int:
    """How far this machine's clock is ahead of UTC when it shows that many seconds since 1970."""
    shown = dt.datetime.fromtimestamp(clock, dt.UTC).replace(tzinfo=None)
    ahead = shown.astimezone().utcoffset()
    return round(ahead.total_seconds()) if ahead is not None else 0

"""Numbers as people read and write them, and texts that can be printed."""

from __future__ import annotations

import datetime as dt
import re

from tessera_catalog.errors import InputError


def printable(text: str) -> str:
    """A text such that any file and terminal takes it: what is no Unicode in a name is escaped."""
    return text.encode(errors="backslashreplace").decode()


def size(count: int | float) -> str:
    """Bytes in decimal units, as storage is sold: `108.5 MB`."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000:
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:.4g} {unit}"
        value /= 1000
    return f"{value:,.4g} PB"


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `2 h 40 min`."""
    if seconds < 1:
        return "under 1 s"
    rest = round(seconds)
    parts = []
    for name, length in (("days", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {'day' if name == 'days' and count == 1 else name}")
    return " ".join(parts[:2])


def age(then: dt.datetime, now: dt.datetime) -> str:
    """How long ago something was: `3 h 5 min ago`."""
    return f"{duration(max((now - then).total_seconds(), 0))} ago"


def parse_age(option: str, text: str) -> dt.timedelta:
    """A length of time as `90min`, `36h`, `2d` or `1w`; InputError that names the option."""
    match = re.fullmatch(r"(\d{1,5})(min|h|d|w)", text)
    if match is None:
        raise InputError(
            f"{option} {text}: it must be a length of time, as in 90min, 36h, 2d or 1w"
        )
    unit = {"min": 1, "h": 60, "d": 1440, "w": 10080}[match[2]]
    return dt.timedelta(minutes=int(match[1]) * unit)

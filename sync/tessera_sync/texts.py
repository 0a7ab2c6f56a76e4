"""Numbers as people read them."""

from __future__ import annotations

import datetime as dt


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

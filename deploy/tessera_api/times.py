"""Instants and intervals as clients write them, checked before they reach the database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from tessera_api.errors import InvalidParameter

OPEN = ("..", "")
"""How an interval says that it has no such end."""

_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<time>\d{2}:\d{2}:\d{2})(?P<fraction>\.\d{1,18})?"
    # A plus sign that was not percent-encoded arrives as a space.
    r"(?:[Zz]|(?P<sign>[-+ ])(?P<hours>\d{2}):(?P<minutes>\d{2})))?"
)


def is_date(text: str) -> bool:
    """Whether an instant that `instant` has passed is a whole day."""
    return len(text) == len("2024-01-01")


def instant(text: str) -> str:
    """A date, or a date and time in UTC with microseconds; InvalidParameter when it is neither.

    Fractions of a second beyond the sixth digit, which the database does not have, are cut off.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise InvalidParameter(
            f"'{text[:40]}' is neither a date (2024-01-31) nor a time (2024-01-31T00:00:00Z)"
        )
    try:
        if match["time"] is None:
            return datetime.strptime(match["day"], "%Y-%m-%d").date().isoformat()
        return _in_utc(match).strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27)
    except (ValueError, OverflowError) as error:
        raise InvalidParameter(f"'{text[:40]}' is no date of the calendar") from error


def _in_utc(match: re.Match[str]) -> datetime:
    fraction = (match["fraction"] or ".0")[1:7].ljust(6, "0")
    offset = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    zone = timezone(-offset if match["sign"] == "-" else offset)
    # RFC 3339 knows leap seconds, Python does not; the database would count one on as well.
    leap = match["time"].endswith(":60")
    time = match["time"][:-2] + "59" if leap else match["time"]
    moment = datetime.fromisoformat(f"{match['day']}T{time}.{fraction}").replace(tzinfo=zone)
    return moment.astimezone(UTC) + timedelta(seconds=int(leap))


def interval(text: str) -> str:
    """The `datetime` parameter: an instant, or two with a slash, one of which may be open.

    An end may be a date, as QGIS sends it, and is its whole day then; an instant alone has a time,
    as RFC 3339 asks. InvalidParameter when it is not of that form, open at both ends, or ends
    before it starts.
    """
    ends = [end if end in OPEN else instant(end) for end in text.strip().split("/")]
    if len(ends) == 1 and ends[0] not in OPEN:
        if is_date(ends[0]):
            raise InvalidParameter(
                f"a day is an interval: {ends[0]}T00:00:00Z/{ends[0]}T23:59:59Z, "
                f"or {ends[0]}/{ends[0]}"
            )
        return ends[0]
    if len(ends) != 2:
        raise InvalidParameter("datetime must be one instant, or two with a slash between them")
    start, end = ends
    if start in OPEN and end in OPEN:
        raise InvalidParameter("datetime is open at both ends: leave it out instead")
    if start not in OPEN and end not in OPEN and first(start) > last(end):
        raise InvalidParameter("datetime ends before it starts")
    return f"{start}/{end}"


def first(text: str) -> str:
    """The first moment of what `instant` returned."""
    return f"{text}T00:00:00.000000Z" if is_date(text) else text


def last(text: str) -> str:
    """The last moment of what `instant` returned."""
    return f"{text}T23:59:59.999999Z" if is_date(text) else text

r"""The lines that listing tools print, read as directory, name, size and time.

find -printf '%s %p\n'         108527232 /data/2024/grid_0.85_49.95/grid_0.85_49.95.npy
find -printf '%s %T@ %p\n'     108527232 1775770495.1234567890 /data/2024/…
s5cmd ls                        2026/04/09 21:34:55    108527232  2024/…        (UTC)
aws s3 ls --recursive           2026-04-09 21:34:55  108527232 v1/2024/…        (local time)
rclone ls, rclone lsl           108527232 2026-04-09 21:34:55.000000000 2024/…  (local time)
rclone lsf --format sp, tsp, …  2026-04-09 21:34:55;108527232;2024/…            (local time)
rclone lsf                      2024/grid_0.85_49.95/grid_0.85_49.95.npy
s5cmd --json ls, rclone lsjson  {"key": "s3://…", "size": 108527232, "last_modified": "…Z"}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tessera_catalog.arrays import text, texts, to_mask, to_numpy
from tessera_sync.batches import Batch, Parsed, batch_of, chosen, joined
from tessera_sync.dates import times
from tessera_sync.json_formats import parse_json
from tessera_sync.truth import UNKNOWN

_DATE = r"\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
# Each pattern is such that RE2 reads it in one pass, which is three times as fast: after a part of
# any length must come something that cannot be in it. So names are split from paths afterwards.
_PATH = r"(?P<path>\S.*)"
_CLASS_OR_ETAG = r"(?:[A-Z][A-Z_]+|[0-9a-f]{32}(?:-\d+)?|[A-Z][A-Z_]+\s+[0-9a-f]{32}(?:-\d+)?)"
_SEPARATOR = r"[;,|\t]"

PATTERNS = (
    rf"^\s*(?P<date>{_DATE})\s+(?P<size>\d+)\s+{_PATH}$",
    rf"^\s*(?P<date>{_DATE})\s+{_CLASS_OR_ETAG}\s+(?P<size>\d+)\s+{_PATH}$",
    rf"^\s*(?P<size>\d+)\s+(?P<date>{_DATE})\s+{_PATH}$",
    rf"^\s*(?P<size>\d+)\s+(?P<epoch>\d{{9,11}}\.\d+)\s+{_PATH}$",
    rf"^\s*(?P<epoch>\d{{9,11}}\.\d+)\s+(?P<size>\d+)\s+{_PATH}$",
    rf"^(?P<date>{_DATE}){_SEPARATOR}(?P<size>\d+){_SEPARATOR}{_PATH}$",
    rf"^(?P<size>\d+){_SEPARATOR}(?P<date>{_DATE}){_SEPARATOR}{_PATH}$",
    rf"^(?P<size>\d+){_SEPARATOR}{_PATH}$",
    rf"^{_PATH}{_SEPARATOR}(?P<date>{_DATE}){_SEPARATOR}(?P<size>\d+)$",
    rf"^{_PATH}{_SEPARATOR}(?P<size>\d+){_SEPARATOR}(?P<date>{_DATE})$",
    rf"^{_PATH}{_SEPARATOR}(?P<size>\d+)$",
    rf"^\s*(?P<size>\d+)\s+{_PATH}$",
)
"""The more a pattern says, the earlier it comes: the last fits lines of several others."""

PATHS_ALONE = r"^(?P<path>\S*\d{4}/grid_[^/\s]*/[^/\s]+)$"
"""Listings without sizes; only believed when the listing begins so."""

_NO_FILE = rf"^\s*(?:$|DIR\s|PRE\s|Total Objects:|Total Size:|.*/$|.*/{_SEPARATOR}[^/]*$)"
"""Lines about directories and sums."""

SAMPLE = 200

Parser = Callable[[bytes], Parsed]


def recognise(first: bytes) -> Parser:
    """The parser for a listing, by its first bytes."""
    start = first.lstrip()[:1]
    if start in (b"{", b"["):
        return parse_json
    lines = _lines(b"\n".join(first.split(b"\n")[:SAMPLE]))
    hits = {
        pattern: pc.sum(pc.match_substring_regex(lines, pattern)).as_py() or 0
        for pattern in (*PATTERNS, PATHS_ALONE)
    }
    # The first of those that fit most lines: max() keeps the earlier one of equals.
    best = max(hits, key=hits.__getitem__)
    rest = [pattern for pattern in PATTERNS if pattern != best]
    return partial(parse_text, patterns=(best, *rest) if hits[best] else PATTERNS)


def parse_text(part: bytes, patterns: Sequence[str] = PATTERNS) -> Parsed:
    """Read whole lines of text; each by the first pattern that fits it."""
    left = _lines(part)
    total = len(left)
    batches = []
    for pattern in patterns:
        if len(left) == 0:
            break
        found = pc.extract_regex(left, pattern)
        fits = pc.is_valid(found)
        batches.append(_batch(found.filter(fits)))
        left = left.filter(pc.invert(fits))
    files_only = pc.invert(pc.match_substring_regex(left, _NO_FILE))
    left = left.filter(files_only)
    return Parsed(joined(batches), total, len(left), left[:5].to_pylist())


def _batch(found: pa.StructArray) -> Batch:
    """Files of lines that fit a pattern."""
    parts = dict(zip([f.name for f in found.type], found.flatten(), strict=True))
    count = len(found)
    sizes = np.full(count, UNKNOWN)
    mtimes = np.full(count, UNKNOWN)
    if "size" in parts:
        sizes = to_numpy(pc.cast(pc.utf8_slice_codeunits(parts["size"], 0, 18), pa.int64()))
    if "date" in parts:
        mtimes = times(parts["date"])
    if "epoch" in parts:
        seconds = pc.replace_substring_regex(parts["epoch"], r"\..*", "")
        mtimes = to_numpy(pc.cast(seconds, pa.int64())) * 1_000_000
    batch = batch_of(parts["path"], sizes, mtimes)
    files = to_mask(pc.not_equal(batch.names, text("")))
    return batch if files.all() else chosen(batch, files)


def _lines(part: bytes) -> pa.Array:
    """The lines as strings, without their ends."""
    part = part.replace(b"\r\n", b"\n").removesuffix(b"\n").removesuffix(b"\r")
    if not part:
        return texts([])
    data = np.frombuffer(part, dtype=np.uint8)
    ends = np.append(np.flatnonzero(data == ord("\n")), len(data))
    # Each string keeps the newline that began it; trimming copies it away.
    offsets = np.append(0, ends).astype(np.int32)
    raw = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(part))
    return pc.utf8_ltrim(raw, "\n")

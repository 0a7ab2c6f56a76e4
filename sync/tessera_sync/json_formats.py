"""The JSON that listing tools print: `s5cmd --json ls` and `rclone lsjson`."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from tessera_catalog.arrays import text, to_arrow, to_mask, to_numpy
from tessera_sync.batches import Parsed, batch_of, joined
from tessera_sync.dates import times


def parse_json(part: bytes) -> Parsed:
    """Read JSON objects, one a line or the elements of an array."""
    # The array's brackets and commas are what tells it from one object a line.
    objects = part.replace(b"},{", b"}\n{").replace(b"},\n", b"}\n").strip().strip(b"[],").strip()
    lines = [line for line in objects.split(b"\n") if line.strip()]
    if not lines:
        return Parsed(joined([]), 0, 0, [])
    try:
        return _json_rows(objects, len(lines))
    except pa.ArrowInvalid:
        # Some line is no object, or has a field of another type: find out which.
        good = [line for line in lines if _fits(line)]
        bad = [line.decode(errors="replace") for line in lines if not _fits(line)]
        parsed = _json_rows(b"\n".join(good), len(good))
        examples = [*bad, *parsed.examples][:5]
        return Parsed(parsed.batch, len(lines), len(bad) + parsed.unparsed, examples)


_JSON_FIELDS = pa.schema(
    [
        *((name, pa.string()) for name in ("key", "last_modified", "type", "Path", "ModTime")),
        *((name, pa.int64()) for name in ("size", "Size")),
        ("IsDir", pa.bool_()),
    ]
)
"""Fields of s5cmd and of rclone; others are ignored."""


def _json_rows(content: bytes, lines: int) -> Parsed:
    options = pj.ParseOptions(
        explicit_schema=_JSON_FIELDS, unexpected_field_behavior="ignore", newlines_in_values=False
    )
    if not content:
        return Parsed(joined([]), 0, 0, [])
    if content.lstrip()[:1] != b"{":
        # A null there would end the process: https://github.com/apache/arrow/issues/47409
        raise pa.ArrowInvalid("it does not begin with an object")
    block = pj.ReadOptions(block_size=max(len(content), 1 << 20), use_threads=False)
    rows = pj.read_json(io.BytesIO(content), block, options).combine_chunks()
    directory = pc.or_kleene(
        pc.equal(rows["type"], text("directory")),
        rows["IsDir"],
    )
    rows = rows.filter(to_arrow(~to_mask(directory)))
    path = pc.coalesce(rows["key"], rows["Path"])
    date = pc.coalesce(rows["last_modified"], rows["ModTime"])
    size = pc.coalesce(rows["size"], rows["Size"])
    told = pc.and_(pc.is_valid(path), pc.is_valid(size))
    unparsed = rows.num_rows - (pc.sum(told).as_py() or 0)
    path, size, date = (column.filter(told).combine_chunks() for column in (path, size, date))
    batch = batch_of(path, to_numpy(size), times(date))
    return Parsed(batch, lines, unparsed, [content.split(b"\n")[0].decode()] if unparsed else [])


def _fits(line: bytes) -> bool:
    """Whether a line is a JSON object whose fields are of the types they should be."""
    try:
        value = json.loads(line)
        pa.RecordBatch.from_pylist([value], schema=_JSON_FIELDS)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return False
    return isinstance(value, dict)

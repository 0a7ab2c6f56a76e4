"""Listings of a store, made elsewhere: text or JSON, plain or compressed, or an S3 Inventory.

What a file is shows in its content, never in its name. Reading is by parts, several at once, so
memory does not grow with the listing.
"""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from tessera_catalog.errors import InputError, first_line
from tessera_sync import inventory
from tessera_sync.batches import Parsed
from tessera_sync.line_formats import recognise
from tessera_sync.parallel import mapped
from tessera_sync.sightings import Sorted, sort_out

PART = 4 * 2**20
"""Bytes of a listing parsed at once."""

_LINE_MOST = 64 * 2**20
"""Bytes a line may have: what goes on for longer is no listing, and shall not fill the memory."""

_JSON_MOST = 64 * 2**20
"""Bytes an inventory's manifest.json may have."""

STDIN = "-"

_WORKERS = os.cpu_count() or 1


def read_listing(source: str) -> Iterator[tuple[Sorted, Parsed]]:
    """Read a listing from a path, or from stdin for "-", in parts.

    InputError when there is none, when it is damaged, or when it is cut short as far as its
    compression can tell.
    """
    try:
        if source != STDIN and (found := inventory.find_manifest(Path(source), _JSON_MOST)):
            yield from mapped(_sorted, inventory.read(Path(source), found), _WORKERS)
            return
        with _opened(source) as file:
            blocks = _blocks(file, source)
            first = next(blocks, b"")
            parser = recognise(first)
            yield from mapped(lambda part: _sorted(parser(part)), chain([first], blocks), _WORKERS)
    except (OSError, EOFError, zlib.error, pa.ArrowException, UnicodeDecodeError) as error:
        why = isinstance(error, OSError) and error.strerror
        raise InputError(f"listing {source}: {why or first_line(error)}") from error


def _sorted(parsed: Parsed) -> tuple[Sorted, Parsed]:
    return sort_out(parsed.batch), parsed


def place_of(source: str) -> int | str:
    """What `open` takes for a path, or for "-"; InputError when stdin is closed."""
    if source != STDIN:
        return source
    if sys.stdin is None:
        raise InputError("stdin is closed: give a file, or something on stdin")
    return sys.stdin.fileno()


@contextmanager
def _opened(source: str) -> Iterator[Any]:
    """The listing's bytes, decompressed."""
    with open(place_of(source), "rb", closefd=source != STDIN) as file:
        magic = file.peek(4)[:4]
        if magic == b"PAR1":
            raise InputError(
                f"listing {source} is a parquet file: give an S3 Inventory by its manifest.json, "
                f"and take over a registry with 'tessera-sync ingest'"
            )
        if magic.startswith(b"\x1f\x8b"):
            with gzip.open(file) as plain:
                yield plain
        elif magic == b"\x28\xb5\x2f\xfd":
            with pa.CompressedInputStream(pa.PythonFile(file), "zstd") as plain:
                yield plain
        else:
            yield file


def _blocks(file: Any, source: str) -> Iterator[bytes]:
    """Whole lines, about PART bytes at a time; InputError when one does not end."""
    rest = b""
    while block := file.read(PART):
        # An array of JSON objects on one line is cut between two objects.
        cut = max(block.rfind(b"\n"), block.rfind(b"},{") + 1)
        if cut > 0:
            yield _text(rest + block[:cut])
            rest = block[cut:].removeprefix(b"\n")
        else:
            rest += block
            if len(rest) > _LINE_MOST:
                raise InputError(
                    f"listing {source}: a line of over {_LINE_MOST // 2**20} MiB: it is no listing"
                )
    if rest:
        yield _text(rest)


def _text(block: bytes) -> bytes:
    """The block in UTF-8: what is none in it is replaced."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return block.decode(errors="replace").encode()
    return block

"""The verb `scan`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tessera_sync.commands import options
from tessera_sync.commands.options import AsJson, LookedAt, Where

if TYPE_CHECKING:
    from tessera_sync.scan import Look


def scan(
    store: LookedAt,
    listings: Annotated[
        list[str] | None,
        typer.Argument(metavar="LISTING", help="listings of it instead; - is stdin"),
    ] = None,
    below: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="directory in the listing that is the store's root"),
    ] = None,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="accept that over 1% of the tiles are gone")
    ] = False,
    *,
    as_json: AsJson = False,
    where: Where,
) -> None:
    r"""Make a store's manifest from what the store holds now.

    Without a listing the store itself is listed (file:// and s3:// roots). Listings may come from
    find, s5cmd, aws, rclone or S3 Inventory (its manifest.json), plain or compressed; they are
    told apart by their content. Hashes stay known where size and time of a file are as they were.

    \b
    1. The store itself:    tessera-sync scan s3
    2. A tree on its host:  find /data/v1 -type f -printf '%s %T@ %p\n' > tree.txt
                            tessera-sync scan okavango tree.txt
    3. By another machine:  s5cmd ls 's3://bucket/v1/*' | tessera-sync scan s3 -
    4. An S3 Inventory:     tessera-sync scan s3 inventory/2026-11-22T01-00Z/manifest.json
    5. One root of several: tessera-sync scan s3 bucket.txt --below v1/global
    """
    from tessera_sync import scan as scanning

    at = where.setup(create=True)
    known = at.stores.get(store)
    with _counter(store) as seen:
        if listings:
            looked = scanning.look_at_listings(known, listings, below, seen)
        else:
            looked = scanning.look(known, seen)
    result = scanning.record(at.data_dir, known, at.dataset, looked, allow_shrink=allow_shrink)
    _warn(looked, result)
    if as_json:
        options.print_json(result)
    else:
        print(
            f"{store}: {result['tiles']:,} tiles; {result['added']:,} new, "
            f"{result['lost']:,} gone, {result['changed']:,} of another size, "
            f"{result['incomplete']:,} incomplete"
        )


def _warn(looked: Look, result: dict[str, Any]) -> None:
    """Tell what was not believed or not understood."""
    from tessera_sync.sightings import DOUBTS

    counts = looked.tally.counts
    for name, meaning in DOUBTS.items():
        if counts[name]:
            examples = ", ".join(looked.tally.examples[name][:3])
            options.note(f"{counts[name]:,} files {meaning}, left out: {examples}")
    if looked.unparsed:
        shown = "\n  ".join(line[:160] for line in looked.unparsed_lines)
        options.note(f"{looked.unparsed:,} lines not understood, left out:\n  {shown}")
    if not result["tiles"]:
        options.note(f"no tiles were seen below {looked.how.removeprefix('scan ')}")
    if counts["repeated"]:
        options.note(f"{counts['repeated']:,} files were listed twice; the last line counts")
    if result["hashes_dropped"]:
        options.note(
            f"{result['hashes_dropped']:,} hashes forgotten, because size or time of the file is "
            "another one or not known"
        )


@contextmanager
def _counter(store: str) -> Iterator[Callable[[int], None]]:
    """Count files on a terminal while the block runs."""
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    from rich.console import Console

    total = 0
    with Console(stderr=True).status(f"scanning {store}") as status:

        def seen(count: int) -> None:
            nonlocal total
            total += count
            status.update(f"scanning {store}: {total:,} files")

        yield seen

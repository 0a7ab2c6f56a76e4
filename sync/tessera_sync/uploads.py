"""What killed uploads have left in a bucket: parts that nobody sees and somebody pays for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from tessera_catalog.stores import Store
from tessera_sync.layout import Tile
from tessera_sync.s3 import open_client
from tessera_sync.tiles import file_names


def drop_unfinished(target: Store, rows: pa.Table, say: Callable[[str], None]) -> int:
    """End uploads to files of the rows' tiles that began before this; their number.

    Nobody but a run that was killed can have begun them: the caller holds the lock on the target.
    It is no fault of the plan when the server does not list uploads; `say` is told so.
    """
    root = urlsplit(target.need_root())
    if root.scheme != "s3" or not rows.num_rows:
        return 0
    import botocore.exceptions

    wanted = None
    dropped = 0
    try:
        client = open_client(target)
        try:
            for upload in _uploads(client, root.netloc, root.path.strip("/")):
                wanted = wanted or _keys(root.path.strip("/"), rows)
                if upload["Key"] in wanted:
                    where = {"Bucket": root.netloc, "Key": upload["Key"]}
                    client.abort_multipart_upload(**where, UploadId=upload["UploadId"])
                    dropped += 1
        finally:
            client.close()
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        say(f"store '{target.name}': unfinished uploads cannot be looked for: {error}")
    return dropped


def _uploads(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    pages = client.get_paginator("list_multipart_uploads")
    for page in pages.paginate(Bucket=bucket, Prefix=f"{prefix}/" if prefix else ""):
        yield from page.get("Uploads", [])


def _keys(prefix: str, rows: pa.Table) -> set[str]:
    """Keys of the files of the rows' tiles."""
    columns = (rows.column(name).to_pylist() for name in Tile._fields)
    above = f"{prefix}/" if prefix else ""
    return {
        f"{above}{tile.path}/{name}"
        for tile in map(Tile._make, zip(*columns, strict=True))
        for name in file_names(tile)
    }

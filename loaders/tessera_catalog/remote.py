"""Registries that lie elsewhere: fetched whole into a temporary file before they are read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tessera_catalog.errors import InputError
from tessera_catalog.progress import Progress


@contextmanager
def local_copy(source: str, progress: Progress) -> Iterator[Path]:
    """A local path of a file given as path, file://, http(s):// or s3://bucket/key.

    S3 credentials come from the usual environment variables. InputError when it cannot be had
    whole.
    """
    if "://" not in source:
        yield Path(source)
        return
    # Imported here: most loads are of local files.
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    base, _, name = source.rpartition("/")
    if not name:
        raise InputError(f"{source}: name a file, not a folder")
    with tempfile.TemporaryDirectory(prefix="tessera-fetch-") as directory:
        path = Path(directory) / "registry.parquet"
        try:
            # Plain http is for servers inside a network; the store would refuse it otherwise.
            store = from_url(base, client_options={"allow_http": source.startswith("http://")})
            found = obstore.get(store, name)
            with progress.task("fetching", found.meta["size"]) as advance, path.open("wb") as file:
                for chunk in found.stream(min_chunk_size=2**22):
                    advance(file.write(chunk))
            if path.stat().st_size != found.meta["size"]:
                raise InputError(f"{source}: the connection ended early; try again")
        except (BaseError, ValueError, OSError) as error:
            raise InputError(f"{source}: {str(error).splitlines()[0]}") from error
        yield path

"""Registries that lie elsewhere: fetched whole into a temporary file before they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tessera_catalog.errors import InputError, TesseraError
from tessera_catalog.nameless import nameless_files
from tessera_catalog.progress import Progress


@contextmanager
def local_copy(source: str, progress: Progress) -> Iterator[Path]:
    """A local path of a file given as path, file://, http(s):// or s3://bucket/key.

    S3 credentials and endpoint come from the usual environment variables; an http(s) address may
    be signed. InputError when it cannot be had whole; those of the block speak of the source, not
    of its temporary copy, and none of what is secret in it.
    """
    if "://" not in source:
        yield Path(source)
        return
    shown = without_secrets(source)
    # Imported here: most loads are of local files.
    import obstore
    from obstore.exceptions import (
        BaseError,
        PermissionDeniedError,
        UnauthenticatedError,
    )
    from obstore.store import from_url

    address, question, signature = source.partition("?")
    folder, _, name = address.rpartition("/")
    if not name:
        raise InputError(f"{shown}: name a file, not a folder")
    base = folder + question + signature
    with nameless_files() as files:
        path = files.new()
        try:
            # Plain http is for servers inside a network; the store would refuse it otherwise.
            server = os.environ.get("AWS_ENDPOINT_URL", "") if base.startswith("s3:") else base
            store = from_url(base, client_options={"allow_http": server.startswith("http:")})
            found = obstore.get(store, name)
            with progress.task("fetching", found.meta["size"]) as advance, path.open("wb") as file:
                for chunk in found.stream(min_chunk_size=2**22):
                    advance(file.write(chunk))
            if path.stat().st_size != found.meta["size"]:
                raise InputError(f"{shown}: the connection ended early; try again")
        except FileNotFoundError as error:
            raise InputError(f"{shown}: no such file") from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise InputError(f"{shown}: the server wants other credentials") from error
        except (BaseError, ValueError, OSError) as error:
            why = re.sub(r"\w+://[^\s)'\"]+", _told, str(error).splitlines()[0])
            raise InputError(f"{shown}: {why}") from error
        try:
            yield path
        except TesseraError as error:
            raise type(error)(str(error).replace(str(path), shown)) from error


def without_secrets(address: str) -> str:
    """An address as it may be told: without a user's name and password, and without a signature."""
    place, question, _ = address.partition("?")
    scheme, mark, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}{'?…' if question else ''}"


def _told(found: re.Match[str]) -> str:
    return without_secrets(found[0])

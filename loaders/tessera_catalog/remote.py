"""Registries that lie elsewhere: fetched whole into a temporary file before they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

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
    if source.startswith("file:///"):
        yield Path(unquote(source.removeprefix("file://")))
        return
    with nameless_files() as files:
        path = files.new()
        _fetch(source, path, progress)
        try:
            yield path
        except TesseraError as error:
            raise type(error)(str(error).replace(str(path), without_secrets(source))) from error


def _fetch(source: str, target: Path, progress: Progress) -> None:
    """Write what lies at an address into a file; InputError unless all of it came."""
    # Imported here: most loads are of local files.
    import obstore
    from obstore.exceptions import (
        BaseError,
        PermissionDeniedError,
        UnauthenticatedError,
    )
    from obstore.store import from_url

    shown = without_secrets(source)
    folder, name = _folder_and_name(source)
    if not name:
        raise InputError(f"{shown}: name a file, not a folder")
    try:
        # Plain http is for servers inside a network; the store would refuse it otherwise.
        server = os.environ.get("AWS_ENDPOINT_URL", "") if folder.startswith("s3:") else folder
        store = from_url(folder, client_options={"allow_http": server.startswith("http:")})
        found = obstore.get(store, name)
        with progress.task("fetching", found.meta["size"]) as advance, target.open("wb") as file:
            for chunk in found.stream(min_chunk_size=2**22):
                advance(file.write(chunk))
        if target.stat().st_size != found.meta["size"]:
            raise InputError(f"{shown}: the connection ended early; try again")
    except FileNotFoundError as error:
        raise InputError(f"{shown}: no such file") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise InputError(f"{shown}: the server wants other credentials") from error
    except (BaseError, ValueError, OSError) as error:
        why = re.sub(r"\w+://[^\s)'\"]+", _told, str(error).splitlines()[0])
        raise InputError(f"{shown}: {why}") from error


def _folder_and_name(address: str) -> tuple[str, str]:
    """The address of the folder, signed as the file's is, and the file's name there."""
    path, question, signature = address.partition("?")
    folder, _, name = path.rpartition("/")
    return folder + question + signature, name


def without_secrets(address: str) -> str:
    """An address as it may be told: without a user's name and password, and without a signature."""
    place, question, _ = address.partition("?")
    scheme, mark, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}{'?…' if question else ''}"


def _told(found: re.Match[str]) -> str:
    return without_secrets(found[0])

"""A collection as our own tables have it: a dataset's year of tiles."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from stac_fastapi.types.errors import NotFoundError

from tessera_api.catalogue import Connection
from tessera_api.queries import query


@dataclass(frozen=True)
class Series:
    """A row of sql/series.sql."""

    collection: str
    dataset: str
    year: int
    revision: int
    loaded_at: dt.datetime
    tiles: int
    first_id: int
    all_stores: int | None
    stores: list[str]
    """Configured stores, the most preferred first."""

    @property
    def version(self) -> tuple[int, dt.datetime]:
        """Changes with all that is shown of it; the revision alone begins anew with a database."""
        return self.revision, self.loaded_at


async def find(connection: Connection, collection: str) -> Series:
    """The series that is a STAC collection; NotFoundError when there is none with tiles."""
    row = await connection.fetchrow(query("series"), collection)
    if row is None:
        raise NotFoundError(f"Collection {collection} does not exist.")
    return Series(**row)

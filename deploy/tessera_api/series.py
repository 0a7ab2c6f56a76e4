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
    linked: str | None
    """Digest of what the stores' manifests said when they were linked."""
    tiles: int
    first_id: int
    all_stores: int | None
    stores: list[str]
    """Configured stores, the most preferred first."""

    @property
    def version(self) -> tuple[object, ...]:
        """Changes with all that is shown of it.

        Revisions alone would not do: another database begins anew, and a standby that takes over
        may count on from before the last link.
        """
        return self.revision, self.loaded_at, self.linked


async def find(connection: Connection, collection: str) -> Series:
    """The series that is a STAC collection; NotFoundError when there is none with tiles."""
    row = await connection.fetchrow(query("series"), collection)
    if row is None:
        raise NotFoundError(f"Collection {collection} does not exist.")
    return Series(**row)

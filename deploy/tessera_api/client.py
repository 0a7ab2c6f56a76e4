"""What the routes do: stac-fastapi-pgstac's client with this catalogue's differences."""

from __future__ import annotations

import attr
from stac_fastapi.pgstac.core import CoreCrudClient

from tessera_api.settings import LANDING_PAGE_ID


@attr.s
class Client(CoreCrudClient):  # type: ignore[misc]
    """The core routes of the STAC API."""

    landing_page_id: str = attr.ib(default=LANDING_PAGE_ID)

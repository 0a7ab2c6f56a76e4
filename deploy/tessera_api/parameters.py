"""The parameters of the routes, as the OpenAPI document shows them.

What the values mean is checked where they are used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import attr
from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator
from stac_fastapi.api.models import ItemCollectionUri
from stac_fastapi.extensions.collection_search.request import BaseCollectionSearchGetRequest
from stac_fastapi.types.search import BaseSearchGetRequest, DateTimeQueryType, Limit

from tessera_api.errors import InvalidParameter
from tessera_api.filters.parse import CRS, Language
from tessera_api.settings import DEFAULT_LIMIT, MAX_LIMIT

COLLECTIONS_LIMIT = 100
"""Collections of a page when the client names no `limit`."""


@attr.s
class SearchGet(BaseSearchGetRequest):
    """`GET /search`; `datetime` takes dates too, which the model it is of does not."""

    datetime: DateTimeQueryType = attr.ib(default=None)


@attr.s
class ItemsGet(ItemCollectionUri):
    """`GET /collections/{collection_id}/items`."""

    datetime: DateTimeQueryType = attr.ib(default=None)


@attr.s
class CollectionsGet(BaseCollectionSearchGetRequest):
    """`GET /collections`."""

    datetime: DateTimeQueryType = attr.ib(default=None)
    limit: Limit | None = attr.ib(default=COLLECTIONS_LIMIT)


Names = Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]
"""Ids; a client that has one only may send it alone."""


_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character: JSON can say it, and neither an answer nor the database can."""


class SearchPost(BaseModel):
    """The body of `POST /search`."""

    collections: Names | None = None
    ids: Names | None = None
    bbox: list[float] | None = Field(
        None, description="West, south, east, north; or with heights, which are ignored"
    )
    intersects: dict[str, Any] | None = Field(None, description="A GeoJSON geometry")
    datetime: str | None = Field(None, description="An instant or an interval of RFC 3339")
    limit: Limit | None = Field(
        DEFAULT_LIMIT, description=f"Items of a page, capped to {MAX_LIMIT}"
    )

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, body: Any) -> Any:
        if any(map(_HALF.search, _texts(body))):
            raise InvalidParameter("a text of the body has half of a character")
        return body


def _texts(value: Any) -> Iterator[str]:
    """Every text of parsed JSON and every name in it, without recursion."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part


class FilterPost(BaseModel):
    """The filter of a body, in either encoding."""

    filter_expr: dict[str, Any] | str | bool | None = Field(
        None, alias="filter", description="A CQL2 filter, as JSON or as text"
    )
    filter_crs: str | None = Field(None, alias="filter-crs", description=f"Must be {CRS[0]}")
    filter_lang: Language | None = Field(
        None, alias="filter-lang", description="The encoding of the filter"
    )


class QueryPost(BaseModel):
    """The query of a body, with all operators of the Query extension."""

    query: dict[str, Any] | None = None

    @field_validator("query")
    @classmethod
    def _not_empty(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return value or None

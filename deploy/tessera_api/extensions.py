"""The STAC API extensions served, with the conformance classes that hold for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import attr
from stac_fastapi.api.models import create_request_model
from stac_fastapi.extensions import (
    CollectionSearchExtension,
    CollectionSearchFilterExtension,
    FieldsExtension,
    ItemCollectionFilterExtension,
    OffsetPaginationExtension,
    TokenPaginationExtension,
)
from stac_fastapi.extensions import (
    SearchFilterExtension as StockSearchFilterExtension,
)
from stac_fastapi.extensions.collection_search import CollectionSearchConformanceClasses
from stac_fastapi.extensions.fields import FieldsConformanceClasses
from stac_fastapi.extensions.filter import FilterConformanceClasses as Filter
from stac_fastapi.extensions.free_text import FreeTextConformanceClasses
from stac_fastapi.extensions.query import QueryConformanceClasses
from stac_fastapi.extensions.sort import (
    CollectionSearchSortExtension,
    ItemCollectionSortExtension,
    SearchSortExtension,
)
from stac_fastapi.pgstac.extensions import FreeTextExtension, QueryExtension
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.search import APIRequest

from tessera_api.parameters import CollectionsGet, FilterPost, QueryPost
from tessera_api.schemas import QueryablesClient, SortablesClient

CQL2 = [
    Filter.FILTER,
    Filter.CQL2_TEXT,
    Filter.CQL2_JSON,
    Filter.BASIC_CQL2,
    Filter.ADVANCED_COMPARISON_OPERATORS,
    Filter.CASE_INSENSITIVE_COMPARISON,
    Filter.ACCENT_INSENSITIVE_COMPARISON,
    Filter.BASIC_SPATIAL_FUNCTIONS,
    Filter.BASIC_SPATIAL_FUNCTIONS_PLUS,
    Filter.SPATIAL_FUNCTIONS,
    Filter.TEMPORAL_FUNCTIONS,
    Filter.ARRAY_FUNCTIONS,
    Filter.PROPERTY_PROPERTY,
    Filter.ARITHMETIC,
]
"""All of CQL2 but custom functions."""

SORT = {
    "search": ["https://api.stacspec.org/v1.0.0/item-search#sort"],
    "items": ["https://api.stacspec.org/v1.0.0/ogcapi-features#sort"],
    "collections": ["https://api.stacspec.org/v1.0.0-rc.1/collection-search#sort"],
}
"""Sorting as it was before sortables: clients look for these, stac-fastapi names the next ones."""


@attr.s
class SearchFilterExtension(StockSearchFilterExtension):
    """Filters of a search; stac-fastapi looks for this name to link the queryables."""

    POST = FilterPost


class SearchQueryExtension(QueryExtension):  # type: ignore[misc]
    """Queries of a search, with all operators of the extension."""

    POST = QueryPost


@dataclass(frozen=True)
class Extensions:
    """The extensions by the endpoint they add to."""

    search: list[ApiExtension]
    items: list[ApiExtension]
    collections: CollectionSearchExtension
    collections_sort: ApiExtension
    """A part of `collections`, which does not register the routes of its parts."""

    @property
    def all(self) -> list[ApiExtension]:
        """Every one, to be registered with the application."""
        return [*self.search, *self.items, self.collections, self.collections_sort]


def extensions() -> Extensions:
    """New instances: registering one with an application changes it."""
    queryables, sortables = QueryablesClient(), SortablesClient()
    sort = {
        "search": SearchSortExtension(client=sortables),
        "items": ItemCollectionSortExtension(client=sortables),
        "collections": CollectionSearchSortExtension(client=sortables),
    }
    for endpoint, extension in sort.items():
        extension.conformance_classes += SORT[endpoint]
    return Extensions(
        search=[
            SearchQueryExtension(),
            sort["search"],
            FieldsExtension(),
            SearchFilterExtension(client=queryables, conformance_classes=[*CQL2, Filter.SEARCH]),
            TokenPaginationExtension(),
        ],
        items=[
            SearchQueryExtension(conformance_classes=[QueryConformanceClasses.ITEMS]),
            sort["items"],
            FieldsExtension(conformance_classes=[FieldsConformanceClasses.ITEMS]),
            ItemCollectionFilterExtension(
                client=queryables, conformance_classes=[*CQL2, Filter.ITEMS]
            ),
            TokenPaginationExtension(),
        ],
        collections=_of_collections(
            sort["collections"],
            FieldsExtension(conformance_classes=[FieldsConformanceClasses.COLLECTIONS]),
            CollectionSearchFilterExtension(
                client=queryables, conformance_classes=[*CQL2, Filter.COLLECTIONS]
            ),
            FreeTextExtension(conformance_classes=[FreeTextConformanceClasses.COLLECTIONS]),
            OffsetPaginationExtension(),
        ),
        collections_sort=sort["collections"],
    )


def _of_collections(*parts: ApiExtension) -> CollectionSearchExtension:
    """The extension of `GET /collections` that consists of these."""
    model = create_request_model("CollectionsGet", CollectionsGet, list(parts), request_type="GET")
    return CollectionSearchExtension(
        GET=cast(type[APIRequest], model),
        conformance_classes=[
            CollectionSearchConformanceClasses.COLLECTIONSEARCH,
            CollectionSearchConformanceClasses.BASIS,
            *(each for part in parts for each in part.conformance_classes),
        ],
    )

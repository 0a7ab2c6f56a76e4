"""The STAC API extensions served, with the conformance classes that hold for each."""

from __future__ import annotations

from dataclasses import dataclass

from stac_fastapi.extensions import (
    CollectionSearchExtension,
    CollectionSearchFilterExtension,
    FieldsExtension,
    ItemCollectionFilterExtension,
    OffsetPaginationExtension,
    SearchFilterExtension,
    TokenPaginationExtension,
)
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
from stac_fastapi.pgstac.extensions.filter import FiltersClient
from stac_fastapi.types.extension import ApiExtension

CQL2 = [
    Filter.FILTER,
    Filter.CQL2_TEXT,
    Filter.CQL2_JSON,
    Filter.BASIC_CQL2,
]


@dataclass(frozen=True)
class Extensions:
    """The extensions by the endpoint they add to."""

    search: list[ApiExtension]
    items: list[ApiExtension]
    collections: CollectionSearchExtension

    @property
    def all(self) -> list[ApiExtension]:
        """Every one, to be registered with the application."""
        return [*self.search, *self.items, self.collections]


def extensions() -> Extensions:
    """New instances: registering one with an application changes it."""
    return Extensions(
        search=[
            QueryExtension(),
            SearchSortExtension(),
            FieldsExtension(),
            SearchFilterExtension(
                client=FiltersClient(), conformance_classes=[*CQL2, Filter.SEARCH]
            ),
            TokenPaginationExtension(),
        ],
        items=[
            QueryExtension(conformance_classes=[QueryConformanceClasses.ITEMS]),
            ItemCollectionSortExtension(),
            FieldsExtension(conformance_classes=[FieldsConformanceClasses.ITEMS]),
            ItemCollectionFilterExtension(
                client=FiltersClient(), conformance_classes=[*CQL2, Filter.ITEMS]
            ),
            TokenPaginationExtension(),
        ],
        collections=CollectionSearchExtension.from_extensions(
            [
                CollectionSearchSortExtension(),
                FieldsExtension(conformance_classes=[FieldsConformanceClasses.COLLECTIONS]),
                CollectionSearchFilterExtension(
                    client=FiltersClient(), conformance_classes=[*CQL2, Filter.COLLECTIONS]
                ),
                FreeTextExtension(conformance_classes=[FreeTextConformanceClasses.COLLECTIONS]),
                OffsetPaginationExtension(),
            ]
        ),
    )

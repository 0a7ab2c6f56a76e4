"""What each property of a filter is: the queryables, as the database defines them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tessera_api.errors import InvalidFilter


class Kind(Enum):
    """Types that values are compared within."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "a boolean"
    TIME = "a time"
    ARRAY = "an array"
    GEOMETRY = "a geometry"


COLUMNS = {
    "id": Kind.TEXT,
    "collection": Kind.TEXT,
    "geometry": Kind.GEOMETRY,
    "datetime": Kind.TIME,
    "start_datetime": Kind.TIME,
    "end_datetime": Kind.TIME,
}
"""Properties that pgSTAC keeps as columns, whatever their definitions say."""


@dataclass(frozen=True)
class Property:
    """A property a filter may name."""

    name: str
    kind: Kind
    whole: bool = False
    """Whether pgSTAC reads it, and the literals beside it, as integers."""


class Properties:
    """The properties by name."""

    def __init__(self, definitions: Mapping[str, Mapping[str, Any]]) -> None:
        """From JSON schemas by name, as the queryables of pgSTAC hold them."""
        self.definitions = {name: dict(schema) for name, schema in definitions.items()}
        self._known = {
            name: Property(name, kind_of(name, schema), schema.get("type") == "integer")
            for name, schema in definitions.items()
        }
        for name, kind in COLUMNS.items():
            self._known.setdefault(name, Property(name, kind))

    def __iter__(self) -> Iterator[Property]:
        """Over all of them, in the order of their definitions."""
        return iter(self._known.values())

    def get(self, name: Any) -> Property:
        """The property of that name; InvalidFilter when there is none."""
        if not isinstance(name, str):
            raise InvalidFilter("the name of a property must be a text")
        # In STAC's own filters a property may be named from the top of the item.
        bare = name.removeprefix("properties.")
        if bare not in self._known:
            near = difflib.get_close_matches(bare[:100], self._known, n=1, cutoff=0.6)
            hint = f"did you mean '{near[0]}'?" if near else "see the queryables"
            raise InvalidFilter(f"there is no property '{bare[:100]}': {hint}")
        return self._known[bare]


def kind_of(name: str, schema: Mapping[str, Any]) -> Kind:
    """The kind of a property by its JSON schema, by the rules pgSTAC reads it with."""
    if name in COLUMNS:
        return COLUMNS[name]
    if "geojson.org" in str(schema.get("$ref", "")):
        return Kind.GEOMETRY
    by_type = {
        "integer": Kind.NUMBER,
        "number": Kind.NUMBER,
        "boolean": Kind.BOOLEAN,
        "array": Kind.ARRAY,
    }
    if schema.get("type") in by_type:
        return by_type[schema["type"]]
    return Kind.TIME if schema.get("format") in ("date-time", "date") else Kind.TEXT

"""What each property of a filter is: the queryables, as the database defines them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
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
    UNKNOWN = "unknown"


YEAR = "tessera:year"

COLUMNS = {
    "id": Kind.TEXT,
    "collection": Kind.TEXT,
    "geometry": Kind.GEOMETRY,
    "datetime": Kind.TIME,
    "start_datetime": Kind.TIME,
    "end_datetime": Kind.TIME,
}
"""Properties that pgSTAC keeps as columns, whatever their definitions say."""

_SLIP = 0.85
"""How alike a name and one of ours are when the one was meant to be the other; 1 is the same."""


@dataclass(frozen=True)
class Property:
    """A property a filter may name."""

    name: str
    kind: Kind
    whole: bool = False
    """Whether pgSTAC reads it, and the literals beside it, as integers."""

    known: bool = True

    indexed: bool = False
    """Whether an index has its values in order."""

    @property
    def sortable(self) -> bool:
        """Whether pages sorted by it cost the same wherever they are.

        That takes an index, and few items to a value: whole numbers are counts and years, and
        sorting by the year is sorting by time.
        """
        if self.name in COLUMNS:
            return self.name in ("id", "collection", "datetime", "start_datetime")
        ordered = self.kind in (Kind.NUMBER, Kind.TIME) and not self.whole
        return self.name == YEAR or (self.indexed and ordered)


class Properties:
    """The properties by name."""

    def __init__(
        self, definitions: Mapping[str, Mapping[str, Any]], indexed: Iterable[str] = ()
    ) -> None:
        """From JSON schemas by name, as the queryables of pgSTAC hold them."""
        ordered = set(indexed)
        self.definitions = {name: dict(schema) for name, schema in definitions.items()}
        self._known = {
            name: Property(
                name,
                kind_of(name, schema),
                whole=schema.get("type") == "integer",
                indexed=name in ordered,
            )
            for name, schema in definitions.items()
        }
        for name, kind in COLUMNS.items():
            self._known.setdefault(name, Property(name, kind))

    def __iter__(self) -> Iterator[Property]:
        """Over all of them, in the order of their definitions."""
        return iter(self._known.values())

    def has(self, name: str) -> bool:
        """Whether there is a property of exactly that name."""
        return name in self._known

    @property
    def sortables(self) -> dict[str, dict[str, Any]]:
        """JSON schemas of those that items can be sorted by."""
        return {
            name: schema for name, schema in self.definitions.items() if self.get(name).sortable
        }

    def get(self, name: Any) -> Property:
        """The property of that name; InvalidFilter when it is one of ours but for a slip.

        A name that is none of ours is a property that no item has, as the STAC API has it: it is
        of any kind, and its value is null. Of assets and links that cannot be said.
        """
        if not isinstance(name, str):
            raise InvalidFilter("the name of a property must be a text")
        # In STAC's own filters a property may be named from the top of the item.
        bare = name.removeprefix("properties.")
        if bare in self._known:
            return self._known[bare]
        near = difflib.get_close_matches(bare[:100], self._known, n=1, cutoff=_SLIP)
        if near:
            raise InvalidFilter(f"there is no property '{bare[:100]}': did you mean '{near[0]}'?")
        if bare.split(".")[0] in ("assets", "links"):
            raise InvalidFilter(f"'{bare[:100]}' is not one of the queryables")
        if not bare or "\u0000" in bare or bare == "properties":
            raise InvalidFilter("the name of a property is empty or has a NUL character")
        return Property(bare, Kind.UNKNOWN, known=False)


def names(tree: Any) -> set[str]:
    """Names of the properties in a filter."""
    found: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if isinstance(node.get("property"), str):
                found.add(node["property"])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found


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

"""Items of pgSTAC as stac-geoparquet, without a Python object for each.

pgSTAC's JSON texts are parsed by Arrow, 150,000 of them in 2 s; stac-geoparquet and rustac, which
take dictionaries, need 38 s and 23 s for these.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from psycopg import sql

from tessera_catalog.database import Connection, query
from tessera_catalog.errors import Failed
from tessera_export.geoparquet import BBOX, bbox
from tessera_export.reading import Rows
from tessera_export.series import Series

VERSION = "1.0.0"
"""Of stac-geoparquet, by which the files are made."""

_ABSENT = ': "𒍟※"'
"""What pgSTAC has in the place of an asset that the collection describes and the item has not."""

_BASE = "pgstac:base_item"
_NO_BASE = -1

_TEXTS = pa.list_(pa.string())
_TIMES = {"datetime", "start_datetime", "end_datetime", "created", "updated"}
"""What stac-geoparquet has as timestamps; it gives others back as something that is no JSON."""

_LINK = pa.struct([(name, pa.string()) for name in ("rel", "type", "href")])


@dataclass
class Items:
    """The items of one collection, as tables of one schema."""

    statement = "export_items"

    connection: Connection
    series: Series
    url: str
    """Of the API, for links, without a slash at its end; "." makes them relative to it."""
    _bases: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assets = self._base(_NO_BASE)["assets"]
        shared = {key: {n: pa.scalar(v).type for n, v in a.items()} for key, a in assets.items()}
        (stores,) = self.connection.execute(query("export_stores")).fetchone() or ([],)
        properties = {
            str(name): _property_type(str(name), schema)
            for name, schema in self.connection.execute(query("export_properties"))
        }
        self._parsed = pa.schema(
            [
                ("bbox", pa.list_(pa.float64())),
                ("stac_extensions", _TEXTS),
                (
                    "assets",
                    pa.struct([(key, _asset_type(stores, of)) for key, of in shared.items()]),
                ),
                ("properties", pa.struct(list(properties.items()))),
                (_BASE, pa.int64()),
            ]
        )
        self.schema = self.table([]).schema
        documents = {self.series.collection: self.series.document}
        self.metadata = {"stac-geoparquet": {"version": VERSION, "collections": documents}}

    def table(self, rows: Rows) -> pa.Table:
        """The rows of queries/export_items.sql; Failed when one has what no schema tells of."""
        raw = self._parse([row[2] for row in rows])
        numbers = raw[_BASE].combine_chunks().fill_null(_NO_BASE).dictionary_encode()
        bases = [self._base(number) for number in numbers.dictionary.to_pylist()]
        count = len(rows)

        def of_base(*path: str) -> pa.Array:
            values = [_at(base, path) for base in bases]
            return pa.array(values or [_at(self._base(_NO_BASE), path)]).take(numbers.indices)

        ids = pa.array([row[0] for row in rows], pa.string())
        properties = raw["properties"].combine_chunks()
        corners = np.asarray(raw["bbox"].combine_chunks().flatten()).reshape(-1, len(BBOX))
        columns = {
            "type": of_base("type"),
            "stac_version": of_base("stac_version"),
            "stac_extensions": raw["stac_extensions"],
            "id": ids,
            "geometry": pa.array([row[1] for row in rows], pa.binary()),
            "bbox": bbox(corners),
            "links": self._links(ids),
            "assets": _completed(raw["assets"].combine_chunks(), of_base),
            "collection": pa.repeat(self.series.collection, count),
            **{part.name: properties.field(number) for number, part in enumerate(properties.type)},
        }
        return pa.table(columns)

    def _parse(self, texts: list[str]) -> pa.Table:
        if not texts:
            return self._parsed.empty_table()
        lines = "\n".join(texts).replace(_ABSENT, ": null").encode()
        try:
            return pj.read_json(
                io.BytesIO(lines),
                pj.ReadOptions(block_size=len(lines)),
                pj.ParseOptions(self._parsed, unexpected_field_behavior="error"),
            )
        except pa.ArrowInvalid as error:
            raise Failed(
                f"{self.series.collection}: an item has what neither a queryable nor the "
                f"collection tells of ({error}): tessera-load makes such items anew"
            ) from error

    def _base(self, number: int) -> Mapping[str, Any]:
        """What the items of a base item's number have in common."""
        if number not in self._bases:
            given = sql.Literal(None if number == _NO_BASE else number)
            ((found,),) = self.connection.execute(
                sql.SQL("SELECT pgstac.collection_base_item({}, {}::int)").format(
                    sql.Literal(self.series.collection), given
                )
            ).fetchall()
            self._bases[number] = found  # type: ignore[assignment]  # a JSON object
        return self._bases[number]

    def _links(self, ids: pa.Array) -> pa.ListArray:
        """The links of items as the API makes them."""
        collection = f"{self.url}/collections/{self.series.collection}"
        own = pc.binary_join_element_wise(f"{collection}/items/", ids, "")
        shared = [
            ("collection", "application/json", collection),
            ("parent", "application/json", collection),
            ("root", "application/json", f"{self.url}/"),
        ]
        count, each = len(ids), len(shared) + 1
        kinds = [pa.array([link[part] for link in shared]) for part in range(3)]
        last = [pa.repeat("self", count), pa.repeat("application/geo+json", count), own]
        # Each item takes the shared ones, and of its own, which follow these, one.
        order = np.tile(np.arange(each), (count, 1))
        order[:, -1] += np.arange(count)
        values = [
            pa.concat_arrays([kind, more]).take(pa.array(order.ravel()))
            for kind, more in zip(kinds, last, strict=True)
        ]
        offsets = pa.array(np.arange(0, each * count + 1, each, dtype=np.int32))
        return pa.ListArray.from_arrays(
            offsets, pa.StructArray.from_arrays(values, fields=list(_LINK))
        )


def _completed(assets: pa.StructArray, of_base: Any) -> pa.StructArray:
    """The assets with what the collection says of all; those that an item has not stay away."""
    whole = []
    for number, asset in enumerate(assets.type):
        own = assets.field(number)
        members = [
            pc.coalesce(own.field(i), of_base("assets", asset.name, part.name))
            if part.name not in _OF_TILES
            else own.field(i)
            for i, part in enumerate(asset.type)
        ]
        whole.append(
            pa.StructArray.from_arrays(members, fields=list(asset.type), mask=own.is_null())
        )
    return pa.StructArray.from_arrays(whole, fields=list(assets.type))


_FILE = {"href": pa.string(), "alternate:name": pa.string()}

_OF_TILES = {*_FILE, "file:size", "file:checksum", "alternate"}
"""Members of an asset that no collection tells of."""


def _asset_type(stores: Any, shared: Mapping[str, pa.DataType]) -> pa.DataType:
    """An asset of a tile; `stores` are those that may hold a further copy of it."""
    members = {**_FILE, "file:size": pa.int64(), "file:checksum": pa.string(), **shared}
    if stores:
        copy = pa.struct(list(_FILE.items()))
        members["alternate"] = pa.struct([(store, copy) for store in stores])
    return pa.struct(list(members.items()))


def _property_type(name: str, schema: Any) -> pa.DataType:
    """How a queryable with this JSON schema is kept."""
    if name in _TIMES:
        return pa.timestamp("us", "UTC")
    kinds = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "array": _TEXTS}
    return kinds.get(str(schema.get("type")), pa.string())


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = (value or {}).get(key)
    return value

"""Readers of stac-geoparquet, and what makes their items and those of the API comparable."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import geopandas
import numpy as np
import pyarrow.parquet as pq
import rustac
import shapely
import stac_geoparquet.arrow

Item: TypeAlias = dict[str, Any]

Reader: TypeAlias = Callable[[Path], list[Item]]

TIMES = ("created", "updated", "datetime", "start_datetime", "end_datetime")
"""What the files have as times; the readers write them out in ways of their own."""


def plain(part: Any) -> Any:
    """JSON without members that are null, as which columns have what an item has not."""
    if isinstance(part, dict):
        return {key: plain(each) for key, each in part.items() if each is not None}
    return [plain(each) for each in part] if isinstance(part, list | tuple | np.ndarray) else part


def comparable(item: Item) -> Item:
    """An item less what readers may write in several ways."""
    item = plain(item)
    properties = {
        name: moment(value) if name in TIMES else value
        for name, value in item["properties"].items()
    }
    links = sorted(item["links"], key=lambda link: link["rel"])
    return {**item, "properties": properties, "links": links}


def moment(time: str | dt.datetime) -> dt.datetime:
    return dt.datetime.fromisoformat(time) if isinstance(time, str) else time


def assembled(row: dict[str, Any]) -> Item:
    """The item of a table's row, as the specification of stac-geoparquet says."""
    outside = ("type", "stac_version", "stac_extensions", "id", "links", "assets", "collection")
    item = {name: row.pop(name) for name in outside}
    corners = row.pop("bbox")
    item["bbox"] = [corners[name] for name in ("xmin", "ymin", "xmax", "ymax")]
    item["geometry"] = json.loads(shapely.to_geojson(row.pop("geometry")))
    return {**item, "properties": row}


def with_stac_geoparquet(path: Path) -> list[Item]:
    return list(stac_geoparquet.arrow.stac_table_to_items(pq.read_table(path, partitioning=None)))


def with_rustac(path: Path) -> list[Item]:
    features: list[Item] = rustac.read_sync(str(path))["features"]
    return features


def with_duckdb(path: Path) -> list[Item]:
    with duckdb.connect() as connection:
        found = connection.sql(
            "SELECT * REPLACE (ST_AsWKB(geometry) AS geometry)"
            " FROM read_parquet(?, hive_partitioning = false)",
            params=[str(path)],
        ).to_arrow_table()
    return [
        assembled({**row, "geometry": shapely.from_wkb(row["geometry"])})
        for row in found.to_pylist()
    ]


def with_geopandas(path: Path) -> list[Item]:
    frame = geopandas.read_parquet(path, partitioning=None)
    # It takes the column of bounds for what it is, and leaves it out.
    corners = frame.geometry.bounds.set_axis(["xmin", "ymin", "xmax", "ymax"], axis="columns")
    frame["bbox"] = corners.to_dict("records")
    return [
        assembled({name: known(part) for name, part in row.items()})
        for row in frame.to_dict("records")
    ]


def known(part: Any) -> Any:
    """A value of a data frame; what is missing is null."""
    return None if part is None or (not np.iterable(part) and part != part) else part


READERS: list[Reader] = [with_stac_geoparquet, with_rustac, with_duckdb, with_geopandas]

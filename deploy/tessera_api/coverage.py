"""`/coverage/{collection}.png`: a year's tiles at a glance, and `.json`: what its colours say."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import asyncpg
import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from tessera_api import series
from tessera_api.kept import Kept
from tessera_api.picture import Colour, State, colours, png
from tessera_api.queries import query
from tessera_api.series import Series
from tessera_catalog.grid import COLUMNS, ROWS

PICTURES = 64
"""Pictures kept in memory, of about 100 kB each."""

LEGEND = "legend"
"""Keyword of the PNG's text that is its legend."""

NEVER: Colour = (120, 130, 145)
OLDEST: Colour = (68, 35, 110)
NEWEST: Colour = (250, 205, 70)


class Show(StrEnum):
    """What a picture is of."""

    STORES = "stores"
    VERIFIED = "verified"


class Copy(StrEnum):
    """What a store has of a tile."""

    SOUND = "sound"
    STALE = "stale"
    INCOMPLETE = "incomplete"
    MISSING = "missing"


class Entry(BaseModel):
    """What one colour of a picture says."""

    value: int = Field(description="First channel: the palette's index, and the red of the colour")
    color: str = Field(description="The pixels' colour, as #rrggbb", examples=["#2a9d8f"])
    tiles: int = Field(description="Number of pixels that have it")
    stores: dict[str, Copy] | None = Field(
        None, description="What each store has of these tiles (show=stores)"
    )
    verified: str | None = Field(
        None, description="Month in which they were last verified (show=verified); null: never"
    )


class Legend(BaseModel):
    """What a coverage picture shows."""

    collection: str
    dataset: str
    year: int
    show: Show
    revision: int
    tiles: int
    width: int
    height: int
    bbox: tuple[int, int, int, int] = Field(description="In degrees")
    stores: list[str] = Field(description="The configured stores, most preferred first")
    colors: list[Entry] = Field(
        description=(
            "A pixel of value 0 has no tile. Red tells the entries apart when there are 255 or "
            "fewer of them; red and green together always do."
        )
    )


@dataclass(frozen=True)
class Picture:
    """A finished picture."""

    png: bytes
    legend: bytes


CollectionId = Annotated[str, Path(description="Id of a collection", examples=["geotessera-2024"])]
ShowParameter = Annotated[
    Show,
    Query(description="`stores`: who has a copy in what state; `verified`: the month of the last"),
]


def router() -> APIRouter:
    """The routes, with pictures of their own."""
    routes = APIRouter(tags=["Map"])
    kept: Kept[Picture] = Kept(PICTURES)

    async def find(request: Request, collection_id: str, show: Show) -> Picture:
        async with request.app.state.get_connection(request, "r") as connection:
            of = await series.find(connection, collection_id)
        return await kept.get((collection_id, show), of.version, lambda: _make(request, of, show))

    @routes.get(
        "/coverage/{collection_id}.png",
        summary="Coverage of a collection as a picture",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}, "description": _DESCRIPTION}},
    )
    async def picture(
        request: Request, collection_id: CollectionId, show: ShowParameter = Show.STORES
    ) -> Response:
        """3600×1800 pixels, one a tile of 0.1 degrees, north-west first."""
        found = await find(request, collection_id, show)
        return Response(found.png, media_type="image/png")

    @routes.get(
        "/coverage/{collection_id}.json",
        summary="Legend of a coverage picture",
        response_model=Legend,
    )
    async def legend(
        request: Request, collection_id: CollectionId, show: ShowParameter = Show.STORES
    ) -> Response:
        """What the colours of the picture say; it is in the PNG too, as the text `legend`."""
        found = await find(request, collection_id, show)
        return Response(found.legend, media_type="application/json")

    return routes


_DESCRIPTION = (
    "A PNG whose first channel is 0 where there is no tile and elsewhere says, by its legend, "
    "what is known of the tile."
)


async def _make(request: Request, of: Series, show: Show) -> Picture:
    statement = query(f"coverage_{show}").format(
        first_id=of.first_id, all_stores="NULL" if of.all_stores is None else of.all_stores
    )
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(statement)
    return await asyncio.to_thread(_draw, of, show, rows)


def _draw(of: Series, show: Show, rows: list[asyncpg.Record]) -> Picture:
    states = _by_stores(rows, of.stores) if show is Show.STORES else _by_month(rows)
    chosen = colours(states)
    legend = Legend(
        collection=of.collection,
        dataset=of.dataset,
        year=of.year,
        show=show,
        revision=of.revision,
        tiles=sum(len(state.cells) for state in states),
        width=COLUMNS,
        height=ROWS,
        bbox=(-180, -90, 180, 90),
        stores=of.stores,
        colors=[
            Entry(value=c[0], color="#{:02x}{:02x}{:02x}".format(*c), tiles=len(s.cells), **s.about)
            for s, c in zip(states, chosen, strict=True)
        ],
    )
    text = legend.model_dump_json(exclude_unset=True)
    return Picture(png(states, chosen, {LEGEND: text}), text.encode())


def _by_stores(rows: Iterable[asyncpg.Record], stores: list[str]) -> list[State]:
    """A state for each way in which configured stores have tiles, the best first."""
    found: dict[tuple[Copy, ...], list[bytes]] = {}
    for sound, unsound, cells in rows:
        copies = dict.fromkeys(stores, Copy.MISSING) | {
            name: Copy(state) for name, state in (unsound or {}).items()
        }
        copies |= dict.fromkeys(stores if sound is None else sound, Copy.SOUND)
        found.setdefault(tuple(copies[name] for name in stores), []).append(cells)
    order = list(Copy)
    return [
        State(
            {"stores": dict(zip(stores, copies, strict=True))},
            _cells(parts),
            _wish(copies),
        )
        for copies, parts in sorted(
            found.items(), key=lambda item: [order.index(copy) for copy in item[0]]
        )
    ]


def _wish(copies: tuple[Copy, ...]) -> Colour:
    """Green where all is well, red where a copy is unsound, else by the share of copies."""
    sound = copies.count(Copy.SOUND)
    if sound == len(copies):
        return 42, 157, 143
    if Copy.STALE in copies or Copy.INCOMPLETE in copies:
        return 214, 64, 88
    if sound == 0:
        return 128, 60, 150
    # From orange, for a single copy of many, to yellow.
    return 233, 110 + round(100 * sound / len(copies)), 60


def _by_month(rows: Iterable[asyncpg.Record]) -> list[State]:
    """A state for each month of verification, in their order, and one for never."""
    cells: dict[dt.date | None, bytes] = dict(rows)
    months = sorted(month for month in cells if month is not None)
    first, last = (months[0].toordinal(), months[-1].toordinal()) if months else (0, 0)
    states = [
        State(
            {"verified": f"{month:%Y-%m}"},
            _cells([cells[month]]),
            _between(OLDEST, NEWEST, (month.toordinal() - first) / max(last - first, 1)),
        )
        for month in months
    ]
    if None in cells:
        states.append(State({"verified": None}, _cells([cells[None]]), NEVER))
    return states


def _between(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _cells(parts: list[bytes]) -> Any:
    return np.frombuffer(b"".join(parts), dtype=">i4")

"""`/summary`: what there is and where, by dataset, year and store."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence

import asyncpg
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from tessera_api.catalogue import Connection
from tessera_api.queries import query


class Verified(BaseModel):
    """When the copies that a manifest names were verified."""

    copies: int = Field(description="How many of them ever were")
    oldest: dt.datetime | None
    newest: dt.datetime | None


class Manifest(BaseModel):
    """The manifest of a store that is linked."""

    made: dt.datetime = Field(description="When the store was looked at")
    linked: dt.datetime = Field(description="When the catalogue was brought into step with it")
    tiles: int
    unknown: int = Field(description="How many of the tiles the registry has not")
    verified: Verified


class Copies(BaseModel):
    """What one store has; each tile counts once among the first four."""

    tiles: int = Field(description="Sound copies")
    stale: int = Field(description="Copies that differ from the registry")
    incomplete: int = Field(description="Copies without scales or with an empty file")
    missing: int = Field(description="Tiles it has no copy of")
    bytes: int = Field(description="Of the sound copies, as far as sizes are known")


class LinkedCopies(Copies):
    """What one store has of one year."""

    manifest: Manifest | None = Field(description="null: none is linked")


class Amount(BaseModel):
    """So many tiles."""

    tiles: int
    bytes: int = Field(description="Of one copy of each tile, as far as sizes are known")
    unsized: int = Field(description="Tiles with a file of unknown size")
    fully_replicated: int = Field(description="Tiles with a sound copy on every store")
    nowhere: int = Field(description="Tiles without any sound copy")


class Total(Amount):
    """Several years together."""

    stores: dict[str, Copies]


class Year(Amount):
    """A collection."""

    year: int
    collection: str
    revision: int
    loaded: dt.datetime
    stores: dict[str, LinkedCopies]


class Dataset(BaseModel):
    """A dataset version."""

    dataset: str
    total: Total
    years: list[Year]


class Store(BaseModel):
    """A configured store."""

    name: str
    title: str
    url: str


class Summary(BaseModel):
    """What there is and where."""

    revision: int
    stores: list[Store] = Field(description="Most preferred first")
    datasets: list[Dataset]


def router() -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["Map"])

    @routes.get("/summary", summary="What there is and where", response_model=Summary)
    async def summary(request: Request) -> Response:
        """Tiles, bytes, gaps and verification by dataset, year and store."""
        async with request.app.state.get_connection(request, "r") as connection:
            found = await read(connection)
        return Response(found.model_dump_json(), media_type="application/json")

    return routes


async def read(connection: Connection) -> Summary:
    """The summary of one state of the catalogue, from what is counted already."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        tables = {
            name: await connection.fetch(query(f"summary_{name}"))
            for name in ("stores", "series", "placements", "links")
        }
    return _summary(**tables)


Rows = Sequence[asyncpg.Record]


def _summary(stores: Rows, series: Rows, placements: Rows, links: Rows) -> Summary:
    names = [store["name"] for store in stores]
    placed: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in placements:
        placed[row["collection"]].append(row)
    linked = {(row["collection"], row["store"]): row for row in links}
    datasets: dict[str, list[Year]] = defaultdict(list)
    for one in series:
        if one["tiles"]:
            of = one["collection"]
            manifests = {name: linked.get((of, name)) for name in names}
            datasets[one["dataset"]].append(_year(one, placed[of], manifests))
    return Summary(
        # Of all collections: one that lost its tiles has the catalogue's last change in it.
        revision=max((one["revision"] for one in series), default=0),
        stores=[Store(**store) for store in stores],
        datasets=[
            Dataset(dataset=dataset, total=_total(years, names), years=years)
            for dataset, years in datasets.items()
        ],
    )


def _year(one: asyncpg.Record, placed: Rows, links: dict[str, asyncpg.Record | None]) -> Year:
    """A collection by its placements; `links` has the linked manifest, if any, of each store."""

    def of(rows: Iterable[asyncpg.Record], column: str = "tiles") -> int:
        return sum(row[column] for row in rows)

    return Year(
        year=one["year"],
        collection=one["collection"],
        revision=one["revision"],
        loaded=one["loaded_at"],
        tiles=of(placed),
        bytes=of(placed, "bytes"),
        unsized=of(placed, "unsized"),
        fully_replicated=of(row for row in placed if links.keys() <= set(row["stores"])),
        nowhere=of(row for row in placed if not links.keys() & set(row["stores"])),
        stores={
            name: LinkedCopies(
                tiles=of(row for row in placed if name in row["stores"]),
                stale=link["stale"] if link else 0,
                incomplete=link["incomplete"] if link else 0,
                missing=of(
                    row for row in placed if name not in row["stores"] + row["unsound_stores"]
                ),
                bytes=of((row for row in placed if name in row["stores"]), "bytes"),
                manifest=_manifest(link) if link else None,
            )
            for name, link in links.items()
        },
    )


def _manifest(link: asyncpg.Record) -> Manifest:
    return Manifest(
        made=link["manifest_made"],
        linked=link["linked_at"],
        tiles=link["rows"],
        unknown=link["unknown"],
        verified=Verified(
            copies=link["verified"], oldest=link["verified_first"], newest=link["verified_last"]
        ),
    )


def _total(years: Sequence[Year], stores: Iterable[str]) -> Total:
    """The sums over some years, all of the same stores."""
    copies = {store: [year.stores[store] for year in years] for store in stores}
    return Total(
        **_sums(Amount, years),
        stores={store: Copies(**_sums(Copies, parts)) for store, parts in copies.items()},
    )


def _sums(model: type[BaseModel], parts: Sequence[BaseModel]) -> dict[str, int]:
    """The sum of each field of a model of numbers."""
    return {name: sum(getattr(part, name) for part in parts) for name in model.model_fields}

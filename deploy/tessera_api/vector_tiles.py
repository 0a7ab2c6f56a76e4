"""`/tiles/{collection}/{z}/{x}/{y}.mvt`: tiles of the catalogue as vector tiles for maps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from tessera_api import series
from tessera_api.errors import InvalidParameter
from tessera_api.queries import query

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"

MIN_ZOOM, MAX_ZOOM = 5, 14
"""At 5 a square has 12,656 cells; the coverage picture is for what lies above. At 14 a tile is
larger than its square, and maps enlarge what they have."""

Zoom = Annotated[int, Path(ge=MIN_ZOOM, le=MAX_ZOOM)]
Place = Annotated[int, Path(ge=0, lt=2**MAX_ZOOM)]


def router() -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["Map"])

    @routes.get(
        "/tiles/{collection_id}/{z}/{x}/{y}.mvt",
        summary="Tiles of a collection as a vector tile",
        response_class=Response,
        responses={
            200: {"content": {MEDIA_TYPE: {}}, "description": "A Mapbox Vector Tile, version 2"},
            204: {"description": "The collection has no tiles there"},
        },
    )
    async def vector_tile(
        request: Request, collection_id: str, z: Zoom, x: Place, y: Place
    ) -> Response:
        """All tiles of a square of Web Mercator, none left out.

        The one layer, `tiles`, has polygons with the tile's number as their id and the properties
        `id` (that of the STAC item), `lon`, `lat` (its centre), `year`, `stores` (those with a
        sound copy, most preferred first, with commas), `unsound_stores`, `store_count`,
        `embeddings_size`, `scales_size` (bytes) and `verified`; what is unknown is left out.
        """
        if max(x, y) >= 2**z:
            raise InvalidParameter(f"zoom {z} has columns and rows 0 to {2**z - 1}, not {x}/{y}")
        async with request.app.state.get_connection(request, "r") as connection:
            await series.find(connection, collection_id)
            tile: bytes = await connection.fetchval(query("vector_tile"), collection_id, z, x, y)
        return Response(tile, media_type=MEDIA_TYPE) if tile else Response(status_code=204)

    return routes

"""The catalogue's logo, which STAC Browser shows beside its title."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter
from starlette.responses import Response

PATH = "/logo.png"

_LOGO = resources.files("tessera_api") / "static" / "logo.png"


def router() -> APIRouter:
    """The route of the picture, 256 pixels wide and high."""
    routes = APIRouter(tags=["Core"])
    content = _LOGO.read_bytes()

    @routes.get(PATH, summary="The catalogue's logo", response_class=_Png)
    async def logo() -> Response:
        return _Png(content, headers={"Cache-Control": "public, max-age=86400"})

    return routes


class _Png(Response):
    media_type = "image/png"

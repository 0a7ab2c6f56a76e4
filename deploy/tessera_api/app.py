"""The STAC API as an ASGI application: `uvicorn tessera_api.app:app`."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from stac_fastapi.api.app import StacApi
from stac_fastapi.api.middleware import ProxyHeaderMiddleware
from stac_fastapi.api.models import create_get_request_model, create_post_request_model
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse

from tessera_api import coverage, errors, features, logo, metrics, openapi, summary, vector_tiles
from tessera_api.caching import RevisionMiddleware
from tessera_api.client import Client
from tessera_api.database import lifespan
from tessera_api.extensions import extensions
from tessera_api.health import health
from tessera_api.http import HeadMiddleware, PrefixMiddleware
from tessera_api.parameters import ItemsGet, SearchGet, SearchPost
from tessera_api.rates import RateMiddleware
from tessera_api.settings import DatabaseSettings, Settings, of_environment

STAC_VERSION = "1.1.0"

EXPOSED_HEADERS = ("ETag", "Link", "Retry-After")


def create_app(settings: Settings | None = None) -> FastAPI:
    """Assemble the application; it looks for its database when it is started."""
    settings = settings or of_environment(Settings)
    served = extensions()
    search = create_post_request_model(served.search, base_model=SearchPost)
    api = StacApi(
        app=FastAPI(
            title=settings.stac_fastapi_title,
            description=settings.stac_fastapi_description,
            version=settings.stac_fastapi_version,
            openapi_url=settings.openapi_url,
            docs_url=settings.docs_url,
            redoc_url=None,
            lifespan=lifespan(of_environment(DatabaseSettings)),
        ),
        router=APIRouter(prefix=settings.prefix_path),
        settings=settings,
        stac_version=STAC_VERSION,
        extensions=served.all,
        client=Client(),
        response_class=JSONResponse,
        items_get_request_model=create_get_request_model(served.items, ItemsGet),
        search_get_request_model=create_get_request_model(served.search, SearchGet),
        search_post_request_model=search,
        collections_get_request_model=served.collections.GET,
        middlewares=middlewares(settings),
        health_check=health,  # type: ignore[arg-type]  # it is given the request
    )
    for routes in (coverage.router(), vector_tiles.router(), summary.router(), logo.router()):
        api.app.include_router(routes, prefix=settings.prefix_path)
    features.add(api.app, settings.prefix_path)
    if settings.enable_metrics:
        metrics.add(api.app, settings.prefix_path)
    errors.add_handlers(api.app)
    openapi.complete(api.app)
    return api.app


def middlewares(settings: Settings) -> list[Middleware]:
    """What every request passes, the last one first."""
    return [
        Middleware(
            RevisionMiddleware,
            version=settings.stac_fastapi_version,
            unrelated=("/_mgmt/", logo.PATH, settings.openapi_url, settings.docs_url),
        ),
        Middleware(HeadMiddleware),
        Middleware(GZipMiddleware, minimum_size=1000, compresslevel=2),
        Middleware(RateMiddleware, limit=settings.rate_limit, unlimited=("/_mgmt/",)),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_origin_regex=settings.cors_origin_regex,
            allow_methods=settings.cors_methods,
            allow_headers=settings.cors_headers,
            allow_credentials=settings.cors_credentials,
            # Pages of the public STAC Browser may then use a catalogue on this machine.
            allow_private_network=True,
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        ),
        Middleware(ProxyHeaderMiddleware),
        Middleware(PrefixMiddleware, root_path=settings.root_path),
    ]


app = create_app()

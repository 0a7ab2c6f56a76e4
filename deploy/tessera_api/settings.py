"""What the API takes from the environment.

`TESSERA_API_*` configures the API; the standard `PG*` variables (or `POSTGRES_*`) say where the
database is. `TESSERA_API_PGUSER` and `TESSERA_API_PGPASSWORD` take precedence over `PGUSER` and
`PGPASSWORD`, so that one environment can serve the loader as owner and the API as a reader.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from stac_fastapi.pgstac.config import Settings as PgstacSettings
from stac_fastapi.pgstac.config import str_to_list

LANDING_PAGE_ID = "geotessera"

MAX_LIMIT = 10_000
"""Items a page may have; stac-fastapi caps a larger `limit` to it."""

DEFAULT_LIMIT = 10
"""Items of a page when the client names no `limit`, as the STAC API says."""

BROWSER = "https://radiantearth.github.io/stac-browser/#/external/"
"""The public STAC Browser; the address of a catalogue goes behind it."""

TITLE = "GeoTessera"

DESCRIPTION = (
    "Catalogue of the [GeoTessera](https://geotessera.org) embeddings: 128 channels a pixel at "
    "10 m, a year, in tiles of 0.1 degree. Each item is one tile of one year and says which "
    "stores hold a copy of its files, and which do not yet."
)


def _from(*variables: str) -> Any:
    """The environment variables a setting is taken from, the first one set wins."""
    return Field(validation_alias=AliasChoices(*variables))


class Settings(PgstacSettings):  # type: ignore[misc]
    """The API's own settings, each `TESSERA_API_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix="TESSERA_API_", env_file=None, extra="ignore", populate_by_name=True
    )

    stac_fastapi_title: Annotated[str, _from("TESSERA_API_TITLE")] = TITLE
    stac_fastapi_description: Annotated[str, _from("TESSERA_API_DESCRIPTION")] = DESCRIPTION
    stac_fastapi_landing_id: str = LANDING_PAGE_ID
    stac_fastapi_version: str = version("tessera-stac")

    root_path: str = ""
    """Path the API is published under when the proxy takes it off and does not say so."""

    use_api_hydrate: bool = True
    enable_metrics: Annotated[bool, _from("TESSERA_API_METRICS")] = False

    cors_methods: Annotated[tuple[str, ...], BeforeValidator(str_to_list), NoDecode] = (
        "GET",
        "POST",
        "HEAD",
        "OPTIONS",
    )
    cors_headers: Annotated[tuple[str, ...], BeforeValidator(str_to_list), NoDecode] = ("*",)


class DatabaseSettings(BaseSettings):
    """Where the database is and how long a request may use it."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", populate_by_name=True)

    user: Annotated[str, _from("TESSERA_API_PGUSER", "PGUSER", "POSTGRES_USER")] = "tessera_api"
    password: Annotated[
        SecretStr,
        _from("TESSERA_API_PGPASSWORD", "PGPASSWORD", "POSTGRES_PASSWORD", "POSTGRES_PASS"),
    ] = SecretStr("")
    host: Annotated[str, _from("PGHOST", "POSTGRES_HOST")] = "127.0.0.1"
    port: Annotated[int, _from("PGPORT", "POSTGRES_PORT")] = 5432
    database: Annotated[str, _from("PGDATABASE", "POSTGRES_DB", "POSTGRES_DBNAME")] = "postgres"

    pool_size: Annotated[int, _from("TESSERA_API_POOL_SIZE"), Field(ge=1, le=1000)] = 10
    statement_timeout: Annotated[
        float, _from("TESSERA_API_STATEMENT_TIMEOUT"), Field(gt=0, le=3600)
    ] = 20.0
    """Seconds a statement may run before the client is told to try again (503)."""

    connect_timeout: Annotated[float, _from("TESSERA_API_CONNECT_TIMEOUT"), Field(gt=0, le=600)] = (
        5.0
    )
    """Seconds to wait for the server, or for a free connection, before saying 503."""

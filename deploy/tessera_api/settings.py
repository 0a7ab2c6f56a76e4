"""What the API takes from the environment.

`TESSERA_API_*` configures the API; the standard `PG*` variables (or `POSTGRES_*`) say where the
database is. `TESSERA_API_PGUSER` and `TESSERA_API_PGPASSWORD` take precedence over `PGUSER` and
`PGPASSWORD`, so that one environment can serve the loader as owner and the API as a reader. An
empty variable is as good as none.

A password from a file (a secret of compose, of Kubernetes) is named by
`TESSERA_API_PGPASSWORD_FILE`. The file holds the password and nothing else but a line's end; any
mode will do that lets the API read it. It takes precedence over every other password, and is read
for each new connection, so that a password that changes needs no restart.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from stac_fastapi.pgstac.config import Settings as PgstacSettings
from stac_fastapi.pgstac.config import str_to_list

from tessera_api.rates import checked as checked_rates
from tessera_catalog.errors import EXIT_USAGE

PREFIX = "TESSERA_API_"

LANDING_PAGE_ID = "geotessera"

MAX_LIMIT = 10_000
"""Items a page may have; stac-fastapi caps a larger `limit` to it."""

DEFAULT_LIMIT = 10
"""Items of a page when the client names no `limit`, as the STAC API says."""

BROWSER = "https://radiantearth.github.io/stac-browser/#/external/{catalogue}"
"""The public STAC Browser, which shows any catalogue."""

TITLE = "GeoTessera"

DESCRIPTION = (
    "Catalogue of the [GeoTessera](https://geotessera.org) embeddings: 128 channels a pixel at "
    "10 m, a year, in tiles of 0.1 degree. Each item is one tile of one year and says which "
    "stores hold a copy of its files, and which do not yet."
)


def _checked_address(text: str) -> str:
    if not re.fullmatch(r"(https?:/)?/\S*", text):
        raise ValueError(f"'{text[:60]}' is no address: write https://… or /browser/")
    return text


def _from(*variables: str) -> Any:
    """The environment variables a setting is taken from, the first one set wins."""
    return Field(validation_alias=AliasChoices(*variables))


class Settings(PgstacSettings):  # type: ignore[misc]
    """The API's own settings, each `TESSERA_API_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=None,
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    stac_fastapi_title: Annotated[str, _from("TESSERA_API_TITLE")] = TITLE
    stac_fastapi_description: Annotated[str, _from("TESSERA_API_DESCRIPTION")] = DESCRIPTION
    stac_fastapi_landing_id: str = LANDING_PAGE_ID
    stac_fastapi_version: str = version("tessera-stac")

    root_path: str = ""
    """Path the API is published under when the proxy takes it off and does not say so."""

    browser: Annotated[str, AfterValidator(_checked_address)] = BROWSER
    """Address of the STAC Browser that the landing page links: `{catalogue}` stands for the
    address of this one, and a path is of the same server."""

    use_api_hydrate: bool = True
    enable_metrics: Annotated[bool, _from("TESSERA_API_METRICS")] = False

    max_lag: Annotated[float | None, Field(ge=0)] = None
    """Seconds that a standby may be behind and still say that it is ready; None: any."""

    rate_limit: Annotated[str, AfterValidator(checked_rates)] = ""
    """Requests of one client, `600/minute`, or several such with `;`; empty: any number."""

    cors_methods: Annotated[tuple[str, ...], BeforeValidator(str_to_list), NoDecode] = (
        "GET",
        "POST",
        "HEAD",
        "OPTIONS",
    )
    cors_headers: Annotated[tuple[str, ...], BeforeValidator(str_to_list), NoDecode] = ("*",)


class DatabaseSettings(BaseSettings):
    """Where the database is and how long a request may use it."""

    model_config = SettingsConfigDict(
        env_file=None, env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    user: Annotated[str, _from("TESSERA_API_PGUSER", "PGUSER", "POSTGRES_USER")] = "tessera_api"
    password: Annotated[
        SecretStr,
        _from("TESSERA_API_PGPASSWORD", "PGPASSWORD", "POSTGRES_PASSWORD", "POSTGRES_PASS"),
    ] = SecretStr("")
    password_file: Annotated[FilePath | None, _from("TESSERA_API_PGPASSWORD_FILE")] = None
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

    @property
    def credential(self) -> str | Callable[[], str] | None:
        """The password, or what has it for a new connection; None lets the driver look for one."""
        file = self.password_file
        if file is None:
            return self.password.get_secret_value() or None
        return lambda: file.read_text(encoding="utf-8").rstrip("\r\n")


T = TypeVar("T", bound=BaseSettings)


def of_environment(kind: type[T]) -> T:
    """Settings from the environment; a line on stderr for each that is wrong, and the end."""
    try:
        return kind()
    except ValidationError as error:
        for each in error.errors():
            name = str(each["loc"][0])
            variable = name if name.isupper() else f"{PREFIX}{name.upper()}"
            print(f"tessera_api: {variable}: {_said(each)}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None


def _said(error: Any) -> str:
    """What is wrong with a setting: in our words, or pydantic's."""
    text: str = error["msg"].removeprefix("Value error, ")
    return text[0].lower() + text[1:]

"""The stores' configuration, `stores.toml`: who holds copies, where, and in what preference."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tessera_catalog.errors import InputError

DATASET_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}"
"""A dataset's id; it becomes part of collection ids and so of URLs."""

DATASET = "{dataset}"
"""What stands for a dataset's id in the addresses of a store that holds several."""

_PACKAGED = resources.files("tessera_catalog") / "stores.toml"


class Dataset(BaseModel):
    """The default dataset version; its collections are `geotessera-{year}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=rf"^{DATASET_PATTERN}$")] = "v1"


class Store(BaseModel):
    """One place that holds a copy of the tiles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # An underscore at most: the name becomes a property, `tessera:in_{name}`, of CQL2 text.
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)] = ""
    url: str
    root: str | None = None
    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False
    egress_usd_per_gb: Annotated[float, Field(ge=0, le=100)] = 0.0
    layout: Literal["{year}/{tile}"] = "{year}/{tile}"

    @field_validator("url")
    @classmethod
    def _public(cls, value: str) -> str:
        return _address(value, {"https", "http"}, DATASET)

    @field_validator("root")
    @classmethod
    def _reachable(cls, value: str | None) -> str | None:
        return None if value is None else _address(value, {"file", "s3", "https", "http"}, DATASET)

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        return None if value is None else _address(value, {"https", "http"})

    @model_validator(mode="before")
    @classmethod
    def _title_of_name(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("name"), str) and data["name"]:
            return {"title": data["name"], **data}
        return data

    def need_root(self) -> str:
        """Where the tools read and write this store; InputError when it is not configured."""
        if self.root is None:
            raise InputError(
                f"store '{self.name}' has no root in the configuration: "
                "add one (file:///…, s3://bucket/prefix or https://…), or use a listing"
            )
        return self.root


class Notify(BaseModel):
    """Whom `tessera-sync notify` tells of gaps, unless its options say otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[str, ...] = ()
    """A program and its arguments."""
    webhook: str | None = None

    @field_validator("webhook")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        return None if value is None else _address(value, {"https", "http"})


class Stores(BaseModel):
    """The whole configuration; iteration and `names` are in order of preference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: Dataset = Dataset()
    notify: Notify = Notify()
    stores: Annotated[tuple[Store, ...], Field(max_length=64)]

    @field_validator("stores", mode="before")
    @classmethod
    def _some(cls, value: object) -> object:
        if isinstance(value, list) and not value:
            raise ValueError("no store is defined: begin one with [[stores]]")
        if not isinstance(value, list | tuple):
            raise ValueError("write each store as a table [[stores]]")
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"store '{twice[0]}' is defined twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stores in order of preference."""
        return tuple(store.name for store in self.stores)

    @property
    def primary(self) -> Store:
        """The store whose tiles form the catalogue."""
        return self.stores[0]

    def get(self, name: str) -> Store:
        """The store of that name; InputError, naming the nearest known one, when there is none."""
        for store in self.stores:
            if store.name == name:
                return store
        raise InputError(
            f"no store is called '{name}'{_nearest(name, self.names)}; "
            f"the stores are {', '.join(self.names)}"
        )

    def rooted(self, dataset: str) -> Self:
        """The same with the roots of a dataset, where they differ from one to the other."""
        stores = (
            store.model_copy(update={"root": store.root and store.root.replace(DATASET, dataset)})
            for store in self.stores
        )
        return self.model_copy(update={"stores": tuple(stores)})

    def collection_id(self, dataset: str, year: int) -> str:
        """Id of a year's collection: the default dataset's ids do not name it."""
        if dataset == self.dataset.id:
            return f"geotessera-{year}"
        return f"geotessera-{dataset}-{year}"


def load_stores(path: Path | None = None) -> Stores:
    """Read the configuration from `path`, else from TESSERA_STORES, else the packaged one."""
    if path is None and os.environ.get("TESSERA_STORES"):
        path = Path(os.environ["TESSERA_STORES"])
    try:
        text = (_PACKAGED if path is None else path).read_text(encoding="utf-8")
        return Stores.model_validate(tomllib.loads(text))
    except OSError as error:
        raise InputError(f"stores configuration {path}: {error.strerror}") from error
    except ValidationError as error:
        raise InputError(f"stores configuration {path}: {_first_line(error)}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"stores configuration {path} is not TOML: {error}") from error


def _address(value: str, schemes: set[str], placeholder: str = "") -> str:
    """A URL of one of the schemes without credentials, query or trailing slash.

    Nothing in braces but the placeholder, if there is one.
    """
    # First, and before parsing, so that no message ever repeats a password or a signature.
    if "?" in value or "#" in value or ("@" in value and not value.startswith("file:")):
        raise ValueError(
            "credentials do not belong in the configuration: use the environment, "
            "and write a plain address without '@', '?' and '#'"
        )
    if not value.isprintable() or (" " in value and not value.startswith("file:")):
        raise ValueError(f"{value!r} has a space or a control character")
    if set(value.replace(placeholder, "")) & {"{", "}"}:
        allowed = f" but {placeholder}" if placeholder else ""
        raise ValueError(f"'{value}' may have nothing in braces{allowed}")
    parts = urlsplit(value)
    if parts.scheme not in schemes:
        raise ValueError(f"'{value}' must begin with one of {', '.join(sorted(schemes))}://")
    path = parts.path.rstrip("/")
    if parts.scheme == "file" and (parts.netloc or not path.startswith("/")):
        raise ValueError(f"'{value}' must be an absolute path: file:///…")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError(f"'{value}' must be a plain address: host and path")
    _ = parts.port  # ValueError when it is none
    return value.rstrip("/")


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""


def _first_line(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_input=False)
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    rest = f" (and {len(more)} more)" if more else ""
    return f"{place}: {first['msg'].removeprefix('Value error, ')}{rest}"

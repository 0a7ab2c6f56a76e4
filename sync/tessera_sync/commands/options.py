"""Options that many verbs share, and what they amount to."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tessera_catalog.atomic import is_folder, make_folder
from tessera_catalog.errors import InputError
from tessera_sync.commands.groups import Group

if TYPE_CHECKING:
    from tessera_catalog.store_manifest import Manifest
    from tessera_catalog.stores import Stores
    from tessera_sync.selection import Selection

# Given before the verb or after it; the environment stands behind both.
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="directory of the manifests (else $TESSERA_DATA)"),
]
StoresFile = Annotated[
    Path | None,
    typer.Option(
        "--stores", metavar="FILE", help="stores.toml (else $TESSERA_STORES, else the packaged one)"
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option("--dataset", metavar="ID", help="dataset version (else the configuration's)"),
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help="exit with 10 when there is something to do")
]
LookedAt = Annotated[str, typer.Argument(metavar="STORE", help="store to look at")]
Source = Annotated[str, typer.Argument(metavar="SRC", help="store to copy from")]


@dataclass(frozen=True)
class Only(Group):
    """Which tiles a verb is about."""

    year: Annotated[
        list[int] | None, typer.Option("--year", help="only tiles of this year; may be repeated")
    ] = None
    bbox: Annotated[
        str | None,
        typer.Option("--bbox", metavar="W,S,E,N", help="only tiles in the box, in degrees"),
    ] = None
    region: Annotated[
        Path | None,
        typer.Option(
            "--region", metavar="FILE", help="only tiles in the polygons of a GeoJSON file"
        ),
    ] = None

    def selection(self) -> Selection:
        """The tiles that these options leave."""
        from tessera_sync.selection import select

        return select(self.year or [], self.bbox, self.region)


@dataclass(frozen=True)
class Given:
    """What stood before the verb."""

    data: Path | None = None
    stores: Path | None = None
    dataset: str | None = None


@dataclass(frozen=True)
class Where(Group):
    """Where the manifests are, and what the stores are, as far as it stands after the verb."""

    context: typer.Context
    data: Data = None
    stores: StoresFile = None
    dataset: Dataset = None

    @property
    def before(self) -> Given:
        """What stood before the verb."""
        given: Given = self.context.obj or Given()
        return given

    def directory(self, question: str = "where are the manifests?", *, create: bool) -> Path:
        """The data directory; with `create` a missing one is made. InputError when none is told."""
        directory = self.data or self.before.data
        if directory is None:
            raise InputError(f"{question} Give --data DIR, or set TESSERA_DATA")
        if create and is_folder(directory.parent):
            make_folder(directory)
        return directory

    def setup(self, *, create: bool = False) -> Setup:
        """What these options and the configuration come to; `create` is that of `directory`."""
        from tessera_catalog.stores import DATASET_PATTERN, load_stores

        directory = self.directory(create=create)
        if not is_folder(directory):
            raise InputError(f"--data {directory}: no such directory")
        configured = load_stores(self.stores or self.before.stores)
        wanted = self.dataset or self.before.dataset or configured.dataset.id
        if not re.fullmatch(DATASET_PATTERN, wanted):
            raise InputError(f"--dataset '{wanted}': letters, digits, '.', '_', '~' and '-' only")
        return Setup(directory, configured.rooted(wanted), wanted)


@dataclass(frozen=True)
class Setup:
    """Where the manifests are, and what the stores are."""

    data_dir: Path
    stores: Stores
    dataset: str

    def load(self, store: str) -> Manifest:
        """A store's manifest; InputError when there is no such store, or no manifest of it."""
        from tessera_sync import manifests

        manifest = manifests.load(self.data_dir, self.stores.get(store).name, self.dataset)
        for reason, count in manifest.rejected.items():
            note(f"{manifest.name}: {count:,} rows left out: {reason}")
        return manifest

    def known(self) -> list[str]:
        """Names of the stores that have a manifest, in order; InputError when none has."""
        from tessera_sync.manifests import known

        return known(self.data_dir, self.stores)


def note(line: str) -> None:
    """Say something to the person, apart from the data."""
    print(line, file=sys.stderr)


def print_json(value: dict[str, Any]) -> None:
    """Print a verb's result for machines."""
    print(json.dumps(value, ensure_ascii=False))

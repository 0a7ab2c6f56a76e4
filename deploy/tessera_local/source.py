"""What the demo shows: a registry made up for it, or one the user names."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tessera_catalog.atomic import replacing
from tessera_catalog.errors import Failed, InputError

DEFAULT_TILES = 60_000

SEED = 1


@dataclass(frozen=True)
class Source:
    """A registry, the folder of the stores' manifests, and what tells them from others."""

    registry: str
    manifests: Path
    signature: str


def given(registry: str, home: Path) -> Source:
    """A registry of the user's: a path, https://… or s3://…; there are no manifests yet."""
    manifests = home / "data" / "given"
    manifests.mkdir(parents=True, exist_ok=True)
    if "://" in registry:
        return Source(registry, manifests, registry)
    path = Path(registry).resolve()
    if not path.is_file():
        raise InputError(f"REGISTRY={registry}: no such file")
    return Source(str(path), manifests, _signature(path))


def synthetic(tiles: int, home: Path) -> Source:
    """A synthetic registry of so many tiles, and three manifests; made when it is not there yet."""
    folder = home / "data" / "synthetic"
    parameters = {"tiles": tiles, "seed": SEED}
    label = folder / "parameters.json"
    if _parameters(label) != parameters:
        _generate(folder, tiles)
        with replacing(label) as temporary:
            temporary.write_text(json.dumps(parameters) + "\n")
    registry = folder / "registry.parquet"
    return Source(str(registry), folder, _signature(registry))


def _parameters(label: Path) -> object:
    """What the registry there was made with; None when it is not there, or not whole."""
    try:
        return json.loads(label.read_text())
    except (OSError, ValueError):
        return None


def _generate(folder: Path, tiles: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [
        sys.executable, "-m", "tessera_catalog.synthetic", str(folder),
        "--tiles", str(tiles), "--seed", str(SEED),
    ]  # fmt: skip
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise Failed(f"the synthetic registry of {tiles} tiles could not be made")


def _signature(path: Path) -> str:
    state = path.stat()
    return f"{path} {state.st_size} {state.st_mtime_ns}"

"""What `notify` has told last, `<data>/told.json`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from tessera_catalog import atomic
from tessera_catalog.errors import InputError
from tessera_sync.gaps import Key, Kind, Known

FILE = "told.json"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    store: str
    year: int | None
    kind: Kind
    tiles: NonNegativeInt


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dataset: str
    told: list[_Row]


def read_told(data_dir: Path, dataset: str) -> dict[Key, int]:
    """Tiles of each problem that was told; none when nothing was, or only of another dataset.

    InputError when the file is not one of ours.
    """
    path = data_dir / FILE
    try:
        file = _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path}: not what notify writes ({place}: {first['msg']}): "
            "delete it, and everything is told again"
        ) from error
    if file.dataset != dataset:
        return {}
    return {(row.store, row.year, row.kind): row.tiles for row in file.told}


def write_told(data_dir: Path, dataset: str, known: Known) -> None:
    """Remember what is known; the caller holds the lock."""
    rows = [_Row(store=s, year=y, kind=k, tiles=tiles) for (s, y, k), tiles in known.items()]
    text = _File(dataset=dataset, told=rows).model_dump_json(indent=1)
    path = data_dir / FILE
    with atomic.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

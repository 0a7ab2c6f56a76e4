"""Measured rates of copying between stores, `<data>/rates.json`: {"src→dst": bytes per second}."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from tessera_catalog import atomic
from tessera_catalog.locks import hold

FILE = "rates.json"

_Rates = TypeAdapter(dict[str, Annotated[float, Field(ge=1, allow_inf_nan=False)]])


def rate_key(source: str, target: str) -> str:
    """Name of a direction in the file."""
    return f"{source}→{target}"


def read_rates(data_dir: Path) -> dict[str, float]:
    """The rates known; a file that is missing or damaged tells none, for it only serves guesses."""
    try:
        return _Rates.validate_json((data_dir / FILE).read_bytes())
    except (OSError, ValueError):
        return {}


def store_rate(data_dir: Path, source: str, target: str, bytes_per_second: float) -> None:
    """Remember the last measured rate of one direction."""
    with hold(data_dir / ".rates.lock", f"{FILE} is being changed", wait=30):
        rates = read_rates(data_dir) | {rate_key(source, target): round(bytes_per_second, 1)}
        with atomic.replacing(data_dir / FILE) as temporary:
            temporary.write_text(json.dumps(rates, ensure_ascii=False, indent=1), encoding="utf-8")

"""Measured rates of copying between stores, `<data>/rates.json`: {"src→dst": bytes per second}."""

from __future__ import annotations

import json
from pathlib import Path

from tessera_catalog import atomic
from tessera_catalog.locks import hold

FILE = "rates.json"


def rate_key(source: str, target: str) -> str:
    """Name of a direction in the file."""
    return f"{source}→{target}"


def read_rates(data_dir: Path) -> dict[str, float]:
    """The rates known; a file that is missing or damaged tells none, for it only serves guesses."""
    try:
        known = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in known.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def store_rate(data_dir: Path, source: str, target: str, bytes_per_second: float) -> None:
    """Remember the last measured rate of one direction."""
    with hold(data_dir / ".rates.lock", f"{FILE} is being changed", wait=30):
        rates = read_rates(data_dir) | {rate_key(source, target): round(bytes_per_second, 1)}
        with atomic.replacing(data_dir / FILE) as temporary:
            temporary.write_text(json.dumps(rates, ensure_ascii=False, indent=1), encoding="utf-8")

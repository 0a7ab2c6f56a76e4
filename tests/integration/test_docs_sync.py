"""The pages about tessera-sync do what they say: every console in them, first to last."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import console
import pyarrow as pa
import pyarrow.parquet as pq
from seaweedfs import S3Server

ROOT = Path(__file__).resolve().parents[2]


def test_a_sync_from_beginning_to_end(
    tmp_path: Path, s3_server: S3Server, pg_env: dict[str, str]
) -> None:
    login = {k: v for k, v in pg_env.items() if k not in ("PGHOST", "PGDATABASE")}
    console.rehearse(
        ROOT / "docs" / "sync.md",
        tmp_path,
        environment(**login, **s3_server.environment),
        {
            "/srv/tessera": str(tmp_path),
            "http://127.0.0.1:8333": s3_server.endpoint,
            "db.example.org": pg_env["PGHOST"],
            "tessera_catalogue": pg_env["PGDATABASE"],
        },
    )


def test_taking_over_from_the_first_server(tmp_path: Path) -> None:
    old = tmp_path / "data"
    old.mkdir()
    first_server(old / "okavango.parquet", [0.05, 0.15, 0.25, 0.35, 0.45])
    first_server(old / "s3.parquet", [0.15, 0.25, 0.35])
    console.rehearse(ROOT / "docs" / "from-stac-server.md", tmp_path, environment())


def first_server(path: Path, longitudes: list[float]) -> None:
    """A manifest as the first server wrote it."""
    count = len(longitudes)
    columns = {
        "lat": [52.15] * count,
        "lon": longitudes,
        "year": [2024] * count,
        "file_size": [108_527_232] * count,
        "scales_size": [3_391_600] * count,
        "hash": [""] * count,
    }
    pq.write_table(pa.table(columns), path)


def environment(**more: str) -> dict[str, str]:
    """Of a shell that finds the programs, and in which nothing is configured but `more`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS", "PG", "TESSERA"))}
    return clean | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | more

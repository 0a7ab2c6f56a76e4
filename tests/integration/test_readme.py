"""The README's session as it stands there, then what clients and analysts do with its tiles."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from api_server import running
from console import rehearse

ROOT = Path(__file__).resolve().parents[2]


def test_the_session(migrated_pg_env: dict[str, str], tmp_path: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "TESSERA_"))}
    environment = {**kept, **migrated_pg_env, "PATH": tools}
    with running(environment) as address:
        places = {
            "http://127.0.0.1:8080/api": address,
            "make boundaries": f"make -C {ROOT} --no-print-directory boundaries",
        }
        for page in ("README.md", "docs/clients.md", "docs/analysts.md"):
            rehearse(ROOT / page, tmp_path, environment, places)

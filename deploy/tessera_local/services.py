"""The servers of the local stack: the API, and Caddy in front of it."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from tessera_local.ports import ADDRESS
from tessera_local.processes import Service
from tessera_local.server import Server

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

_PROGRAMS = Path(sys.executable).parent

_CADDYFILE = ROOT / "deploy" / "Caddyfile"

_MAP = ROOT / "frontend" / "dist"

_CODE = ("loaders", "sync", "deploy")


def api(reader: Server, database: str, port: int) -> Service:
    """The STAC API on a port of its own."""
    return Service(
        name="api",
        command=(
            str(_PROGRAMS / "uvicorn"), "tessera_api.app:app", "--host", ADDRESS,
            "--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", "5",
        ),
        environment=reader.environment(database),
        port=port,
        health=f"http://{ADDRESS}:{port}/_mgmt/ping",
        code=code_version(),
    )  # fmt: skip


def caddy(api_port: int, port: int, home: Path) -> Service:
    """Caddy on the public port."""
    return Service(
        name="caddy",
        command=(
            str(_PROGRAMS / "caddy"), "run", "--adapter", "caddyfile", "--config", str(_CADDYFILE)
        ),
        environment={
            "TESSERA_SITE": f"http://:{port}",
            "TESSERA_BIND": ADDRESS,
            "TESSERA_API": f"{ADDRESS}:{api_port}",
            "TESSERA_MAP": str(_MAP),
            "XDG_DATA_HOME": str(home / "caddy"),
            "XDG_CONFIG_HOME": str(home / "caddy"),
        },
        port=port,
        health=f"http://{ADDRESS}:{port}/api/_mgmt/ping",
        code=hashlib.sha256(_CADDYFILE.read_bytes()).hexdigest(),
    )  # fmt: skip


def code_version() -> str:
    """Changes with every edit of the packages and with every installation of their needs."""
    files = [
        Path(folder, name)
        for top in _CODE
        for folder, _, names in os.walk(ROOT / top)
        for name in names
        if name.endswith((".py", ".sql", ".toml"))
    ]
    newest = max(file.stat().st_mtime_ns for file in [*files, Path(sys.prefix, "pyvenv.cfg")])
    return f"{len(files)} {newest}"

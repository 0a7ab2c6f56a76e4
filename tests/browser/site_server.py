"""The map's files and the API behind one address, by the Caddyfile that is used everywhere."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import httpx
import pytest

from tessera_local.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30


@contextmanager
def site_running(api: str, *, port: int | None = None, basemap: str = "") -> Iterator[str]:
    """Run Caddy before an API (host:port); `basemap` is the origin of pictures, if any."""
    if not (ROOT / "frontend" / "dist" / "index.html").is_file():
        pytest.fail("the map is not built: run 'make map'")
    port = port or free_port()
    environment = {
        "TESSERA_SITE": f"http://:{port}",
        "TESSERA_API": api,
        "TESSERA_MAP": str(ROOT / "frontend" / "dist"),
        "TESSERA_BASEMAP_ORIGIN": basemap,
        "TESSERA_BASEMAP_PATH": "/:z/:x/:y.png" if basemap else "",
        "TESSERA_BASEMAP_ATTRIBUTION": "Pictures of this test" if basemap else "",
    }
    files = tempfile.TemporaryDirectory()
    environment |= {"XDG_DATA_HOME": files.name, "XDG_CONFIG_HOME": files.name}
    caddy = Path(sys.executable).parent / "caddy"
    command = [caddy, "run", "--adapter", "caddyfile", "--config", ROOT / "deploy" / "Caddyfile"]
    with (
        files,
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(f"{address}/config.json", process, log)
            yield address
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[bytes], log: TextIO) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(timeout=5) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.get(url).raise_for_status()
                return
            except httpx.TransportError:
                time.sleep(0.05)
    log.seek(0)
    raise RuntimeError(f"Caddy did not start: {log.read()[-2000:]}")

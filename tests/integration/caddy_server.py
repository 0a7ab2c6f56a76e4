"""Caddy with the project's own configuration, before whatever servers a test has."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import clusters
import httpx

from tessera_local import services
from tessera_local.ports import free_port


@contextmanager
def caddy(home: Path, *api_ports: int, **settings: str) -> Iterator[httpx.Client]:
    """A client of Caddy, which passes `/api` on to those ports; `settings` are TESSERA_…."""
    with (
        _running(home, free_port(), *api_ports, **settings) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


@contextmanager
def behind_caddy(api_port: int, home: Path) -> Iterator[httpx.Client]:
    """A client of Caddy, before one API."""
    with caddy(home, api_port) as client:
        yield client


@contextmanager
def secure_caddy(home: Path, *api_ports: int) -> Iterator[tuple[httpx.Client, int]]:
    """A client of Caddy by HTTPS, who trusts its own authority; and Caddy's port for HTTP."""
    port, plain = free_port(), free_port()
    settings = {
        "TESSERA_SITE": "localhost",
        "TESSERA_TLS": "local_certs",
        "TESSERA_HTTPS_PORT": str(port),
        "TESSERA_HTTP_PORT": str(plain),
    }
    with _running(home, plain, *api_ports, **settings):
        root = home / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        trusting = ssl.create_default_context(cafile=root)
        with httpx.Client(
            base_url=f"https://localhost:{port}", verify=trusting, timeout=60
        ) as client:
            # Its certificate comes a little later than it begins to listen.
            clusters.until(lambda: _answers(client, "/config.json"))
            yield client, plain


@contextmanager
def _running(home: Path, port: int, *api_ports: int, **settings: str) -> Iterator[str]:
    local = services.caddy(0, port, home)
    environment = {
        **os.environ,
        **local.environment,
        "TESSERA_API": " ".join(f"127.0.0.1:{each}" for each in api_ports),
        **settings,
    }
    log = home / "caddy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(local.command, env=environment, stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address) as client:
            clusters.until(lambda: process.poll() is not None or _answers(client, "/config.json"))
        assert process.poll() is None, log.read_text()[-2000:]
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        client.get(path)
    except httpx.TransportError:
        return False
    return True

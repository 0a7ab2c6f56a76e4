"""How a tool ends while requests to an object store are still under way."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

_TOOL = """
import asyncio, sys
import obstore
import typer
from obstore.store import S3Store
from tessera_catalog.errors import InputError
from tessera_catalog.run import run

app = typer.Typer()
store = S3Store(
    "bucket", endpoint=sys.argv.pop(), region="nowhere", skip_signature=True,
    client_options={"allow_http": True}, retry_config={"max_retries": 0},
)

@app.command()
def go() -> None:
    async def ask() -> None:
        requests = [asyncio.ensure_future(obstore.head_async(store, str(n))) for n in range(300)]
        await asyncio.sleep(0.15)
        del requests
        raise InputError("enough")

    asyncio.run(ask())

run(app, "tool")
"""


class _Slow(http.server.BaseHTTPRequestHandler):
    """Answers when the client may have gone."""

    def do_HEAD(self) -> None:
        time.sleep(0.05 + hash(self.path) % 100 / 200)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 400

    def handle_error(self, *_: object) -> None:
        """Clients go away in the middle."""


@pytest.fixture
def address() -> Iterator[str]:
    """Of a slow server."""
    with _Server(("127.0.0.1", 0), _Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_answers_that_come_too_late_do_not_change_how_it_ends(address: str) -> None:
    """Without care about every third run ends by a signal."""
    for _ in range(10):
        done = subprocess.run(
            [sys.executable, "-c", _TOOL, address], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, done.stderr[-500:]
        # The threads may complain at the same moment.
        assert "tool: enough" in done.stderr

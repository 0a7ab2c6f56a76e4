"""HTTP servers of this machine that answer as a test asks."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

Answer = Callable[[BaseHTTPRequestHandler], None]
"""What answers a request, given what handles it."""


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that have waited long enough hang up; whatever else fails, they will tell."""


@contextmanager
def serving(
    handler: Callable[..., BaseHTTPRequestHandler],
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[str]:
    """Serve while the block runs, on a free port or the one named; gives the address, of http."""
    with _Server(("127.0.0.1", port), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Serve GET so; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        do_GET = answer  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(Handler) as address:
        yield address


def send(
    handler: BaseHTTPRequestHandler,
    content: bytes,
    status: int = 200,
    *,
    length: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer with this content, and say that it is of its length or of another one."""
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)

"""An HTTP server in front of another that fails, dawdles or hangs up as a test asks."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Fault = int | float | None
"""What happens to a request: an int is the status it fails with, a float is seconds it waits."""


@dataclass
class Faults:
    """Decides on each request, and counts them."""

    choose: Callable[[int, str, str], Fault] = lambda _number, _method, _path: None
    """Given the number of the request among those of its method, the method and the path."""
    counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, method: str, path: str) -> Fault:
        """The fault of the next request."""
        with self._lock:
            number = self.counts[method] = self.counts.get(method, 0) + 1
        return self.choose(number, method, path)


@contextlib.contextmanager
def proxy(upstream: str, faults: Faults) -> Iterator[str]:
    """Serve `upstream` on a free port with faults; gives the address."""
    host = urlsplit(upstream).netloc

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            fault = faults.of(self.command, self.path)
            if isinstance(fault, int):
                self.send_response(fault)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if fault:
                time.sleep(fault)
            connection = http.client.HTTPConnection(host, timeout=60)
            with contextlib.closing(connection):
                self.pass_on(connection, body)

        def pass_on(self, connection: http.client.HTTPConnection, body: bytes) -> None:
            # The Host header stays the client's: it has signed it.
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            size = answer.getheader("Content-Length", "0") if self.command == "HEAD" else ""
            self.send_header("Content-Length", size or str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(Handler) as address:
        yield address


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that have waited long enough hang up; whatever else fails, they will tell."""


@contextlib.contextmanager
def serving(handler: Callable[..., http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of this machine while the block runs; gives the address."""
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

"""An HTTP server in front of another that fails, dawdles or hangs up as a test asks."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

from web_server import serving

Fault = int | float | Literal["cut", "twice", "short", "long"] | None
"""What happens to a request: an int is the status it fails with, a float is seconds it waits.

`cut` ends the connection half-way through the answer, `twice` sends the request on twice, `short`
and `long` say less and more bytes than come.
"""


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
    with serving(partial(_Handler, urlsplit(upstream).netloc, faults)) as address:
        yield address


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, host: str, faults: Faults, *of_the_server: Any) -> None:
        self.host, self.faults = host, faults
        super().__init__(*of_the_server)  # which also handles the request

    def forward(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        fault = self.faults.of(self.command, self.path)
        if isinstance(fault, int):
            self.send_response(fault)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if isinstance(fault, float):
            time.sleep(fault)
        for _ in range(2 if fault == "twice" else 1):
            answer, content = self.ask(body)
        self.tell(answer, content, fault)

    def ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """Send the request on; the answer and its body."""
        with contextlib.closing(http.client.HTTPConnection(self.host, timeout=60)) as connection:
            # The Host header stays the client's: it has signed it.
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer, answer.read()

    def tell(self, answer: http.client.HTTPResponse, content: bytes, fault: Fault) -> None:
        """Hand the answer back, or what the fault makes of it."""
        size = len(content)
        if self.command == "HEAD":
            size = int(answer.getheader("Content-Length", "0"))
        elif fault == "cut":
            content = content[: size // 2]
        elif fault == "short":
            size //= 2
        elif fault == "long":
            size += 100
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        if fault in ("cut", "short", "long"):
            self.send_header("Connection", "close")  # which also makes this server close it
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""

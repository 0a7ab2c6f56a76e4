"""HTTP around the application: HEAD, and the address the public sees.

The scope of a request is changed in place: what lies further out reads in it what lies further in
has found out, as the metrics do the route.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def is_below(scope: Scope, beginnings: tuple[str, ...]) -> bool:
    """Whether a request's path begins like one of these, less what it is published under."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith(beginnings)


class HeadMiddleware:
    """Answer HEAD as GET without the body, as HTTP asks and FastAPI does not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request as GET and keep its body back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {**message, "body": b""}
            await send(message)

        scope["method"] = "GET"
        try:
            await self.app(scope, receive, send_headers)
        finally:
            scope["method"] = "HEAD"


class PrefixMiddleware:
    """Tell the application the path it is published under.

    A proxy that takes `/api` off the path says so in `X-Forwarded-Prefix`; `root_path` stands in
    for a proxy that does not. Either way the path arrives without it, and ASGI wants it whole.
    """

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self.app = app
        self.root_path = root_path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the prefix back before the path."""
        if scope["type"] == "http":
            named = Headers(scope=scope).get("x-forwarded-prefix", "").rstrip("/")
            prefix = named if named.startswith("/") else self.root_path
            if prefix:
                scope["root_path"] = prefix
                scope["path"] = prefix + scope["path"]
        await self.app(scope, receive, send)

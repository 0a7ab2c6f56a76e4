"""HTTP caching by the catalogue's revision: what has not changed is not sent again."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tessera_api.database import AWAY
from tessera_api.http import is_below
from tessera_api.queries import query

REVISION = "tessera.revision"
"""Where the request's scope keeps the revision that its answer will have, or a later one."""


class RevisionMiddleware:
    """Give answers an ETag, and answer 304 to who has the one of now.

    The tag is read before the answer: one that is made while the catalogue changes has the older
    tag, and is asked for once more.
    """

    def __init__(self, app: ASGIApp, version: str, unrelated: tuple[str, ...]) -> None:
        """`unrelated` are beginnings of the paths that do not depend on the catalogue."""
        self.app = app
        self.version = version
        self.unrelated = unrelated

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from the client's copy, or else run the request and tag its answer."""
        is_read = scope["type"] == "http" and scope["method"] == "GET"
        if not is_read or is_below(scope, self.unrelated):
            await self.app(scope, receive, send)
            return
        revision = await _revision(scope)
        if revision is None:
            await self.app(scope, receive, send)
            return
        tag = f'W/"{revision}-{self.version}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if _has(Headers(scope=scope).get("if-none-match", ""), tag):
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return

        async def send_tagged(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message).update(headers)
            await send(message)

        scope[REVISION] = revision
        await self.app(scope, receive, send_tagged)


async def _revision(scope: Scope) -> str | None:
    """The catalogue's revision; None when the database cannot say, which its route will report."""
    try:
        async with scope["app"].state.get_connection(None, "r") as connection:
            revision: str = await connection.fetchval(query("revision"))
            return revision
    except AWAY:
        return None


def _has(if_none_match: str, tag: str) -> bool:
    """Whether a header of tags has this one, by the weak comparison."""
    tags = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags

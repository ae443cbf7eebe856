"""Addresses and headers longer than any browser sends are refused before anything reads them.

The server underneath limits a request only as long as it is incomplete: what arrives in one piece it takes whole.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LONGEST_ADDRESS: Final = 16_000
"""Bytes of path and query. The longest links of the app name two dozen models."""

LONGEST_HEADERS: Final = 48_000
"""Bytes of all names and values; a login's cookies have some thousand."""

MOST_HEADERS: Final = 128

REFUSED: Final = "This request is longer than this server reads. Delete the cookies of this site and try again.\n"
_TOO_BIG: Final = 1009


class RequestLimits:
    """Pure ASGI middleware that refuses requests and WebSockets with an overlong address or overlong headers.

    Parameters
    ----------
    app : ASGIApp
        What answers the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        status = refusal(scope) if scope["type"] in ("http", "websocket") else None
        if status is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _TOO_BIG})
        else:
            await PlainTextResponse(REFUSED, status_code=status)(scope, receive, send)


def refusal(scope: Scope) -> int | None:
    """Return the status with which a request is refused: 414 for its address, 431 for its headers; None if it is not.

    Examples
    --------
    >>> refusal({"path": "/", "query_string": b"model=a", "headers": [(b"host", b"localhost")]}) is None
    True
    >>> refusal({"path": "/", "query_string": b"a" * 20_000, "headers": []})
    414
    """
    if max(len(scope.get("raw_path") or b""), len(scope["path"])) + len(scope["query_string"]) > LONGEST_ADDRESS:
        return 414
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > LONGEST_HEADERS:
        return 431
    return None

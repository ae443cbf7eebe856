"""``/metrics`` for Prometheus: only for whom the settings name; for everybody else there is nothing here.

Streamlit has metrics of its own, open to everybody: sessions, memory, caches. They obey the same settings.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from wbc_core.settings import settings

NOTHING: Final = "There is nothing here.\n"
STREAMLITS_OWN: Final = "/_stcore/metrics"


def may_ask(request: Request) -> bool:
    """Return whether the settings name who asks."""
    from wbc_core.services.metrics import may_read

    client = request.client.host if request.client is not None else None
    return may_read(client, dict(request.headers), settings())


def metrics(request: Request) -> Response:
    """Answer with the metrics; runs in a thread of its own, as it asks the database."""
    from wbc_core.services.metrics import exposition

    if not may_ask(request):
        return PlainTextResponse(NOTHING, status_code=404)
    text, kind = exposition()
    return Response(text, media_type=kind, headers={"Cache-Control": "no-store"})


class OwnMetricsGuard:
    """Pure ASGI middleware that keeps Streamlit's own metrics from whom the settings do not name.

    Parameters
    ----------
    app : ASGIApp
        What answers the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that there is nothing."""
        own = scope["type"] == "http" and scope["path"].rstrip("/").endswith(STREAMLITS_OWN)
        if own and not may_ask(Request(scope)):
            await PlainTextResponse(NOTHING, status_code=404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

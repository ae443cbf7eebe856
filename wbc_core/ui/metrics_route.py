"""``/metrics`` for Prometheus: only for whom the settings name; for everybody else there is nothing here."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from wbc_core.settings import settings

NOTHING = "There is nothing here.\n"


def metrics(request: Request) -> Response:
    """Answer with the metrics; runs in a thread of its own, as it asks the database."""
    from wbc_core.services.metrics import exposition, may_read

    client = request.client.host if request.client is not None else None
    if not may_read(client, dict(request.headers), settings()):
        return PlainTextResponse(NOTHING, status_code=404)
    text, kind = exposition()
    return Response(text, media_type=kind, headers={"Cache-Control": "no-store"})

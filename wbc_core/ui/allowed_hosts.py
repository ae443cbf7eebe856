"""Only requests for the host names that the settings name are answered.

A page of another site can give its own name the address of this server (DNS rebinding) and would then read the app as
if it were its own. Streamlit's ``server.allowedHosts`` guards the WebSocket alone; this guards every request.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from wbc_core.settings import settings

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Always answered: no other site can give itself these names, and a health check uses them."""

REFUSED: Final = "This server does not answer to that name. The administrator sets WBC_ALLOWED_HOSTS.\n"
_POLICY_VIOLATION: Final = 1008


def is_allowed(host: str, patterns: str) -> bool:
    """Return whether a request for a host is answered.

    Parameters
    ----------
    host : str
        Value of the Host header, with or without a port.
    patterns : str
        Names parted by commas; ``*.example.org`` means every name below, not example.org itself. Empty: any host.

    Examples
    --------
    >>> is_allowed("smears.example.org:8501", "smears.example.org")
    True
    >>> is_allowed("evil.example", "smears.example.org, *.lab.example.org")
    False
    """
    allowed = [pattern.strip().lower().rstrip(".") for pattern in patterns.split(",") if pattern.strip()]
    if not allowed:
        return True
    name = _name(host)
    if name is None:
        return False
    below = tuple(pattern[1:] for pattern in allowed if pattern.startswith("*."))
    return name in LOOPBACK or name in allowed or (bool(below) and name.endswith(below))


def _name(host: str) -> str | None:
    """Return the name alone; None of what is no host and port."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    if parts.netloc != host or parts.hostname is None or "@" in host:
        return None
    return parts.hostname.rstrip(".")


class AllowedHosts:
    """Pure ASGI middleware that refuses requests and WebSockets for other hosts.

    Parameters
    ----------
    app : ASGIApp
        What answers the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._patterns = settings().allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket") or is_allowed(_host(scope), self._patterns):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await PlainTextResponse(REFUSED, status_code=400)(scope, receive, send)


def _host(scope: Scope) -> str:
    """Return the Host header; nothing where it is missing or given twice, since it is not known which one counts."""
    found = [value for name, value in scope["headers"] if name == b"host"]
    return found[0].decode("latin-1") if len(found) == 1 else ""

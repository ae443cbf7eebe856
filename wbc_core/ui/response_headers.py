"""Headers of every answer: nothing foreign is loaded, and only sites that the settings name may frame the app."""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wbc_core.errors import WbcError
from wbc_core.settings import settings

RULES: Final = (
    "default-src 'self'",
    # No 'unsafe-eval': neither Streamlit nor its charts need it. Its first page carries a script of its own, and its
    # decoder of messages multiplies long integers in WebAssembly, which can do nothing that a script here could not.
    "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' ws: wss:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)

_SITE = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d+)?")


def content_security_policy(framed_by: str = "") -> str:
    """Return the policy.

    Parameters
    ----------
    framed_by : str
        Addresses of the sites that may show the app in a frame, parted by spaces.

    Raises
    ------
    WbcError
        If one of them is no address of a site: a stray semicolon would change the policy.
    """
    sites = framed_by.split()
    for site in sites:
        if not _SITE.fullmatch(site):
            raise WbcError(
                f"WBC_FRAME_ANCESTORS names {site!r}, which is no address of a site.",
                "Name sites like https://huggingface.co, parted by spaces.",
            )
    return "; ".join((*RULES, " ".join(("frame-ancestors 'self'", *sites))))


def headers_of(framed_by: str = "") -> dict[str, str]:
    """Return the headers that every answer gets; see :func:`content_security_policy`."""
    headers = {
        "Content-Security-Policy": content_security_policy(framed_by),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        # The camera is one of the ways to hand in a picture.
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if not framed_by.split():
        headers["X-Frame-Options"] = "SAMEORIGIN"  # for browsers that do not know frame-ancestors
    return headers


class ResponseHeaders:
    """Pure ASGI middleware that adds the headers to each HTTP answer.

    Parameters
    ----------
    app : ASGIApp
        What answers the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._headers = headers_of(settings().frame_ancestors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers where its answer starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_with_headers)

"""What is asked of the server beside the pages, uploads and media, is for people who have logged in as well.

Streamlit checks a session's id there and nobody's login: whoever opens the login page has a session, and could fill the
memory with uploads. The cookie of a login, besides, is marked to travel on encrypted ways alone where there are such.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from wbc_core.services.access import login_required
from wbc_core.services.login import app_address
from wbc_core.services.roles import Action, visitor_of
from wbc_core.settings import settings

GUARDED: Final = {"/_stcore/upload_file": Action.CLASSIFY, "/media/": Action.LOOK}
"""Beginnings of paths, and what they are for."""


def claims_of(cookies: Mapping[str, str]) -> Mapping[str, object]:
    """Return the claims in the signed cookie of a login; empty where there is none, or its signature does not hold."""
    secret = settings().login_cookie_secret.get_secret_value()

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        return decode_signed_value(secret, name, value) if value and secret else None

    try:
        claims = json.loads(get_cookie_with_chunks(signed, USER_COOKIE_NAME) or b"{}")
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


class LoginGuard:
    """Pure ASGI middleware that refuses uploads and media without a login, where the laboratory has one.

    Parameters
    ----------
    app : ASGIApp
        What answers the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or not login_required():
            await self.app(scope, receive, send)
            return
        action = next((action for start, action in GUARDED.items() if scope["path"].startswith(start)), None)
        if action is not None and scope["method"] != "OPTIONS":
            person = visitor_of(claims_of(HTTPConnection(scope).cookies), settings(), time.time())
            if person is None or person.role < action.role:
                await PlainTextResponse("Log in first.", 403)(scope, receive, send)
                return
        encrypted = app_address(settings()).startswith("https:")

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and encrypted:
                headers = MutableHeaders(scope=message)
                cookies = headers.getlist("set-cookie")
                if cookies:
                    del headers["set-cookie"]
                    for cookie in cookies:
                        headers.append("set-cookie", _encrypted_only(cookie))
            await send(message)

        await self.app(scope, receive, send_marked)


def _encrypted_only(cookie: str) -> str:
    return cookie if "; secure" in cookie.lower() else f"{cookie}; Secure"

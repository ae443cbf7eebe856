"""Launcher: ``streamlit run app.py`` serves the frame in ``wbc_core/ui/frame.py``.

The frame lies away from ``pages/`` on purpose: a script beside that folder sends the first run of a process through
Streamlit's automatic navigation, and the first shared link after a start would show "Page not found".
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from wbc_core.services.login import login_secrets
from wbc_core.settings import settings
from wbc_core.ui.allowed_hosts import AllowedHosts
from wbc_core.ui.failures import show_script_error
from wbc_core.ui.frontend_files import FrontendFiles
from wbc_core.ui.login_guard import LoginGuard
from wbc_core.ui.metrics_route import OwnMetricsGuard, metrics
from wbc_core.ui.request_limits import RequestLimits
from wbc_core.ui.response_headers import ResponseHeaders
from wbc_core.ui.startup import lifespan


async def healthz(request: Request) -> JSONResponse:
    """Answer that the server is up; says nothing about anybody's pictures."""
    return JSONResponse({"status": "ok"})


app = st.App(
    Path(__file__).resolve().parent / "wbc_core" / "ui" / "frame.py",
    routes=[Route("/healthz", healthz), Route("/metrics", metrics)],
    middleware=[
        Middleware(ResponseHeaders),
        Middleware(RequestLimits),
        Middleware(AllowedHosts),
        Middleware(LoginGuard),
        Middleware(OwnMetricsGuard),
        Middleware(FrontendFiles),
    ],
    lifespan=lifespan,
    secrets=login_secrets(settings()),  # a login that is not safe ends the start here
    on_script_error=show_script_error,
)

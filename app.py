"""Launcher: ``streamlit run app.py`` serves the frame in ``wbc_core/ui/frame.py``.

The frame lies away from ``pages/`` on purpose: a script beside that folder sends the first run of a process through
Streamlit's automatic navigation, and the first shared link after a start would show "Page not found".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from wbc_core.errors import WbcError
from wbc_core.ui.failures import show_script_error
from wbc_core.ui.response_headers import ResponseHeaders

log = logging.getLogger("wbc_core.app")


async def healthz(request: Request) -> JSONResponse:
    """Answer that the server is up; says nothing about anybody's pictures."""
    return JSONResponse({"status": "ok"})


async def load_model() -> None:
    """Load the default model before the first visitor needs it; without one, the page itself says what to do."""
    from wbc_core.services.single_image import warm_up

    try:
        await asyncio.to_thread(warm_up)
    except WbcError as error:
        log.warning("The default model is not ready: %s", error)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Load the model beside the start of the server, not before it."""
    loading = asyncio.create_task(load_model())
    yield {}
    loading.cancel()


app = st.App(
    Path(__file__).resolve().parent / "wbc_core" / "ui" / "frame.py",
    routes=[Route("/healthz", healthz)],
    middleware=[Middleware(ResponseHeaders)],
    lifespan=lifespan,
    on_script_error=show_script_error,
)

"""Who is served at the moment: session and login that the calling thread runs a page for, and where it is framed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from wbc_core.services.access import identify_people_by, identify_visitors_by, is_public
from wbc_core.settings import settings


def current_session() -> str:
    """Return the id of the visitor's session; empty in a thread that runs no page."""
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def current_claims() -> Mapping[str, object]:
    """Return what the identity provider said of the visitor at the login, from the signed cookie of the session.

    Empty in a thread that runs no page: what works there was allowed when it was handed in.
    """
    return {} if get_script_run_ctx(suppress_warning=True) is None else st.user.to_dict()


def tell_sessions_apart() -> None:
    """Let the services find out for whom they work."""
    identify_visitors_by(current_session)
    identify_people_by(current_claims)


def own_window() -> str:
    """Return a link to the app itself, for visitors of a public server who see it in the frame of another site.

    There a browser may keep back its cookies, and the camera. The address is that of the settings, or of the Space.
    """
    host = os.environ.get("SPACE_HOST", "")  # set by Hugging Face Spaces
    address = settings().public_address or (f"https://{host}" if host else "")
    if not is_public() or not re.fullmatch(r"https?://[A-Za-z0-9.:/_-]+", address):
        return ""
    return f"[Open in a window of its own]({address})."

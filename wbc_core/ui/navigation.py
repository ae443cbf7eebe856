"""The pages, their addresses and their order."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from wbc_core.settings import ROOT

NAME = "White blood cell workbench"


def home() -> StreamlitPage:
    """Return the start page."""
    return st.Page(ROOT / "pages" / "home.py", title="Home", icon=":material/home:", url_path="home", default=True)


def single_image() -> StreamlitPage:
    """Return the page that classifies one picture."""
    return st.Page(
        ROOT / "pages" / "use" / "single_image.py",
        title="Single image",
        icon=":material/biotech:",
        url_path="single_image",
    )

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


def batch() -> StreamlitPage:
    """Return the page that classifies many pictures."""
    return st.Page(ROOT / "pages" / "use" / "batch.py", title="Batch", icon=":material/stacks:", url_path="batch")


def smear_field() -> StreamlitPage:
    """Return the page that finds the cells of whole fields."""
    return st.Page(
        ROOT / "pages" / "use" / "smear_field.py",
        title="Fields",
        icon=":material/grid_view:",
        url_path="smear_field",
    )


def compare_models() -> StreamlitPage:
    """Return the page that puts models side by side."""
    return st.Page(
        ROOT / "pages" / "lab" / "compare_models.py",
        title="Compare models",
        icon=":material/balance:",
        url_path="compare_models",
    )


def error_gallery() -> StreamlitPage:
    """Return the page that shows what a model gets wrong."""
    return st.Page(
        ROOT / "pages" / "lab" / "error_gallery.py",
        title="Error gallery",
        icon=":material/image_search:",
        url_path="error_gallery",
    )


def super_resolution() -> StreamlitPage:
    """Return the page that shows what enlarging does."""
    return st.Page(
        ROOT / "pages" / "lab" / "super_resolution.py",
        title="Super resolution",
        icon=":material/zoom_in:",
        url_path="super_resolution",
    )


def training_curves() -> StreamlitPage:
    """Return the page that shows how trainings went."""
    return st.Page(
        ROOT / "pages" / "lab" / "training_curves.py",
        title="Training curves",
        icon=":material/show_chart:",
        url_path="training_curves",
    )


def training_jobs() -> StreamlitPage:
    """Return the page that starts trainings and watches over them."""
    return st.Page(
        ROOT / "pages" / "lab" / "training_jobs.py",
        title="Training jobs",
        icon=":material/model_training:",
        url_path="training_jobs",
    )

"""The pages, their addresses and their order."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from wbc_core.services.access import training_offered
from wbc_core.settings import ROOT

NAME = "White blood cell workbench"


def _page(file: str, title: str, icon: str, *, default: bool = False) -> StreamlitPage:
    """Return a page below ``pages/``; its address is the name of its file."""
    path = ROOT / "pages" / file
    return st.Page(path, title=title, icon=icon, url_path=path.stem, default=default)


def home() -> StreamlitPage:
    """Return the start page."""
    return _page("home.py", "Home", ":material/home:", default=True)


def single_image() -> StreamlitPage:
    """Return the page that classifies one picture."""
    return _page("use/single_image.py", "Single image", ":material/biotech:")


def batch() -> StreamlitPage:
    """Return the page that classifies many pictures."""
    return _page("use/batch.py", "Batch", ":material/stacks:")


def smear_field() -> StreamlitPage:
    """Return the page that finds the cells of whole fields."""
    return _page("use/smear_field.py", "Fields", ":material/grid_view:")


def compare_models() -> StreamlitPage:
    """Return the page that puts models side by side."""
    return _page("lab/compare_models.py", "Compare models", ":material/balance:")


def error_gallery() -> StreamlitPage:
    """Return the page that shows what a model gets wrong."""
    return _page("lab/error_gallery.py", "Error gallery", ":material/image_search:")


def super_resolution() -> StreamlitPage:
    """Return the page that shows what enlarging does."""
    return _page("lab/super_resolution.py", "Super resolution", ":material/zoom_in:")


def training_curves() -> StreamlitPage:
    """Return the page that shows how trainings went."""
    return _page("lab/training_curves.py", "Training curves", ":material/show_chart:")


def training_jobs() -> StreamlitPage:
    """Return the page that starts trainings and watches over them."""
    return _page("lab/training_jobs.py", "Training jobs", ":material/model_training:")


def pages() -> list[StreamlitPage]:
    """Return the pages that this server has, in their order; a public one trains nothing."""
    training = [training_curves(), training_jobs()] if training_offered() else []
    return [
        home(),
        single_image(),
        smear_field(),
        batch(),
        compare_models(),
        error_gallery(),
        super_resolution(),
        *training,
    ]

"""The pages, their addresses and their order."""

from __future__ import annotations

from typing import Final, Literal

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from wbc_core.services.access import is_public, may
from wbc_core.services.roles import Action
from wbc_core.settings import ROOT

NAME = "White blood cell workbench"


NEEDS: Final = {"batch": Action.CLASSIFY, "smear_field": Action.CLASSIFY, "training_jobs": Action.TRAIN}
"""What a page is for, where a laboratory's viewers may not do that."""


def _page(file: str, title: str, icon: str, *, default: bool = False, linked: bool = True) -> StreamlitPage:
    """Return a page below ``pages/``; its address is the name of its file.

    One that is beyond the visitor's role stands in no menu, and so does one that is not `linked` there.
    """
    path = ROOT / "pages" / file
    shown: Literal["visible", "hidden"] = "visible" if linked and beyond_role(path.stem) is None else "hidden"
    return st.Page(path, title=title, icon=icon, url_path=path.stem, default=default, visibility=shown)


def beyond_role(url_path: str) -> Action | None:
    """Return what a page is for, where that is more than the visitor's role allows."""
    action = NEEDS.get(url_path)
    return None if action is None or may(action) else action


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


def privacy() -> StreamlitPage:
    """Return the page that says where pictures and results go; every page's last line leads there."""
    return _page("about/privacy.py", "Privacy", ":material/shield_person:", linked=False)


def pages() -> list[StreamlitPage]:
    """Return the pages that this server has, in their order; a public one trains nothing."""
    training = [] if is_public() else [training_curves(), training_jobs()]
    return [
        home(),
        single_image(),
        smear_field(),
        batch(),
        compare_models(),
        error_gallery(),
        super_resolution(),
        *training,
        privacy(),
    ]

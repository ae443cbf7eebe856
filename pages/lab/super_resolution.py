"""Super resolution: what enlarging a small picture does, to the eye and to the model."""

from __future__ import annotations

import streamlit as st

from wbc_core.ui.enlargement_view import show_study, show_trial
from wbc_core.ui.failures import failures_shown

st.title("Does enlarging help?", anchor=False)
st.markdown("Small pictures can be enlarged by interpolation or by networks. See what they draw, and what it changes.")
trial, study = st.tabs(["Try a picture", "What many pictures showed"], key="enlarge_tab", on_change="rerun")
with failures_shown("The picture could not be enlarged.", "Choose another picture, or reload the page."):
    if study.open:
        with study:
            show_study()
    else:
        with trial:
            show_trial()

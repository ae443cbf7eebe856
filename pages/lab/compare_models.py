"""Compare models: which one to trust, on what, how far, and the pictures behind every figure."""

from __future__ import annotations

import streamlit as st

from wbc_core.ui.compare_view import show_comparison
from wbc_core.ui.failures import failures_shown

st.title("Which model is better?", anchor=False)
st.markdown(
    "Put models side by side on the same pictures: how often each is right, whether a difference is more than chance, "
    "and which pictures lie behind it."
)
with failures_shown("The models could not be compared.", "Choose other models, or reload the page."):
    show_comparison()

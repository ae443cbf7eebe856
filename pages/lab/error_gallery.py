"""Error gallery: what a model gets wrong, picture by picture, and which labels of the set look wrong themselves."""

from __future__ import annotations

import streamlit as st

from wbc_core.ui.error_gallery import show_error_gallery
from wbc_core.ui.failures import failures_shown

st.title("What does a model get wrong?", anchor=False)
st.markdown(
    "Go through the test pictures that a model names wrongly or is least sure of. See where it looked and which "
    "training cells it found alike, and note the labels that look wrong themselves."
)
with failures_shown("The pictures could not be shown.", "Choose another model, or reload the page."):
    show_error_gallery()

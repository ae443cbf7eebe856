"""Single image: give a picture, read what cell it is, how sure that is, and what speaks against it."""

from __future__ import annotations

import streamlit as st

from wbc_core.ui.failures import failures_shown
from wbc_core.ui.options import ask_for_options
from wbc_core.ui.picture_source import ask_for_picture
from wbc_core.ui.result_view import show_result
from wbc_core.ui.state import classified

st.title("What cell is this?", anchor=False)
st.markdown("Upload the picture of one stained blood cell to see its type, how sure the model is, and what to check.")

picture = ask_for_picture()
with failures_shown():
    options = ask_for_options()
    if picture is None:
        with st.container(border=True, horizontal_alignment="center"):
            st.markdown(":material/biotech: **No picture yet.** The result appears here.", text_alignment="center")
            st.caption(
                "Best: one cell of a Romanowsky-stained film in focus, with some red cells around it. "
                "No picture at hand? Try one of the samples.",
                text_alignment="center",
            )
    else:
        with st.spinner("Finding and classifying the cell …"):
            shown = classified(picture, options)
        show_result(shown)

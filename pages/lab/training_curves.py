"""Training curves: lay trainings over each other, and read where each was best and where it began to overfit."""

from __future__ import annotations

import streamlit as st

from wbc_core.ui.curve_sources import ask_for_uploads, choose_runs
from wbc_core.ui.curve_view import show_curves, show_nothing_chosen
from wbc_core.ui.failures import failures_shown

st.title("How did the training go?", anchor=False)
st.markdown(
    "Choose trainings to lay their curves over each other: which was best, where it began to overfit, and what was "
    "done differently."
)
with failures_shown("The curves could not be shown.", "Choose other runs, or reload the page."):
    keys = choose_runs()
    uploads = ask_for_uploads()
    if keys or uploads:
        show_curves(tuple(keys), uploads)
    else:
        show_nothing_chosen()

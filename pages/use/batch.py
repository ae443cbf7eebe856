"""Batch: hand in many pictures, watch them being classified, read counts and look at the pictures behind them."""

from __future__ import annotations

import streamlit as st

from wbc_core.ui.batch_start import PARAMETER, show_own_batches, show_start
from wbc_core.ui.batch_view import show_batch
from wbc_core.ui.failures import failures_shown

st.title("Many pictures at once", anchor=False)
with failures_shown("The batch could not be shown.", "Reload the page; what is done is kept."):
    if batch_id := st.query_params.get(PARAMETER):
        show_batch(batch_id)
    else:
        st.markdown(
            "Hand in the pictures of single cells, many of them or a zip, and get counts, percentages with their"
            " error, and the pictures behind every number."
        )
        show_start()
        show_own_batches()

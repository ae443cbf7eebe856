"""Smear field: hand in camera pictures, see every cell found and named, read the differential over all of them."""

from __future__ import annotations

import streamlit as st

from wbc_core.ui.failures import failures_shown
from wbc_core.ui.field_start import PARAMETER, show_start
from wbc_core.ui.field_view import show_fields

st.title("Cells of whole fields", anchor=False)
with failures_shown("The fields could not be shown.", "Reload the page, or hand them in again."):
    if run_id := st.query_params.get(PARAMETER):
        show_fields(run_id)
    else:
        st.markdown(
            "Hand in camera fields of a stained film. Leukocytes, platelets and red cells are found, each leukocyte is"
            " named, and the differential is counted over all fields."
        )
        show_start()

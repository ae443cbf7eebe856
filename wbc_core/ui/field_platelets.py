"""Platelets per field, and an estimate of their number by the laboratory's own factor; none where they clump."""

from __future__ import annotations

import streamlit as st

from wbc_core.services.field_runs import FieldRun
from wbc_core.services.field_totals import FieldTotals

FACTOR = "field_platelet_factor"


def show_platelets(run: FieldRun, totals: FieldTotals) -> None:
    """Show how many platelets a field holds on average, and what that comes to."""
    st.subheader("Platelets", anchor=False)
    mean = totals.platelets / totals.fields
    fields = "1 field" if totals.fields == 1 else f"{totals.fields} fields"
    st.markdown(f"**{totals.platelets:,}** in {fields}: **{mean:.1f}** a field.")
    if totals.clumped:
        st.warning(
            "Look at the film's edge, and ask for a sample in citrate.",
            title="Platelets lie in clumps: no estimate of their number holds",
            icon=":material/bubble_chart:",
        )
        return
    factor = st.number_input(
        "Your factor from platelets a field to 10⁹/L",
        min_value=0.1,
        max_value=1000.0,
        value=None,
        placeholder="not known",
        key=FACTOR,
        width=320,
        help="Each microscope has its own: count known samples at the same field of view to find it.",
    )
    if factor is not None:
        st.markdown(f"About **{mean * factor:,.0f} × 10⁹/L**, an estimate from {fields}.")

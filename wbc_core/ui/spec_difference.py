"""What differs between the specs of two runs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from wbc_core.runs.comparison import compare_specs
from wbc_core.services.curves import LoadedRun
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.wording import plain

FIELD_WIDTH = 200  # px: the longest names of fields


def show_spec_difference(runs: Mapping[str, LoadedRun]) -> None:
    """Let two of the runs be chosen, and show the fields in which their specs differ; nothing below two specs."""
    specs = {name: run.spec for name, run in runs.items() if run.spec}
    if len(specs) < 2:
        return
    st.subheader("What was done differently", anchor=False)
    names = list(specs)
    left, right = st.columns(2)
    with left:
        first = st.selectbox("Compare", names, key="curves_spec_first")
    with right:
        others = [name for name in names if name != first]
        second = st.selectbox("with", others, key="curves_spec_second")
    with failures_shown():
        found = compare_specs(specs[first], specs[second], (first, second))
        for note in found.notes:
            st.caption(plain(note))
        if not found.fields:
            st.markdown("Both specs say the same.")
            return
        table = pd.DataFrame(
            [{"Field": row.field, first: row.first, second: row.second} for row in found.fields], dtype="str"
        )
        st.dataframe(
            table,
            hide_index=True,
            column_config={"Field": st.column_config.TextColumn(width=FIELD_WIDTH, pinned=True)},
            alt=f"Fields in which {first} and {second} differ",
            key="curves_spec_table",
        )
        with st.expander("The same as text"):
            st.code(found.text_diff or "The texts are equal.", language="diff", wrap_lines=True)

"""The results of a batch as files."""

from __future__ import annotations

from functools import partial

import streamlit as st

from wbc_core.services.batch_files import batch_file
from wbc_core.services.batches import BatchView

KINDS = {
    ".csv": ("CSV", "text/csv"),
    ".xlsx": ("Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ".json": ("JSON", "application/json"),
}


def show_downloads(view: BatchView) -> None:
    """Offer the table as CSV, XLSX and JSON; each is made when it is asked for."""
    st.subheader("Take the results along", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for ending, (name, mime) in KINDS.items():
            st.download_button(
                name,
                partial(batch_file, view.request.id, ending),
                file_name=f"batch_{view.request.id}{ending}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"batch_download_{ending[1:]}",
            )
    st.caption("One row a picture, the failed ones too. Cells that could be taken for formulas are disarmed.")

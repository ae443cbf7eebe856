"""What a cell type is and does, and how many of it are normal."""

from __future__ import annotations

import streamlit as st

from wbc_core.biology.cell_types import CellType
from wbc_core.biology.classes import ClassFacts
from wbc_core.biology.statements import ADULTS_ONLY


def show_biology(named: ClassFacts) -> None:
    """Show role, look, normal values with unit and source, and the sources of the facts, of each type of a class."""
    for cell in named.members:
        if len(named.members) > 1:
            st.markdown(f"##### {cell.name}")
        _show_cell(cell)
    if not named.members:
        st.markdown("No description: this class is none of the known cell types.")


def _show_cell(cell: CellType) -> None:
    size = f" {cell.size_um[0]:g}–{cell.size_um[1]:g}\u00a0µm on the film." if cell.size_um else ""
    st.markdown(f"**Role.** {cell.role}")
    st.markdown(f"**Look.** {cell.look}{size}")
    st.markdown(f"**Nucleus.** {cell.nucleus[0].upper()}{cell.nucleus[1:]}.")
    st.markdown(f"**Cytoplasm.** {cell.cytoplasm[0].upper()}{cell.cytoplasm[1:]}. **Granules:** {cell.granules}.")
    show_normal(cell)
    with st.expander("Sources"):
        cited = list(cell.sources)
        if cell.normal is not None and cell.normal.source not in cited:
            cited.append(cell.normal.source)
        for source in cited:
            st.markdown(f"- {source.citation}")


def show_normal(cell: CellType) -> None:
    """Show how many cells of the type are normal in adults."""
    if cell.normally_absent:
        st.markdown(f"**Normally absent** from adult blood. {cell.normal_note}")
        return
    if cell.normal is None:
        st.markdown(f"**Normally.** {cell.normal_note}")
        return
    source = cell.normal.source.short
    share, absolute = cell.normal.percent_text, cell.normal.absolute_text
    with st.container(horizontal=True, gap="medium"):
        if share:
            st.metric("Share of leukocytes", share, width="content")
        if absolute:
            st.metric("In the blood", absolute, width="content")
    st.caption(f"Normal in {cell.normal.population} ({source}). {cell.normal_note} {ADULTS_ONLY}")

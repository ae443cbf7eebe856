"""The gallery of drawn cells: a picture and a button for each type."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from wbc_core.biology.cell_types import all_cell_types
from wbc_core.ui.samples import SAMPLE_NOTE, thumbnail_png


def show_gallery(key: str, choose: Callable[[str], None], *, columns: int = 4) -> None:
    """Show the eight drawn cells; a click on a type's button calls `choose` with its label.

    Parameters
    ----------
    key : str
        Prefix of the widgets' keys, unique on the page.
    choose : callable
        Called with the canonical label, before the page runs again.
    columns : int, default 4
        Largest number of pictures side by side; a narrow screen has fewer.
    """
    st.caption(SAMPLE_NOTE)
    grid = st.grid(columns, min_column_width=140 if columns <= 4 else 100, gap="small")
    for cell in all_cell_types():
        with grid.cell():
            st.image(thumbnail_png(cell.label), alt=f"Synthetic {cell.name.lower()}. {cell.look}", width="stretch")
            st.button(
                cell.name,
                key=f"{key}_{cell.label}",
                on_click=choose,
                args=(cell.label,),
                width="stretch",
                wrap=True,
                help=f"Classify the drawn {cell.name.lower()}",
            )

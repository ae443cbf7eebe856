"""The cells of one field as a table: a row chosen is a cell chosen, for who reads better than sees."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from wbc_core.services.field_results import FieldResult
from wbc_core.ui.field_actions import choose
from wbc_core.ui.field_cell import name_of, origin_of
from wbc_core.ui.wording import percent


def show_table(result: FieldResult, kinds: Sequence[str], key: str) -> None:
    """Show the cells of the kinds asked for, a row each; choosing a row chooses its cell."""
    numbers = [number for number, found in enumerate(result.cells) if found.cell.kind in kinds]
    with st.expander("The same cells as a table", icon=":material/table_rows:"):
        st.dataframe(
            cell_table(result, numbers),
            hide_index=True,
            on_select=lambda: _choose_row(key, numbers),
            selection_mode="single-row",
            alt="Cells of this field, a row each",
            key=key,
        )


def cell_table(result: FieldResult, numbers: Sequence[int]) -> pd.DataFrame:
    """Return cells as a table.

    Returns
    -------
    pandas.DataFrame
        Columns: Cell, Name, Model, Counts here, By a person.
    """
    rows = []
    for number in numbers:
        found = result.cells[number]
        sure = "" if found.confidence is None else percent(found.confidence)
        rows.append((number + 1, name_of(found), sure, "yes" if found.counts else "no", origin_of(found)))
    return pd.DataFrame(rows, columns=["Cell", "Name", "Model", "Counts here", "By a person"])


def _choose_row(key: str, numbers: Sequence[int]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(numbers):
        choose(numbers[rows[0]])

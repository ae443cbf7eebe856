"""How the states of batches are named and marked."""

from __future__ import annotations

import streamlit as st

from wbc_core.batches.folder import State
from wbc_core.ui.run_states import Mark

MARKS: dict[State, Mark] = {
    "waiting": Mark("Waiting", ":material/hourglass_empty:", "gray"),
    "running": Mark("Running", ":material/play_arrow:", "violet"),
    "finished": Mark("Finished", ":material/check:", "green"),
    "cancelled": Mark("Cancelled", ":material/block:", "gray"),
    "interrupted": Mark("Interrupted", ":material/power_off:", "orange"),
    "failed": Mark("Stopped", ":material/error:", "red"),
}


def show_mark(state: State) -> None:
    """Show a state as a badge."""
    mark = MARKS[state]
    st.badge(mark.words, icon=mark.icon, color=mark.colour)

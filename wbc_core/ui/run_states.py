"""How the states of runs and jobs are named and marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from wbc_core.runs.folder import State
from wbc_core.ui.wording import roughly

SILENT_FROM = 60.0
"""Seconds; a training that works gives a sign of life every few."""


@dataclass(frozen=True)
class Mark:
    """Words, icon and colour of a state."""

    words: str
    icon: str
    colour: Literal["green", "orange", "red", "gray", "violet"]


MARKS: dict[State, Mark] = {
    "queued": Mark("Waiting", ":material/hourglass_empty:", "gray"),
    "preparing": Mark("Preparing", ":material/pending:", "violet"),
    "running": Mark("Running", ":material/model_training:", "violet"),
    "exporting": Mark("Testing and exporting", ":material/output:", "violet"),
    "finished": Mark("Finished", ":material/check:", "green"),
    "cancelled": Mark("Cancelled", ":material/block:", "gray"),
    "interrupted": Mark("Interrupted", ":material/power_off:", "orange"),
    "failed": Mark("Failed", ":material/error:", "red"),
}


def show_mark(state: State) -> None:
    """Show a state as a badge."""
    mark = MARKS[state]
    st.badge(mark.words, icon=mark.icon, color=mark.colour)


def state_in_words(state: State | None, silent_s: float | None) -> str:
    """Return a state in words, with how long a run that should be working has been silent.

    Examples
    --------
    >>> state_in_words("running", 3.0), state_in_words("running", 200.0), state_in_words(None, None)
    ('Running', 'Running, no sign of life for 3 min', '')
    """
    words = MARKS[state].words if state is not None else ""
    if silent_s is not None and silent_s > SILENT_FROM:
        words += f", no sign of life for {roughly(silent_s)}"
    return words

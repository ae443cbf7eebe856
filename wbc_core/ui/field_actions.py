"""What a person does to the cells of a run, as callbacks: the page runs again as a whole, so that all counts follow."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from wbc_core.errors import WbcError
from wbc_core.services.field_corrections import add_cell, confirm, confirm_rest, decide, next_unseen, take_back
from wbc_core.services.field_runs import FieldRun
from wbc_core.ui.failures import show_failure

FIELD, CHOSEN = "field_number", "field_chosen"
MISSED = "field_missed"
_CHANGED, _FAILED = "field_changed", "field_action_failed"


def follow_changes() -> None:
    """Run the whole page again after a change; say what could not be done."""
    if st.session_state.pop(_CHANGED, False):
        st.rerun()
    if failure := st.session_state.pop(_FAILED, None):
        show_failure(*failure)


def choose(cell: int) -> None:
    """Choose a cell of the field that is shown."""
    st.session_state[CHOSEN] = cell


def choose_none() -> None:
    """Let go of the chosen cell."""
    st.session_state.pop(CHOSEN, None)


def call_it(run: FieldRun, field: int, cell: int, key: str) -> None:
    """Call a cell what was chosen in a widget."""
    label = st.session_state.get(key)
    if label is not None:
        _act(lambda: decide(run.id, field, cell, label))


def remove(run: FieldRun, field: int, cell: int) -> None:
    """Take a false box out of the count."""
    _act(lambda: decide(run.id, field, cell, "not_a_cell"))


def let_stand(run: FieldRun, field: int, cell: int) -> None:
    """Let a name stand, and go on to the next cell that nobody has looked at."""
    if _act(lambda: confirm(run.id, field, cell)):
        go_on(run, field, cell)


def let_rest_stand(run: FieldRun, field: int) -> None:
    """Let the names of all other cells of a field stand."""
    _act(lambda: confirm_rest(run.id, field))


def go_on(run: FieldRun, field: int, cell: int | None) -> None:
    """Choose the next cell that nobody has looked at, be it in another field."""
    found = next_unseen(run, field, cell)
    if found is None:
        choose_none()
        return
    st.session_state[FIELD], st.session_state[CHOSEN] = found


def add_at(run: FieldRun, field: int, x: float, y: float) -> None:
    """Add a cell that was missed, of the class that is chosen for it."""
    label = st.session_state.get(MISSED)
    if label is not None:
        _act(lambda: choose(add_cell(run.id, field, x, y, label)))


def undo(run: FieldRun) -> None:
    """Take back the last step."""
    _act(lambda: take_back(run.id))


def _act(action: Callable[[], object]) -> bool:
    try:
        action()
    except WbcError as error:
        st.session_state[_FAILED] = (error.message, error.hint)
        return False
    st.session_state[_CHANGED] = True
    return True

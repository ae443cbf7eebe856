"""Labels that a visitor doubts: noted beside a picture, kept for the session, taken away as CSV."""

from __future__ import annotations

import re
from functools import partial

import streamlit as st

from wbc_core.services.access import may
from wbc_core.services.error_gallery import Answers, NotedLabel, note_of, noted_csv
from wbc_core.services.roles import Action
from wbc_core.ui.login import show_lock

NOTED = "errors_noted"
LONGEST = 300


def noted_labels(answers: Answers) -> dict[str, NotedLabel]:
    """Return the doubted labels of the shown set, by file; whichever model brought them up."""
    by_set: dict[str, dict[str, NotedLabel]] = st.session_state.setdefault(NOTED, {})
    return by_set.setdefault(answers.source, {})


def ask_for_note(answers: Answers, row: int) -> None:
    """Offer to note that a picture's label looks wrong, or to take that back."""
    if not may(Action.REVIEW):
        show_lock(Action.REVIEW)
        return
    noted = noted_labels(answers)
    file = str(answers.table.file[row])
    key = f"errors_note_{answers.source}_{row}"
    if key not in st.session_state:
        st.session_state[key] = noted[file].note if file in noted else ""
    with st.container(border=True, gap="small"):
        note: str = st.text_input(
            "What speaks against the label", key=key, max_chars=LONGEST, placeholder="Optional, such as: no nucleus"
        )
        if file in noted:
            if noted[file].note != note:
                noted[file] = note_of(answers, row, note)
            st.button(
                "Take it back", key="errors_unnote", icon=":material/undo:", on_click=_take_back, args=(answers, file)
            )
            st.caption("⚑ Noted: the label looks wrong. The list below can be taken away as CSV.")
        else:
            st.button(
                "Label looks wrong",
                key="errors_note_it",
                icon=":material/flag:",
                on_click=partial(_note, answers, row, key),
            )


def show_export(answers: Answers) -> None:
    """Say how many labels are noted, and offer them as a file."""
    noted = noted_labels(answers)
    if not noted:
        return
    st.subheader("Labels noted as wrong", anchor=False)
    count = f"{len(noted)} {'label' if len(noted) == 1 else 'labels'}"
    st.caption(
        f"{count} of this set. They are kept while this page is open, and nowhere else: take the list away before you "
        "leave. The set itself is not changed."
    )
    st.download_button(
        "Noted labels as CSV",
        partial(noted_csv, dict(noted)),
        file_name=f"noted_labels_{re.sub(r'[^A-Za-z0-9._-]+', '_', answers.source)}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="errors_export",
    )


def _take_back(answers: Answers, file: str) -> None:
    noted_labels(answers).pop(file, None)


def _note(answers: Answers, row: int, key: str) -> None:
    note = str(st.session_state.get(key, ""))
    noted_labels(answers)[str(answers.table.file[row])] = note_of(answers, row, note)

"""Which training curves are shown: chosen runs, shareable as a link, and uploaded files."""

from __future__ import annotations

import streamlit as st

from wbc_core.services.access import may
from wbc_core.services.curves import LoadedRun, load_uploads, run_choices
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.ui.failures import show_failure

CHOSEN_KEY, LINKED_KEY = "curves_chosen", "curves_linked"
PARAMETER = "run"


def choose_runs() -> list[str]:
    """Let runs be chosen, and keep the choice in the page's address.

    Returns
    -------
    list of str
        Keys of the chosen runs.
    """
    choices = {choice.key: choice for choice in run_choices()}
    linked = st.query_params.get_all(PARAMETER)
    if st.session_state.get(LINKED_KEY) != linked:  # a link, or the browser's back button
        st.session_state[CHOSEN_KEY] = [key for key in dict.fromkeys(linked) if key in choices]
        st.session_state[LINKED_KEY] = linked
    unknown = [key for key in linked if key not in choices]
    chosen: list[str] = st.multiselect(
        "Runs and installed models",
        list(choices),
        format_func=lambda key: choices[key].label if key in choices else key,
        key=CHOSEN_KEY,
        placeholder="Type to search" if choices else "There are none yet",
        help="The choice stands in the page's address: copy that to share it.",
    )
    chosen = [key for key in chosen if key in choices]
    if unknown and chosen == [key for key in linked if key in choices]:
        show_failure(f"There is no run named {', '.join(unknown)}.", "It may have been deleted; choose another one.")
    elif chosen != linked:
        st.query_params[PARAMETER] = chosen
        st.session_state[LINKED_KEY] = chosen
    return chosen


def preselect(key: str) -> None:
    """Choose one run; for buttons."""
    st.session_state[CHOSEN_KEY] = [key]


def ask_for_uploads() -> tuple[LoadedRun, ...]:
    """Take files of other trainings and return what they hold, read once each."""
    with st.expander("Add files of other trainings", icon=":material/upload_file:"):
        files = st.file_uploader(
            f"CSV files of Keras's CSVLogger, or TensorBoard event files, up to {settings().max_upload_mb} MB each",
            accept_multiple_files=True,
            max_upload_size=settings().max_upload_mb,
            key="curves_upload",
            disabled=not may(Action.CLASSIFY),
            help="Keras writes one event file of training and one of validation: add both. Files stay in memory.",
        )
    names = tuple(file.file_id for file in files)
    read: tuple[tuple[str, ...], tuple[LoadedRun, ...]] = st.session_state.get("curves_uploads", ((), ()))
    if read[0] != names:
        with st.spinner("Reading the files …"):
            read = (names, load_uploads([(file.name, file.getvalue()) for file in files]))
        st.session_state["curves_uploads"] = read
    return read[1]

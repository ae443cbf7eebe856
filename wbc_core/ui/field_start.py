"""New fields: what is handed in, by which model, at which scale."""

from __future__ import annotations

import streamlit as st

from wbc_core.batches.listing import Upload
from wbc_core.biology.statements import NO_PATIENT_DATA
from wbc_core.errors import WbcError
from wbc_core.services.field_runs import submit_fields
from wbc_core.settings import settings
from wbc_core.ui.failures import failures_shown, show_failure
from wbc_core.ui.options import Options, ask_for_options

PARAMETER = "fields"
_TURN, _FAILED = "field_turn", "field_failed"


def show_start() -> None:
    """Ask for fields and offer to begin."""
    turn = st.session_state.get(_TURN, 0)
    files = st.file_uploader(
        f"Camera pictures of whole fields, or a zip of them, up to {settings().max_upload_mb} MB a picture. Drop them"
        " here or browse.",
        accept_multiple_files=True,
        max_upload_size=settings().max_archive_mb,
        key=f"field_files_{turn}",
    )
    st.markdown(f":material/privacy_tip: {NO_PATIENT_DATA}")
    with failures_shown():
        options = ask_for_options("field")
        if failure := st.session_state.pop(_FAILED, None):
            show_failure(*failure)
        if not files:
            with st.container(border=True, horizontal_alignment="center"):
                st.markdown(":material/grid_view: **No fields yet.** The cells appear here.", text_alignment="center")
                st.caption(
                    "Best: consecutive fields of a Romanowsky-stained film where red cells lie side by side, in focus,"
                    " through a 40× to 100× objective.",
                    text_alignment="center",
                )
            return
        uploads = tuple(Upload(file.name, file.getvalue()) for file in files)
        st.button(
            "Find the cells",
            type="primary",
            icon=":material/search:",
            on_click=_begin,
            args=(uploads, options),
            key="field_begin",
        )


def _begin(uploads: tuple[Upload, ...], options: Options) -> None:
    try:
        run_id = submit_fields(uploads, model_id=options.model_id, scale=options.microns_per_pixel)
    except WbcError as error:
        st.session_state[_FAILED] = (error.message, error.hint)
        return
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1  # an empty uploader: the session lets go of the files
    st.query_params[PARAMETER] = run_id

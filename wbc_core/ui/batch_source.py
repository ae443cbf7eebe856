"""What a batch is made of: many files, a folder, a zip archive, or a folder of the server where that is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from wbc_core.batches.listing import Upload
from wbc_core.biology.statements import NO_PATIENT_DATA
from wbc_core.services.batch_submission import allowed_path
from wbc_core.settings import settings
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.samples import SAMPLE_NOTE, drawn_cells
from wbc_core.ui.wording import plain

FILES, FOLDER, SERVER, SAMPLES = "Files or zip", "Folder", "Folder of the server", "Samples"
TABS_KEY, TURN_KEY = "batch_source", "batch_turn"
MANY = 200
"""Files from which on a zip archive is far quicker: a browser sends each file in a request of its own."""


@dataclass(frozen=True)
class Source:
    """What was handed in: files in memory, or a path on the server."""

    uploads: tuple[Upload, ...] = ()
    path: Path | None = None


def forget_uploads() -> None:
    """Empty the uploaders, so that the session does not hold the pictures a second time."""
    st.session_state[TURN_KEY] = st.session_state.get(TURN_KEY, 0) + 1


def ask_for_source() -> Source | None:
    """Show the ways to hand in pictures; the open one counts.

    Returns
    -------
    Source or None
        None as long as the open tab has nothing.
    """
    names = [FILES, FOLDER, *([SERVER] if settings().batch_root else []), SAMPLES]
    tabs = dict(zip(names, st.tabs(names, key=TABS_KEY, on_change="rerun"), strict=True))
    turn = st.session_state.get(TURN_KEY, 0)
    source = None
    with tabs[FILES]:
        files = st.file_uploader(
            f"Pictures of single stained cells, or a zip of them, up to {settings().max_archive_mb} MB. "
            "Drop them here or browse.",
            accept_multiple_files=True,
            max_upload_size=settings().max_archive_mb,
            key=f"batch_files_{turn}",
        )
        st.caption(f"More than {MANY} pictures? Pack them into one zip: that is many times quicker to send.")
        st.markdown(f":material/privacy_tip: {NO_PATIENT_DATA}")
        if tabs[FILES].open and files:
            source = Source(tuple(Upload(file.name, file.getvalue()) for file in files))
    with tabs[FOLDER]:
        folder = st.file_uploader(
            "A folder of pictures; folders inside it come along.",
            accept_multiple_files="directory",
            max_upload_size=settings().max_upload_mb,
            key=f"batch_folder_{turn}",
        )
        st.caption(f"Your browser sends one file after the other. Above some {MANY} files a zip is the better way.")
        if tabs[FOLDER].open and folder:
            source = Source(tuple(Upload(file.name, file.getvalue()) for file in folder))
    if SERVER in tabs and tabs[SERVER].open:
        with tabs[SERVER], failures_shown():
            text = st.text_input(
                f"Folder, zip archive or picture inside {plain(str(settings().batch_root))}", key="batch_path"
            )
            if text.strip():
                source = Source(path=allowed_path(text))
    with tabs[SAMPLES]:
        st.markdown("Forty drawn cells, five of each type, to see how a batch looks.")
        st.caption(SAMPLE_NOTE)
        if tabs[SAMPLES].open:
            source = Source(tuple(Upload(name, data) for name, data in drawn_cells().items()))
    return source

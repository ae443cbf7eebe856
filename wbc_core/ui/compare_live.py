"""Pictures of a visitor's own: the chosen models run on them beside the page, and join the comparison."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from wbc_core.biology.statements import NO_PATIENT_DATA
from wbc_core.errors import WbcError
from wbc_core.services.access import is_public, may
from wbc_core.services.live_run import LiveRun
from wbc_core.services.live_set import set_at, uploaded_set
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.ui.failures import show_failure
from wbc_core.ui.picture_source import FILE_TYPES
from wbc_core.ui.wording import listed, plain

RUN_KEY, BOX_KEY = "compare_live", "compare_live_box"
EVERY_S = 1.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DONE_KEY = "compare_live_told"


@dataclass(eq=False)
class Kept:
    """A run, and the folder of its uploaded pictures, which is removed with it."""

    run: LiveRun
    folder: TemporaryDirectory[str] | None


def ask_for_live(models: Mapping[str, str], taken: Sequence[str]) -> LiveRun | None:
    """Offer to run models on pictures of the visitor's own, and return the run that there is.

    Parameters
    ----------
    models : mapping of str to str
        Names of the chosen models, by id.
    taken : sequence of str
        Names of sets that there are already.

    Returns
    -------
    LiveRun or None
        Running or ended.
    """
    kept: Kept | None = st.session_state.get(RUN_KEY)
    box = st.expander(
        "Run the models on pictures of your own", icon=":material/play_circle:", key=BOX_KEY, on_change="rerun"
    )
    if box.open:  # only then: what is folded up would keep a visitor waiting all the same
        with box:
            if kept is None:
                _ask_for_pictures(models, taken)
            else:
                _watch(kept.run, models)
    return None if kept is None else kept.run


def on_this_computer() -> bool:
    """Return whether only this computer reaches the server, so that its visitor may name folders of it."""
    return st.get_option("server.address") in LOOPBACK and not is_public()


def _ask_for_pictures(models: Mapping[str, str], taken: Sequence[str]) -> None:
    files = st.file_uploader(
        f"A zip of class folders, or pictures and a CSV file, up to {settings().max_upload_mb} MB each",
        type=["zip", "csv", *FILE_TYPES],
        accept_multiple_files=True,
        max_upload_size=settings().max_upload_mb,
        key="compare_live_upload",
        disabled=not may(Action.CLASSIFY),
        help="Class folders are named after cells, such as neutrophil. The CSV file has the columns file and label.",
    )
    st.markdown(f":material/privacy_tip: {NO_PATIENT_DATA}")
    path = ""
    if on_this_computer():
        path = st.text_input(
            "Or a folder of this computer",
            key="compare_live_path",
            placeholder="/home/me/cells",
            help="A folder of class folders, or a CSV file with the columns file and label.",
        )
    else:
        st.caption("A folder of the server can be named where only the computer that runs it reaches the app.")
    if st.button(
        "Run it" if len(models) == 1 else f"Run {len(models)} models",
        icon=":material/play_arrow:",
        disabled=not models or not (files or path),
        key="compare_live_start",
    ):
        _start([(file.name, file.getvalue()) for file in files], path, tuple(models), taken)


def _start(files: Sequence[tuple[str, bytes]], path: str, model_ids: tuple[str, ...], taken: Sequence[str]) -> None:
    folder = TemporaryDirectory(prefix="wbc-live-") if files else None
    try:
        with st.spinner("Reading the pictures …"):
            live = uploaded_set(files, Path(folder.name)) if folder is not None else set_at(Path(path).expanduser())
    except WbcError as error:
        show_failure(error.message, error.hint)
        return
    run = LiveRun(live.named_unlike(taken), model_ids)
    run.start()
    kept = Kept(run, folder)
    weakref.finalize(kept, run.cancel)  # with the session, whose folder goes too
    st.session_state[RUN_KEY] = kept
    st.rerun()


def _watch(run: LiveRun, models: Mapping[str, str]) -> None:
    if run.state == "running":
        st.fragment(_show_progress, run_every=EVERY_S)(run, models)
        return
    for line in summary(run, models):
        st.markdown(plain(line))
    for note in run.live.notes:
        st.caption(plain(note))
    for model_id, error in run.failures.items():
        show_failure(f"{models.get(model_id, model_id)}: {error.message}", error.hint)
    st.button("Take it out", icon=":material/close:", key="compare_live_remove", on_click=_remove)


def _show_progress(run: LiveRun, models: Mapping[str, str]) -> None:
    if run.state != "running":
        st.rerun()  # the whole page: the answers join the comparison
    done, total = run.progress
    name = models.get(run.model_at_work, run.model_at_work)
    st.progress(done / max(total, 1), text=plain(f"{name}: {done:,} of {total:,} answers"))
    st.button("Cancel", icon=":material/stop:", key="compare_live_cancel", on_click=run.cancel)


def summary(run: LiveRun, models: Mapping[str, str]) -> list[str]:
    """Say what came of a run, in plain sentences."""
    pictures = f"{len(run.live.images):,} {'picture' if len(run.live.images) == 1 else 'pictures'}"
    answered = [models.get(model_id, model_id) for model_id in run.tables]
    if run.state == "cancelled":
        kept = f"What {listed(answered)} answered is kept." if answered else "No model had answered all pictures."
        return [f"Cancelled. {kept}"]
    if not answered:
        return ["No model could answer."]
    missing = [name for model_id, name in models.items() if model_id not in run.model_ids]
    lines = [f"{listed(answered)} answered {pictures}; choose {run.live.name} as test set to see the figures."]
    if missing:
        lines.append(f"{listed(missing)} was not asked: take the run out and start it again for all.")
    return lines


def newly_done(run: LiveRun | None) -> str | None:
    """Return the name of a set whose run has just ended with answers, once; else None."""
    if run is None or run.state == "running" or not run.tables or st.session_state.get(_DONE_KEY) == id(run):
        return None
    st.session_state[_DONE_KEY] = id(run)
    return run.live.name


def _remove() -> None:
    kept: Kept | None = st.session_state.pop(RUN_KEY, None)
    if kept is not None:
        kept.run.cancel()
        kept.run.wait(5)
        if kept.folder is not None:
            kept.folder.cleanup()

"""One batch: how far it is, what was counted, what failed, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import streamlit as st

from wbc_core.batches.listing import Upload
from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.biology.statements import BONE_MARROW_STUDY, RESEARCH_USE
from wbc_core.errors import WbcError
from wbc_core.services.batch_corrections import BatchReview, review_of_batch
from wbc_core.services.batch_submission import continue_batch
from wbc_core.services.batches import BatchView, cancel_batch, delete_batch, view_batch
from wbc_core.settings import settings
from wbc_core.ui.batch_downloads import show_downloads
from wbc_core.ui.batch_pictures import NOTES, show_pictures
from wbc_core.ui.batch_start import PARAMETER
from wbc_core.ui.batch_states import show_mark
from wbc_core.ui.differential_view import Counted, show_counts
from wbc_core.ui.failures import failures_shown, show_failure
from wbc_core.ui.wording import plain, roughly, short_name, with_commands

RENEWED_EVERY = 1.0  # seconds
SHOWN_FAILURES = 200
FEW = 10
UNEXPECTED = ("The batch could not be shown.", "Reload the page; what is done is kept.")
_FAILED = "batch_action_failed"


def show_batch(batch_id: str) -> None:
    """Show a batch, renewed every second until it has ended; then its pictures and files, too."""
    if st.button("Another batch", icon=":material/arrow_back:", type="tertiary", key="batch_back"):
        del st.query_params[PARAMETER]
        st.rerun()
    with failures_shown(*UNEXPECTED):
        view = view_batch(batch_id)
        review = None if view.active else review_of_batch(batch_id)
        st.fragment(_show, run_every=RENEWED_EVERY if view.active else None)(batch_id, review)
        if review is None:
            st.caption("You may close this page: the batch goes on. Its address leads back here.")
            return
        _show_unfinished(view)
        if view.tally.done:
            show_pictures(view, review)
            show_downloads(view)
        _show_delete(view)
        st.caption(f"**{RESEARCH_USE}**")


def _show(batch_id: str, review: BatchReview | None) -> None:
    with failures_shown(*UNEXPECTED):
        view = view_batch(batch_id)
        if review is None and not view.active:
            st.rerun()  # it has just ended: the page stops renewing itself and shows the rest
        if review is not None and review.steps:
            view = replace(view, tally=review.tally)
        st.header(plain(short_name(view.request.title)), anchor=False)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            show_mark(view.standing.state)
            ago = roughly(max(0.0, time.time() - view.request.created))
            st.caption(plain(f"{view.request.model_title} · handed in {ago} ago"), width="content")
        if failure := st.session_state.pop(_FAILED, None):
            show_failure(*failure)
        if view.active:
            _show_progress(view)
        elif view.standing.state == "failed":
            st.error(with_commands(view.standing.hint), title=plain(view.standing.message), icon=":material/error:")
        elif view.standing.message:
            st.info(with_commands(view.standing.hint), title=plain(view.standing.message), icon=":material/info:")
        if in_bone_marrow_study(view.request.labels):
            st.info(BONE_MARROW_STUDY, icon=":material/science:")
        _show_figures(view)
        if view.tally.done:
            show_counts(_counted(view, reviewed=review is not None and review.finished))
        _show_failures(view)
        _show_left_out(view)


def progress_in_words(view: BatchView) -> str:
    """Return how far a batch is, how fast it goes and how long it will take.

    Examples
    --------
    ``1,240 of 3,000 pictures · 54 a second · 33 s left``
    """
    parts = [f"{view.tally.done:,} of {view.standing.total:,} pictures"]
    if view.rate:
        parts.append(f"{view.rate:.0f} a second" if view.rate >= 1 else f"{60 * view.rate:.0f} a minute")
    if view.eta_s is not None:
        parts.append(f"{roughly(view.eta_s)} left")
    return " · ".join(parts)


def _show_progress(view: BatchView) -> None:
    total = view.standing.total
    st.progress(min(1.0, view.tally.done / total) if total else 0.0, text=plain(progress_in_words(view)))
    st.button("Cancel", icon=":material/cancel:", on_click=_cancel, args=(view.request.id,), key="batch_cancel")


def _counted(view: BatchView, *, reviewed: bool) -> Counted:
    tally = view.tally
    return Counted(
        view.request.labels,
        tally.labels,
        tally.reasons,
        tally.statuses["failed"],
        tally.repeats,
        reviewed=reviewed,
    )


def _cancel(batch_id: str) -> None:
    cancel_batch(batch_id)


def _show_figures(view: BatchView) -> None:
    tally = view.tally
    figures = [
        ("Classified", tally.statuses["classified"], None),
        ("Unidentified", tally.statuses["unidentified"], "The model abstains: a person must decide."),
        ("Failed", tally.statuses["failed"], "Could not be read; listed below with the reason."),
        *((words.name, tally.notes[note], None) for note, words in NOTES.items()),
        ("Repeats", tally.repeats, "The same as an earlier picture, bit for bit; counted once."),
        ("Left out", len(view.left_out), "No pictures; listed below."),
    ]
    with st.container(horizontal=True, gap="medium"):
        for title, number, words in figures:
            if number or title in ("Classified", "Unidentified", "Failed"):
                st.metric(title, f"{number:,}", help=words, width="content")
    for note, meaning in NOTES.items():
        if tally.notes[note]:
            st.markdown(f":material/warning: {plain(meaning.sentence(tally.notes[note]))}")
    if not view.active and view.rate and view.tally.done == view.standing.total:
        st.caption(f"{view.tally.done:,} pictures in {roughly(view.standing.seconds)}, {view.rate:.0f} a second.")


def _show_failures(view: BatchView) -> None:
    failures = view.tally.failures
    if failures:
        count = view.tally.statuses["failed"]
        words = f"{count:,} {'picture' if count == 1 else 'pictures'} could not be read"
        with st.expander(words, icon=":material/error:", expanded=not view.active and count <= FEW):
            if count <= FEW:
                st.markdown("\n".join(f"- {plain(row.error)} {with_commands(row.hint)}" for row in failures))
                return
            table = pd.DataFrame(
                [(row.file, row.error, row.hint) for row in failures[:SHOWN_FAILURES]],
                columns=["File", "What happened", "What to do"],
            )
            st.dataframe(table, hide_index=True, alt="Failed pictures with the reason", key="batch_failures")
            if count > len(table):
                st.caption(f"The first {len(table)} of {count:,}; the files below have all.")


def _show_left_out(view: BatchView) -> None:
    left_out = view.left_out
    if left_out:
        words = f"{len(left_out):,} {'file was' if len(left_out) == 1 else 'files were'} left out"
        with st.expander(words, icon=":material/block:"):
            table = pd.DataFrame(list(left_out.items())[:SHOWN_FAILURES], columns=["File", "Why"])
            st.dataframe(table, hide_index=True, alt="Files that are no pictures", key="batch_left_out")


def _show_unfinished(view: BatchView) -> None:
    """Offer to go on with what has ended early."""
    if view.standing.state not in ("cancelled", "interrupted", "failed") or not view.missing:
        return
    words = f"{view.missing:,} of {view.standing.total:,} pictures are not done."
    if view.pictures_at_hand:
        st.markdown(words)
        st.button(
            "Continue", icon=":material/resume:", on_click=_continue, args=(view.request.id, ()), key="batch_continue"
        )
        return
    again = st.file_uploader(
        f"{words} Hand in the same files again to continue.",
        accept_multiple_files=True,
        max_upload_size=settings().max_archive_mb,
        key="batch_again",
    )
    if again:
        uploads = tuple(Upload(file.name, file.getvalue()) for file in again)
        st.button(
            "Continue",
            type="primary",
            icon=":material/resume:",
            on_click=_continue,
            args=(view.request.id, uploads),
            key="batch_continue",
        )


def _continue(batch_id: str, uploads: tuple[Upload, ...]) -> None:
    _try(lambda: continue_batch(batch_id, uploads))


def _show_delete(view: BatchView) -> None:
    with st.popover("Delete this batch", icon=":material/delete:", type="tertiary"):
        st.markdown("Its results are removed from the server, its pictures from memory. This cannot be undone.")
        st.button("Delete", type="primary", on_click=_delete, args=(view.request.id,), key="batch_delete")


def _delete(batch_id: str) -> None:
    if _try(lambda: delete_batch(batch_id)) and PARAMETER in st.query_params:
        del st.query_params[PARAMETER]


def _try(action: Callable[[], None]) -> bool:
    try:
        action()
    except WbcError as error:
        st.session_state[_FAILED] = (error.message, error.hint)
        return False
    return True

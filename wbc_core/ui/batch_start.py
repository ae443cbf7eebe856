"""A new batch, and those that this visitor began."""

from __future__ import annotations

import time

import streamlit as st

from wbc_core.errors import WbcError
from wbc_core.services.batch_submission import submit_paths, submit_uploads
from wbc_core.services.batches import view_batch
from wbc_core.ui.batch_source import Source, ask_for_source, forget_uploads
from wbc_core.ui.batch_states import show_mark
from wbc_core.ui.failures import failures_shown, show_failure
from wbc_core.ui.options import Options, ask_for_options
from wbc_core.ui.wording import plain, roughly, short_name

PARAMETER = "batch"
OWN = "batch_own"
_FAILED = "batch_start_failed"


def show_start() -> None:
    """Ask for pictures and model, and offer to begin."""
    source = ask_for_source()
    with failures_shown():
        options = ask_for_options("batch", scale=False)
        if failure := st.session_state.pop(_FAILED, None):
            show_failure(*failure)
        if source is None:
            with st.container(border=True, horizontal_alignment="center"):
                st.markdown(":material/stacks: **No pictures yet.** Counts appear here.", text_alignment="center")
                st.caption(
                    "Each picture holds one cell; whole camera fields go to the page Fields. "
                    "No pictures at hand? Try the samples.",
                    text_alignment="center",
                )
            return
        st.markdown(_handed_in(source))
        st.button(
            "Classify them",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_begin,
            args=(source, options),
            key="batch_begin",
        )


def _handed_in(source: Source) -> str:
    if source.path is not None:
        return f"**{plain(short_name(source.path.name))}** on the server."
    size = sum(len(upload.data) for upload in source.uploads) / 1e6
    count = len(source.uploads)
    return (
        f"**{count:,} {'file' if count == 1 else 'files'}**, {f'{size:,.1f}' if size >= 0.1 else 'less than 0.1'} MB."
    )


def _begin(source: Source, options: Options) -> None:
    try:
        if source.path is not None:
            batch_id = submit_paths([source.path], model_id=options.model_id, labels=options.labels)
        else:
            batch_id = submit_uploads(source.uploads, model_id=options.model_id, labels=options.labels)
    except WbcError as error:
        st.session_state[_FAILED] = (error.message, error.hint)
        return
    forget_uploads()
    st.session_state[OWN] = [*st.session_state.get(OWN, []), batch_id]
    st.query_params[PARAMETER] = batch_id


def show_own_batches() -> None:
    """Show the batches begun in this session, the newest first; others are reached by their address alone."""
    views = []
    for batch_id in reversed(st.session_state.get(OWN, [])):
        try:
            views.append(view_batch(batch_id))
        except WbcError:
            continue  # deleted meanwhile
    if not views:
        return
    st.subheader("Your batches", anchor=False)
    for view in views:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(short_name(view.request.title))}**", width="stretch")
            show_mark(view.standing.state)
            ago = roughly(max(0.0, time.time() - view.request.created))
            st.caption(f"{view.tally.done:,} of {view.standing.total:,} · {ago} ago", width="content")
            if st.button("Open", key=f"batch_open_{view.request.id}"):
                st.query_params[PARAMETER] = view.request.id
                st.rerun()

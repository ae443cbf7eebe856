"""Call pictures of a batch something else: chosen by their numbers in the grid, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from wbc_core.batches.rows import BatchRow
from wbc_core.biology.classes import class_facts
from wbc_core.errors import WbcError
from wbc_core.services.access import may
from wbc_core.services.batch_corrections import BatchReview, confirm_pictures, decide_pictures, take_back_decision
from wbc_core.services.batches import BatchView
from wbc_core.services.roles import Action
from wbc_core.smear.decisions import choices_for
from wbc_core.ui.failures import show_failure
from wbc_core.ui.login import show_lock

_FAILED = "batch_review_failed"


def mark_of(row: BatchRow) -> str:
    """Return what stands behind the name of a picture that a person has looked at."""
    if row.corrected_from:
        return f" ✎, was {class_facts(row.corrected_from).name.lower()}"
    return " ✓" if row.reviewed else ""


def show_review(view: BatchView, review: BatchReview, shown: Sequence[BatchRow]) -> None:
    """Offer to correct the pictures that are shown, to let their names stand, and to take the last step back.

    Parameters
    ----------
    view : BatchView
        The batch.
    review : BatchReview
        How far it is.
    shown : sequence of BatchRow
        The pictures in the grid, in their order; their numbers begin at 1.
    """
    if failure := st.session_state.pop(_FAILED, None):
        show_failure(*failure)
    if not may(Action.REVIEW):
        st.markdown(f":material/fact_check: {review_in_words(review)}")
        show_lock(Action.REVIEW)
        return
    turn = f"{view.request.id}_{review.steps}_{shown[0].place if shown else ''}"  # empty again after each step
    numbers = st.pills(
        "Wrong? Choose pictures by their numbers",
        list(range(1, len(shown) + 1)),
        selection_mode="multi",
        key=f"batch_wrong_{turn}",
        wrap=True,
    )
    if numbers:
        key = f"batch_class_{turn}"
        files = [shown[number - 1].file for number in numbers]
        st.selectbox(
            "This picture shows" if len(files) == 1 else f"These {len(files)} pictures show",
            choices_for(view.request.labels),
            index=None,
            placeholder="Choose what it is",
            format_func=lambda label: class_facts(label).name,
            on_change=lambda: _decide(view.request.id, files, key),
            key=key,
            width=360,
        )
    st.markdown(f":material/fact_check: {review_in_words(review)}")
    open_ones = [row.file for row in shown if row.status == "classified" and not row.reviewed]
    with st.container(horizontal=True, gap="small"):
        if open_ones and not numbers:
            words = "1 name here is right" if len(open_ones) == 1 else f"All {len(open_ones)} open names here are right"
            st.button(
                words,
                icon=":material/done_all:",
                on_click=lambda: _try(lambda: confirm_pictures(view.request.id, open_ones)),
                key="batch_right",
            )
        if review.steps:
            st.button(
                "Undo",
                icon=":material/undo:",
                on_click=lambda: _try(lambda: take_back_decision(view.request.id)),
                key="batch_undo",
            )


def review_in_words(review: BatchReview) -> str:
    """Return how far a review is.

    ``12 of 200 pictures reviewed, 2 corrected. The count stays preliminary until all are decided.``
    """
    done = f"All {review.pictures:,}" if review.seen == review.pictures else f"{review.seen:,} of {review.pictures:,}"
    parts = [f"{done} {'picture' if review.pictures == 1 else 'pictures'} reviewed"]
    numbers = (("corrected", review.corrected), ("left open", review.left_open))
    parts += [f"{count:,} {words}" for words, count in numbers if count]
    rest = "" if review.finished else " The count stays preliminary until all are decided."
    return f"{', '.join(parts)}.{rest}"


def _decide(batch_id: str, files: Sequence[str], key: str) -> None:
    label = st.session_state.get(key)
    if label is not None:
        _try(lambda: decide_pictures(batch_id, files, label))


def _try(action: Callable[[], object]) -> None:
    try:
        action()
    except WbcError as error:
        st.session_state[_FAILED] = (error.message, error.hint)

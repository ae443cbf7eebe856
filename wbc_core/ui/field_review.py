"""How far a person has looked through the cells, and what can be done next: the next one, all at once, undo, add."""

from __future__ import annotations

import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.services.access import may
from wbc_core.services.field_corrections import Review, review_of
from wbc_core.services.field_runs import FieldRun
from wbc_core.services.roles import Action
from wbc_core.smear.decisions import NOT_A_CELL, NOT_CLASSED, UNIDENTIFIED, choices_for
from wbc_core.ui.field_actions import CHOSEN, MISSED, go_on, let_rest_stand, undo
from wbc_core.ui.login import show_lock


def show_review(run: FieldRun, field: int, open_here: int) -> None:
    """Show how far the review is, and offer the next steps.

    Parameters
    ----------
    run : FieldRun
        The run.
    field : int
        Number of the field that is shown.
    open_here : int
        Cells of it that have a name and that nobody has looked at.
    """
    review = review_of(run)
    st.markdown(f":material/fact_check: {review_in_words(review)}")
    if not may(Action.REVIEW):
        show_lock(Action.REVIEW)
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if review.seen < review.cells:
            st.button(
                "Next to review",
                icon=":material/arrow_forward:",
                on_click=go_on,
                args=(run, field, st.session_state.get(CHOSEN)),
                key="field_next",
            )
        if open_here:
            words = "1 name here is right" if open_here == 1 else f"All {open_here} open names here are right"
            st.button(words, icon=":material/done_all:", on_click=let_rest_stand, args=(run, field), key="field_rest")
        if run.decisions.steps:
            st.button("Undo", icon=":material/undo:", on_click=undo, args=(run,), key="field_undo")
    st.selectbox(
        "Was a cell missed? Choose what it is, then click its middle in the picture.",
        [label for label in choices_for(run.labels) if label not in (UNIDENTIFIED, NOT_CLASSED, NOT_A_CELL)],
        index=None,
        placeholder="No cell was missed",
        format_func=lambda label: class_facts(label).name,
        key=MISSED,
        width=520,
    )


def review_in_words(review: Review) -> str:
    """Return how far a review is.

    Examples
    --------
    >>> review_in_words(Review(cells=34, seen=12, left_open=1, corrected=2, added=0))
    '12 of 34 cells reviewed, 2 corrected, 1 left open. The count stays preliminary until all are decided.'
    >>> review_in_words(Review(cells=3, seen=3, left_open=0, corrected=0, added=1))
    'All 3 cells reviewed, 1 added.'
    """
    done = f"All {review.cells:,}" if review.seen == review.cells else f"{review.seen:,} of {review.cells:,}"
    parts = [f"{done} {'cell' if review.cells == 1 else 'cells'} reviewed"]
    numbers = (("corrected", review.corrected), ("added", review.added), ("left open", review.left_open))
    parts += [f"{count:,} {words}" for words, count in numbers if count]
    rest = "" if review.finished else " The count stays preliminary until all are decided."
    return f"{', '.join(parts)}.{rest}"

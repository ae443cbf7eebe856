"""The chosen cell of a field: how the model saw it, what it is called, and what a person makes of it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.services.access import may
from wbc_core.services.field_results import ELSEWHERE, NOT_FOUND, ON_BORDER, FieldResult, FoundCell
from wbc_core.services.field_runs import FieldRun
from wbc_core.services.fields import cut_out
from wbc_core.services.roles import Action
from wbc_core.smear.decisions import choices_for
from wbc_core.ui.field_actions import call_it, let_stand, remove
from wbc_core.ui.wording import REASONS, confidence_in_words, percent, plain, short_name

SIDE = 132  # px of a cell on the page


def name_of(found: FoundCell) -> str:
    """Return what a cell is called: its type, *Unidentified*, or the kind of what is no leukocyte."""
    return "Unidentified" if found.status == "unidentified" else class_facts(found.label).name


def origin_of(found: FoundCell) -> str:
    """Return who called a cell so, in words; empty of what nobody has looked at."""
    if found.corrected_from == NOT_FOUND:
        return "Added by hand: the search had missed it."
    if found.corrected_from:
        return f"By hand; it was called {class_facts(found.corrected_from).name.lower()}."
    return "Seen by a person, who let the name stand." if found.reviewed else ""


def show_cell(run: FieldRun, field: int, number: int, found: FoundCell, pixels: NDArray[np.uint8]) -> None:
    """Show one cell, and offer to call it something else.

    Parameters
    ----------
    run : FieldRun
        The run.
    field, number : int
        Of the field in the run, and of the cell in the field.
    found : FoundCell
        The cell, as a person calls it.
    pixels : ndarray of uint8, shape (height, width, 3)
        The field in RGB.
    """
    st.markdown(f"**{plain(name_of(found))}**")
    st.image(cut_out(pixels, found), alt=f"The cell as the model saw it: {name_of(found)}", width=SIDE)
    if origin := origin_of(found):
        st.markdown(f":material/edit: {plain(origin)}")
    _show_answer(found)
    size = found.diameter_um(run.results[field].scale)
    if size is not None and found.corrected_from != NOT_FOUND:
        st.caption(f"{size:.1f} µm across")
    if found.reason == ELSEWHERE:
        st.caption(f"It is counted in {plain(short_name(found.counted_in))}, which shows it too.")
    elif found.reason == ON_BORDER:
        st.caption("The lower or right edge cuts it: it counts in the neighbouring field.")
    elif may(Action.REVIEW):
        _ask_what_it_is(run, field, number, found)


def _show_answer(found: FoundCell) -> None:
    if found.confidence is None:
        return
    top = class_facts(found.model_label).name
    if found.reviewed:
        st.caption(f"The model: {plain(top)}, {percent(found.confidence)}.")
    elif found.status == "unidentified":
        st.markdown(f"{REASONS.get(found.reason, '')} Closest: {top}, {percent(found.confidence)}.")
    else:
        st.markdown(f"{confidence_in_words(found.confidence)}: {percent(found.confidence)}")
    others = sorted(found.probabilities.items(), key=lambda item: -item[1])[1:3]
    st.caption(plain("; ".join(f"{class_facts(label).name} {percent(share)}" for label, share in others)))


def _ask_what_it_is(run: FieldRun, field: int, number: int, found: FoundCell) -> None:
    if not found.reviewed and found.status != "unidentified":
        st.button(
            "Right, next one",
            icon=":material/check:",
            on_click=let_stand,
            args=(run, field, number),
            key="field_right",
            width="stretch",
        )
    key = f"field_class_{field}_{number}_{len(run.decisions.steps)}"  # empty again after each step
    st.selectbox(
        "It is something else",
        [label for label in choices_for(run.labels) if label != found.label or found.status == "unidentified"],
        index=None,
        placeholder="Choose what it is",
        format_func=lambda label: class_facts(label).name,
        on_change=call_it,
        args=(run, field, number, key),
        key=key,
    )
    if found.label != "not_a_cell":
        st.button(
            "No cell: remove the box",
            icon=":material/delete:",
            type="tertiary",
            on_click=remove,
            args=(run, field, number),
            key="field_remove",
        )


def facts_of(result: FieldResult) -> str:
    """Return the size of a field's pixels, and where it is known from, in words."""
    scale = result.scale
    if scale is None:
        return "scale unknown: fewer than 30 round red cells"
    if scale.given:
        return f"{scale.um_per_pixel:.4f} µm per pixel, as given"
    if scale.stored:
        return f"{scale.um_per_pixel:.4f} µm per pixel, as the file states"
    return f"{scale.um_per_pixel:.4f} ± {scale.error:.4f} µm per pixel, from {scale.round_red_cells:,} round red cells"

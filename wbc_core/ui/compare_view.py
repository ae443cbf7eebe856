"""The comparison, in parts that are only computed when they are opened."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from wbc_core.services.comparing import compare_models, models_with_predictions
from wbc_core.ui.compare_choice import Compared, compared, first_choice, shared_sets
from wbc_core.ui.compare_claims import show_claims
from wbc_core.ui.compare_classes import show_classes
from wbc_core.ui.compare_downloads import show_downloads
from wbc_core.ui.compare_matrix import draw_ahead, show_matrices
from wbc_core.ui.compare_one_picture import show_one_picture
from wbc_core.ui.compare_parts import show_parts
from wbc_core.ui.compare_table import show_table
from wbc_core.ui.compare_trust import show_trust
from wbc_core.ui.compare_words import show_pairs
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.wording import plain

PARTS: dict[str, Callable[[Compared], None]] = {
    "Figures": show_table,
    "Significance": show_pairs,
    "Confusion": show_matrices,
    "Classes": show_classes,
    "Parts of the set": show_parts,
    "Confidence and speed": show_trust,
    "Published systems": show_claims,
    "One picture": show_one_picture,
}
"""Tabs and what they show; the first is open at first."""

TAB_KEY = "compare_view"


def warm_up() -> None:
    """Compare what a visitor sees first and draw its matrices, before there is one; answers stay in memory."""
    offered = models_with_predictions()
    chosen = first_choice(offered)
    if not chosen:
        return
    sets = shared_sets([model.sets for model in offered if model.model_id in chosen])
    comparison = compare_models(chosen, source=next(iter(sets)))
    draw_ahead(comparison.measures)


def show_comparison() -> None:
    """Ask what to compare and show it."""
    found = compared()
    if found is None:
        _show_nothing_chosen()
        return
    lineup = found.comparison.lineup
    st.markdown(
        f"**{len(lineup):,} pictures** of {plain(found.comparison.source)} · {len(lineup.names)} "
        f"{'model' if len(lineup.names) == 1 else 'models'} · {len(lineup.labels)} classes"
    )
    if lineup.notes:
        with st.container(border=True, gap="small"):
            st.markdown(":material/info: **Read the figures with this in mind**")
            st.markdown("\n".join(f"- {plain(note)}" for note in lineup.notes))
    tabs = st.tabs(list(PARTS), key=TAB_KEY, on_change="rerun")
    for tab, name in zip(tabs, PARTS, strict=True):
        if tab.open:
            with tab:
                st.fragment(_show_part)(name, found)
    show_downloads(found)


def _show_part(name: str, found: Compared) -> None:
    """Show one part; what is chosen in it runs it alone."""
    with failures_shown(f"{name} could not be shown.", "Choose other models, or reload the page."):
        PARTS[name](found)


def _show_nothing_chosen() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(":material/balance: **No model chosen yet.** The comparison appears here.", text_alignment="center")
        st.caption(
            "Choose models above, or add a file of predictions. Without any installed model that brings its test "
            "predictions, there is only the latter.",
            text_alignment="center",
        )

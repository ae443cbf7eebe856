"""The chosen training curves: charts, table, words, specs, downloads; renewed while a run still goes on."""

from __future__ import annotations

import streamlit as st

from wbc_core.services.curves import MODEL, LoadedRun, by_name, load_run, run_choices
from wbc_core.settings import settings
from wbc_core.ui.curve_chart import show_charts
from wbc_core.ui.curve_downloads import show_downloads
from wbc_core.ui.curve_sources import preselect
from wbc_core.ui.curve_tables import show_problems, show_table, show_verdicts, with_curves
from wbc_core.ui.spec_difference import show_spec_difference

RENEWED_EVERY = 5  # seconds


def show_curves(keys: tuple[str, ...], uploads: tuple[LoadedRun, ...]) -> None:
    """Show the runs of these keys and the uploads; while one of them goes on, anew every few seconds."""
    strength = st.slider(
        "Smoothing",
        min_value=0.0,
        max_value=0.95,
        value=0.0,
        step=0.05,
        key="curves_smoothing",
        help="Exponential moving average, corrected for its start. 0 shows the values as they are; above, they stay "
        "visible as faint lines. Table and words do not depend on it.",
    )
    runs = _named(keys, uploads)
    going_on = any(run.active for run in runs.values())
    st.fragment(_show_runs, run_every=RENEWED_EVERY if going_on else None)(keys, uploads, strength, going_on)
    show_spec_difference(runs)


def _named(keys: tuple[str, ...], uploads: tuple[LoadedRun, ...]) -> dict[str, LoadedRun]:
    return by_name([*(load_run(key) for key in keys), *uploads])


def _show_runs(keys: tuple[str, ...], uploads: tuple[LoadedRun, ...], strength: float, going_on: bool) -> None:
    runs = _named(keys, uploads)
    show_problems(runs)
    curves = with_curves(runs)
    if curves:
        show_charts(curves, strength)
        show_downloads(curves, strength)
        st.subheader("Best, last, and the gap between", anchor=False)
        show_table(runs)
        st.subheader("Does it overfit?", anchor=False)
        show_verdicts(runs)
    if not going_on:
        return
    if not any(run.active for run in runs.values()):
        st.rerun()  # the last run has just ended: the page stops renewing itself
    st.caption(f"Not all of these runs have ended: renewed every {RENEWED_EVERY} seconds.")


def show_nothing_chosen() -> None:
    """Say what appears here, and offer a first curve where there is one."""
    offered = [choice.key for choice in run_choices()]
    default = MODEL + settings().default_model
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(
            ":material/show_chart: **No training chosen yet.** The curves appear here.", text_alignment="center"
        )
        if not offered:
            st.caption(
                "There is no run yet. Start one on the page Training jobs, or add the files of another training.",
                text_alignment="center",
            )
            return
        st.caption("Not sure where to begin? Look at how the default model learned.", text_alignment="center")
        first = default if default in offered else offered[0]
        words = "Show the default model's training" if first == default else "Show the most recent run"
        st.button(words, icon=":material/show_chart:", on_click=preselect, args=(first,), key="curves_first")

"""Training curves in figures and words: a table of runs, where overfitting starts, and what could not be read."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from wbc_core.runs.analysis import summarise
from wbc_core.runs.curves import Curve
from wbc_core.runs.overfitting import overfitting
from wbc_core.services.curves import LoadedRun
from wbc_core.ui.run_states import state_in_words
from wbc_core.ui.wording import duration, plain

VERDICTS = {  # words, icon, colour of the badge
    "overfits": ("Overfits", ":material/trending_up:", "orange"),
    "improving": ("Still improving", ":material/trending_down:", "green"),
    "level": ("No clear overfitting", ":material/trending_flat:", "green"),
    "unstable": ("Unstable", ":material/error:", "orange"),
    "too_short": ("Too short to tell", ":material/help:", "gray"),
    "unknown": ("Cannot be told", ":material/help:", "gray"),
}


def show_problems(runs: Mapping[str, LoadedRun]) -> None:
    """Say of each run without a curve, or with a fault, what is the matter."""
    for name, run in runs.items():
        if run.problem is None:
            continue
        text = plain(f"{run.problem.message} {run.problem.hint}")
        if run.state == "failed" or (run.curve is None and not run.active):
            st.error(text, title=plain(name), icon=":material/error:")
        else:
            st.info(text, title=plain(name), icon=":material/info:")


def show_table(runs: Mapping[str, LoadedRun]) -> None:
    """Show one line a run: its best and its last epoch, and the gap."""
    rows = []
    for name, run in runs.items():
        if run.curve is None:
            continue
        facts = summarise(run.curve)
        rows.append(
            {
                "Run": name,
                "State": state_in_words(run.state, run.silent_s),
                "Epochs": facts.epochs,
                "Best epoch": facts.best_epoch,
                "Best val. loss": facts.best_val_loss,
                "Best val. accuracy": _percent(facts.best_val_accuracy),
                "Last val. loss": facts.last_val_loss,
                "Last val. accuracy": _percent(facts.last_val_accuracy),
                "Gap at best": facts.best_gap,
                "Gap at last": facts.last_gap,
                "Time": duration(facts.seconds) if facts.seconds is not None else "",
            }
        )
    table = pd.DataFrame(rows)
    if not table["State"].any():
        table = table.drop(columns="State")
    loss = st.column_config.NumberColumn(format="%.4f")
    share = st.column_config.NumberColumn(format="%.2f %%")
    gap = st.column_config.NumberColumn(
        format="%.1f points", help="Training accuracy less validation accuracy, in percentage points"
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Run": st.column_config.TextColumn(pinned=len(rows) > 1, width="medium"),
            "Best epoch": st.column_config.NumberColumn(help="The epoch with the lowest validation loss"),
            "Best val. loss": loss,
            "Last val. loss": loss,
            "Best val. accuracy": share,
            "Last val. accuracy": share,
            "Gap at best": gap,
            "Gap at last": gap,
        },
        placeholder="–",
        alt="Best and last epoch of each run",
        key="curves_table",
    )


def show_verdicts(runs: Mapping[str, LoadedRun], *, named: bool = True) -> None:
    """Say of each run where overfitting starts and how large the gap is; without names where there is one run alone."""
    for name, run in runs.items():
        if run.curve is None:
            continue
        found = overfitting(run.curve, augmented=run.augmented)
        words, icon, colour = VERDICTS[found.verdict]
        with st.container(border=True, gap="small"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                if named:
                    st.markdown(f"**{plain(name)}**", width="content")
                st.badge(words, icon=icon, color=colour)  # type: ignore[arg-type]
            st.markdown(plain(" ".join(found.sentences)))
            for note in run.curve.notes:
                st.caption(plain(note))


def with_curves(runs: Mapping[str, LoadedRun]) -> dict[str, Curve]:
    """Return the curves of the runs that have one, by name."""
    return {name: run.curve for name, run in runs.items() if run.curve is not None}


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share

"""Fields at work or done: progress, one field with its cells, the differential over all, platelets, files."""

from __future__ import annotations

import streamlit as st

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.services.field_cautions import film_cautions_of
from wbc_core.services.field_corrections import corrected_results, review_of
from wbc_core.services.field_runs import FieldRun, field_run, forget_fields
from wbc_core.services.field_totals import totals_of
from wbc_core.ui.differential_view import Counted, show_counts
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.field_cautions import show_cautions
from wbc_core.ui.field_downloads import show_downloads
from wbc_core.ui.field_one import show_one_field
from wbc_core.ui.field_platelets import show_platelets
from wbc_core.ui.field_start import PARAMETER
from wbc_core.ui.wording import plain, short_name, with_commands

RENEWED_EVERY = 1.0  # seconds
UNEXPECTED = ("The fields could not be shown.", "Reload the page, or hand them in again.")


def show_fields(run_id: str) -> None:
    """Show a run of fields, renewed every second until it has ended."""
    if st.button("Other fields", icon=":material/arrow_back:", type="tertiary", key="field_back"):
        del st.query_params[PARAMETER]
        st.rerun()
    with failures_shown(*UNEXPECTED):
        run = field_run(run_id)
        st.header(plain(short_name(run.title)), anchor=False)
        if run.active:
            st.fragment(_show_progress, run_every=RENEWED_EVERY)(run_id)
            return
        _show_failures(run)
        results = corrected_results(run)
        totals = totals_of(results)
        if totals.fields:
            show_cautions(run)
            show_one_field(run)
            counted = Counted(
                run.labels,
                totals.classified,
                totals.reasons,
                outside=totals.outside,
                reviewed=review_of(run).finished,
                film=film_cautions_of(results),
            )
            if totals.repeated:
                cells = "1 leukocyte" if totals.repeated == 1 else f"{totals.repeated:,} leukocytes"
                st.info(
                    f"Some fields show the same part of the film: {cells} more were found there, and each cell counts"
                    " once.",
                    icon=":material/layers:",
                )
            show_counts(counted, sampling="consecutive_fields")
            show_platelets(run, totals)
            show_downloads(run)
        with st.popover("Forget these fields", icon=":material/delete:", type="tertiary"):
            st.markdown("Pictures and results are removed from the server's memory.")
            st.button("Forget", type="primary", on_click=_forget, args=(run_id,), key="field_forget")
        st.caption(f"**{RESEARCH_USE}**")


def _show_progress(run_id: str) -> None:
    with failures_shown(*UNEXPECTED):
        run = field_run(run_id)
        if not run.active:
            st.rerun()
        done = len(run.results)
        st.progress(done / run.total, text=f"{done:,} of {run.total:,} fields")
        totals = totals_of(run.results)
        st.caption(
            f"{sum(totals.classified.values()) + sum(totals.reasons.values()):,} leukocytes so far. You may close this"
            " page: its address leads back here."
        )


def _show_failures(run: FieldRun) -> None:
    if run.error:
        st.error(with_commands(run.hint), title=plain(run.error), icon=":material/error:")
    failed = [result for result in run.results if result.status == "failed"]
    if failed:
        words = f"{len(failed):,} of {run.total:,} pictures {'was' if len(failed) == 1 else 'were'} not counted"
        with st.expander(words, icon=":material/error:", expanded=len(failed) <= 5):
            st.markdown("\n".join(f"- {plain(result.error)} {with_commands(result.hint)}" for result in failed))
    if run.left_out:
        count = len(run.left_out)
        words = f"{count:,} {'file was' if count == 1 else 'files were'} left out"
        with st.expander(words, icon=":material/block:"):
            st.markdown("\n".join(f"- {plain(file)} {plain(reason)}" for file, reason in run.left_out.items()))


def _forget(run_id: str) -> None:
    forget_fields(run_id)
    if PARAMETER in st.query_params:
        del st.query_params[PARAMETER]

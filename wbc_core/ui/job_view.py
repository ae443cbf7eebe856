"""One job: how far it is, its live curves, its log and recipe, and what can be done with it."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from wbc_core.services.curves import load_run
from wbc_core.services.job_views import JobDetails
from wbc_core.services.jobs import job_details
from wbc_core.ui import navigation
from wbc_core.ui.curve_chart import show_charts
from wbc_core.ui.curve_tables import show_verdicts
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.job_actions import show_actions, show_outcome
from wbc_core.ui.job_list import PARAMETER, RENEWED_EVERY, ago, progress_in_words, silent_s
from wbc_core.ui.run_states import SILENT_FROM, show_mark
from wbc_core.ui.wording import plain, roughly, with_commands

LOG_HEIGHT, SHORT_LOG = 320, 8  # px; lines that need no more
UNEXPECTED = ("The job could not be shown.", "Go back to all jobs, or reload the page.")


def show_job(job_id: str) -> None:
    """Show a job, renewed every few seconds until it has ended."""
    if st.button("All jobs", icon=":material/arrow_back:", type="tertiary", key="jobs_back"):
        del st.query_params[PARAMETER]
        st.rerun()
    with failures_shown(*UNEXPECTED):
        job = job_details(job_id)
        going_on = job.active or job.waiting
        st.fragment(_show, run_every=RENEWED_EVERY if going_on else None)(job_id, going_on)


def _show(job_id: str, going_on: bool) -> None:
    with failures_shown(*UNEXPECTED):
        job = job_details(job_id)
        if going_on != (job.active or job.waiting):
            st.rerun()  # it has just ended or been resumed: the page stops or begins to renew itself
        st.header(plain(job.title), anchor=False)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            show_mark(job.state)
            st.caption(plain(" · ".join(_facts(job))), width="content")
        _show_state(job)
        show_outcome(job)
        show_actions(job)
        _show_curves(job)
        _show_papers(job)


def _facts(job: JobDetails) -> list[str]:
    facts = [job.id, f"submitted {ago(job.submitted)}"]
    if job.ended is not None:
        facts.append(f"ended {ago(job.ended)}")
    if job.attempts > 1:
        facts.append(f"started {job.attempts} times")
    if job.backend == "ray":
        facts.append("on the Ray cluster")
    return facts


def _show_state(job: JobDetails) -> None:
    if job.active:
        words = progress_in_words(job)
        if job.state == "running" and job.steps:
            words = words.replace(" · ", f", batch {job.step} of {job.steps} · ", 1)
        st.progress(job.progress, text=plain(words))
    if (silent := silent_s(job)) > SILENT_FROM:
        st.warning(
            "If its process has died, a worker goes on with it after its last finished epoch.",
            title=f"No sign of life for {roughly(silent)}",
            icon=":material/heart_broken:",
        )
    if job.waiting and not job.workers:
        st.warning("Start one: `wbc jobs worker`", title="No worker is running", icon=":material/power_off:")
    elif job.waiting:
        st.caption("A worker takes it up as soon as the jobs before it have ended.")
    if job.state == "failed":
        st.error(with_commands(job.hint), title=plain(job.message or "The training failed."), icon=":material/error:")
    elif job.message:
        st.info(with_commands(job.hint), title=plain(job.message), icon=":material/info:")


def _show_curves(job: JobDetails) -> None:
    run = load_run(job.id)
    if run.curve is None:
        if not job.waiting and job.state != "failed":
            st.caption("The curves begin with the end of the first epoch.")
        return
    st.subheader("Curves", anchor=False)
    show_charts({run.title: run.curve}, 0.0, legend=False)
    if not (job.active or job.waiting):
        show_verdicts({run.title: run}, named=False)
    st.page_link(
        navigation.training_curves(),
        label="Compare with other trainings",
        icon=":material/show_chart:",
        query_params={"run": job.id},
    )


def _show_papers(job: JobDetails) -> None:
    if job.last_lines:
        with st.expander("Last lines of the log", expanded=job.state == "failed", icon=":material/article:"):
            height: Literal["content"] | int = LOG_HEIGHT if len(job.last_lines) > SHORT_LOG else "content"
            st.code("\n".join(job.last_lines), language=None, wrap_lines=True, height=height)
    with st.expander("Recipe", icon=":material/description:"):
        st.code(job.spec, language="yaml", wrap_lines=True)
        st.download_button(
            "Download the recipe",
            job.spec,
            file_name=f"{job.recipe_id}.yaml",
            mime="application/yaml",
            icon=":material/download:",
            on_click="ignore",
            key="jobs_recipe",
        )

"""The queue: one card a job, the newest first, renewed while one of them has not ended."""

from __future__ import annotations

import time

import streamlit as st

from wbc_core.jobs.states import WAITING
from wbc_core.recipes.estimate import about
from wbc_core.services.job_views import JobView
from wbc_core.services.jobs import count_jobs, list_jobs, workers_at_work
from wbc_core.settings import settings
from wbc_core.ui.run_states import SILENT_FROM, show_mark
from wbc_core.ui.wording import plain, roughly, with_commands

PAGE = 10
RENEWED_EVERY = 3  # seconds
PARAMETER = "job"
JOBS, NEW = "Jobs", "New training"


def show_worker() -> None:
    """Say so where nobody takes up jobs; where training is switched off, only if one waits."""
    counts = count_jobs()
    if workers_at_work() or not (settings().jobs_worker or any(state in counts for state in WAITING)):
        return
    hint = "Jobs wait until one is started: `wbc jobs worker`"
    if settings().jobs_worker:
        hint = f"The app starts one within seconds of its own start. If this stays: {hint[0].lower()}{hint[1:]}"
    st.warning(hint, title="No worker is running", icon=":material/power_off:")


def show_jobs() -> None:
    """Show the jobs, ten at a time."""
    total = sum(count_jobs().values())
    if not total:
        with st.container(border=True, horizontal_alignment="center"):
            st.markdown(":material/model_training: **No training yet.** Jobs appear here.", text_alignment="center")
            st.caption("Start one under New training, or with `wbc jobs submit`.", text_alignment="center")
        return
    pages = -(-total // PAGE)
    page = st.pagination(pages, key="jobs_page") if pages > 1 else 1
    going_on = any(job.active or job.waiting for job in _page(page))
    st.fragment(_show_page, run_every=RENEWED_EVERY if going_on else None)(page, going_on)


def _page(page: int) -> tuple[JobView, ...]:
    return list_jobs(PAGE, PAGE * (page - 1))


def _show_page(page: int, going_on: bool) -> None:
    jobs = _page(page)
    if going_on and not any(job.active or job.waiting for job in jobs):
        st.rerun()  # the last one has just ended: the page stops renewing itself
    for job in jobs:
        _show_card(job)


def _show_card(job: JobView) -> None:
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            with st.container(gap=None):
                with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                    st.markdown(f"**{plain(job.title)}**", width="content")
                    show_mark(job.state)
                st.caption(plain(" · ".join(_facts(job))))
            if st.button("Open", key=f"jobs_open_{job.id}", help=f"Look at {plain(job.id)}"):
                st.query_params[PARAMETER] = job.id
                st.rerun(scope="app")
        if job.active:
            st.progress(job.progress, text=plain(progress_in_words(job)))
        if job.message:
            st.caption(with_commands(f"{job.message} {job.hint}"))


def _facts(job: JobView) -> list[str]:
    facts = [job.id, f"submitted {ago(job.submitted)}"]
    if job.ended is not None:
        facts.append(f"ended {ago(job.ended)}")
    if job.search_id:
        facts.append(f"trial of the search {job.search_id}")
    return facts


def progress_in_words(job: JobView) -> str:
    """Return how far a job is, how long it will take, and whether it still gives signs of life."""
    parts = [f"Epoch {min(job.epoch + 1, job.epochs)} of {job.epochs}" if job.epochs else "Before the first epoch"]
    if job.state == "preparing":
        parts = ["Reading the pictures"]
    elif job.state == "exporting":
        parts = ["Testing and exporting the model"]
    elif job.eta_s is not None:
        parts.append(f"{about(job.eta_s)} left")
    if job.cancel_requested:
        parts.append("ends at the next batch")
    if (silent := silent_s(job)) > SILENT_FROM:
        parts.append(f"no sign of life for {roughly(silent)}")
    return " · ".join(parts)


def silent_s(job: JobView) -> float:
    """Return for how many seconds an active job has given no sign of life; 0 before its first and after its end."""
    return time.time() - job.heartbeat if job.active and job.heartbeat is not None else 0.0


def ago(moment: float) -> str:
    """Return how long ago a moment in seconds since 1970 was.

    Examples
    --------
    >>> ago(time.time() - 0.2), ago(time.time() - 200)
    ('just now', '3 min ago')
    """
    seconds = time.time() - moment
    return "just now" if seconds < 5 else f"{roughly(seconds)} ago"

"""What can be done with a job: cancel it, resume it, use its model."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from wbc_core.errors import WbcError
from wbc_core.services.job_result import job_result
from wbc_core.services.job_views import JobDetails
from wbc_core.services.jobs import cancel_job, promote_job, resume_job
from wbc_core.settings import settings
from wbc_core.ui import navigation
from wbc_core.ui.failures import show_failure
from wbc_core.ui.job_start import DEVICES
from wbc_core.ui.wording import plain

_FAILED = "jobs_action_failed"


def show_outcome(job: JobDetails) -> None:
    """Show what went wrong with the last button, and how good the model of a finished job is."""
    if failure := st.session_state.pop(_FAILED, None):
        show_failure(*failure)
    if job.state != "finished":
        return
    result = job_result(job.run_dir)
    if result is None:
        st.warning("Its log may say why.", title="This training has left no usable model", icon=":material/warning:")
        return
    if result.headline:
        st.markdown(f"Right on pictures it never saw: **{plain(result.headline)}**.")
    if result.installed == "yes":
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.badge("In the model chooser", icon=":material/check:", color="green")
            if st.button("Classify a picture with it", icon=":material/arrow_forward:", key="jobs_use"):
                st.session_state["single_model"] = result.model_id
                st.switch_page(navigation.single_image())


def show_actions(job: JobDetails) -> None:
    """Show the buttons that make sense for the job's state; none where training is switched off."""
    if not settings().jobs_worker:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if job.can_cancel:
            st.button(
                "Cancel",
                icon=":material/cancel:",
                on_click=_act,
                args=(cancel_job, job.id),
                key="jobs_cancel",
                help="It ends at the next batch. What is finished stays, and the job can be resumed.",
            )
        if job.can_resume:
            device = _ask_for_device(job)
            st.button(
                "Resume",
                icon=":material/resume:",
                on_click=_act,
                args=(lambda job_id: resume_job(job_id, device=device), job.id),
                key="jobs_resume",
                help="It goes on after its last finished epoch.",
            )
        result = job_result(job.run_dir) if job.can_promote else None
        if result is None or result.installed == "yes":
            return
        replace = False
        if result.installed == "other":
            replace = st.checkbox(f"Replace the installed model {plain(result.model_id)}", key="jobs_replace")
        st.button(
            "Use this model",
            type="primary",
            icon=":material/add_task:",
            on_click=_act,
            args=(lambda job_id: promote_job(job_id, replace=replace), job.id),
            disabled=result.installed == "other" and not replace,
            key="jobs_promote",
            help="Copies it to the installed models: it then stands in the model chooser.",
        )


def _ask_for_device(job: JobDetails) -> str | None:
    """Let a failed job go on elsewhere, as its GPU may be what failed; None where there is nothing to choose."""
    if job.state != "failed" or job.device == "cpu":
        return None
    names = list(DEVICES)
    return st.selectbox(
        "Go on with",
        names,
        index=names.index(job.device),
        format_func=DEVICES.__getitem__,
        key=f"jobs_resume_device_{job.id}",
        width=240,
    )


def _act(action: Callable[[str], object], job_id: str) -> None:
    """Do what a button says, before the page is drawn again; a refusal is shown there."""
    try:
        action(job_id)
    except WbcError as error:
        st.session_state[_FAILED] = (error.message, error.hint)

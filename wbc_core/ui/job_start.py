"""From a recipe to a job: the estimate, where it runs, and the button that starts it."""

from __future__ import annotations

import streamlit as st

from wbc_core.errors import WbcError
from wbc_core.services.jobs import estimate_job, submit_job
from wbc_core.services.training_form import backends
from wbc_core.settings import settings
from wbc_core.ui.failures import failures_shown, show_failure
from wbc_core.ui.job_form import UNEXPECTED, Draft, ask_for_recipe
from wbc_core.ui.wording import plain

DEVICES = {"auto": "GPU where there is one", "cpu": "CPU", "gpu": "GPU"}
BACKENDS = {"local": "This computer", "ray": "Ray cluster"}
PARAMETER = "job"


def show_new_training() -> None:
    """Show the form, what the training will take, and the button that starts it."""
    if not settings().jobs_worker:
        st.info(
            "Here, trainings can be looked at but not started. Run the app on your own computer to train.",
            title="Training is switched off on this host",
            icon=":material/lock:",
        )
        return
    with failures_shown(*UNEXPECTED):
        draft = ask_for_recipe()
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            device = st.selectbox(
                "Train on", list(DEVICES), format_func=DEVICES.__getitem__, key="jobs_device", width=240
            )
            places = backends()
            backend = places[0]
            if len(places) > 1:
                backend = st.selectbox("Where", places, format_func=BACKENDS.__getitem__, key="jobs_backend", width=240)
        holds = draft is not None and _show_estimate(draft, device)
        if st.button(
            "Start training", type="primary", icon=":material/play_arrow:", disabled=not holds, key="jobs_start"
        ):
            assert draft is not None
            _start(draft, backend, device)


def _show_estimate(draft: Draft, device: str) -> bool:
    """Show what a training will take; False where its data sets do not hold."""
    with failures_shown("What it will take could not be estimated.", "It can be started all the same."):
        try:
            with st.spinner("Estimating …"):
                words = _estimate(draft.text, device)
        except WbcError as error:
            show_failure(error.message, error.hint)
            return False
        st.info(plain(words), title="What it will take", icon=":material/schedule:")
    return True


@st.cache_data(show_spinner=False, ttl=60, max_entries=100)
def _estimate(text: str, device: str) -> str:
    return estimate_job(text, device=device).sentence()


def _start(draft: Draft, backend: str, device: str) -> None:
    job = submit_job(draft.text, backend=backend, device=device)
    st.query_params[PARAMETER] = job.id
    st.rerun()

"""Training jobs: write a recipe, see what it will take, start it, watch it, and use what comes of it."""

from __future__ import annotations

import streamlit as st

from wbc_core.services.jobs import count_jobs
from wbc_core.ui.failures import failures_shown
from wbc_core.ui.job_list import JOBS, NEW, PARAMETER, show_jobs, show_worker
from wbc_core.ui.job_start import show_new_training
from wbc_core.ui.job_view import show_job

st.title("Train a model", anchor=False)
job_id = st.query_params.get(PARAMETER)
with failures_shown("The jobs could not be shown.", "Reload the page."):
    if job_id:
        show_job(job_id)
    else:
        st.markdown("Train a network on labelled pictures, watch it learn, and put the result into the model chooser.")
        show_worker()
        jobs, new = st.tabs([JOBS, NEW], default=JOBS if count_jobs() else NEW, key="jobs_tab", on_change="rerun")
        if new.open:
            with new:
                show_new_training()
        else:
            with jobs:
                show_jobs()

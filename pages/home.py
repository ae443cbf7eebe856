"""Home: what this is, what it cannot see, and the way to the first picture."""

from __future__ import annotations

import streamlit as st

from wbc_core.biology.statements import BLIND_SPOTS, NO_PATIENT_DATA, PURPOSE, RESEARCH_USE
from wbc_core.ui import navigation
from wbc_core.ui.picture_source import choose_sample
from wbc_core.ui.sample_gallery import show_gallery


def open_sample(label: str) -> None:
    """Remember the chosen sample; the page is switched once the script runs again."""
    choose_sample(label)
    st.session_state["home_open_sample"] = True


if st.session_state.pop("home_open_sample", False):
    st.switch_page(navigation.single_image())

st.title(navigation.NAME, anchor=False)
st.markdown(f":material/biotech: **What it is.** {PURPOSE}")
st.markdown(f":material/visibility_off: **What it cannot see.** {BLIND_SPOTS}")
st.markdown(f":material/science: **Before you start.** {RESEARCH_USE} {NO_PATIENT_DATA}")
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    if st.button("Classify a picture", type="primary", icon=":material/arrow_forward:", key="home_start"):
        st.switch_page(navigation.single_image())
    for page, label in (
        (navigation.batch(), "Count many pictures"),
        (navigation.smear_field(), "Find cells in whole fields"),
        (navigation.compare_models(), "Compare models"),
    ):
        if navigation.beyond_role(page.url_path) is None:
            st.page_link(page, label=label, icon=page.icon, width="content")

st.subheader("The eight types it knows", anchor=False)
show_gallery("home", open_sample)

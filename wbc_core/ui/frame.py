"""The frame around every page: page config, navigation, and the line on intended use."""

from __future__ import annotations

import streamlit as st

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.ui import navigation
from wbc_core.ui.samples import favicon_png
from wbc_core.ui.visitors import own_window, tell_sessions_apart
from wbc_core.ui.wording import kept_in_memory

PAGE_WIDTH = 1080  # px; wider lines are hard to read, and a phone takes what it has

tell_sessions_apart()
# Before the navigation: it would otherwise take the icon's picture from a foreign server.
st.set_page_config(page_title=navigation.NAME, page_icon=favicon_png(), layout="wide")
page = st.navigation(navigation.pages(), position="top")
st.set_page_config(page_title=f"{page.title} · {navigation.NAME}")
with st.container(horizontal_alignment="center"), st.container(width=PAGE_WIDTH):
    page.run()
    st.caption(f"{RESEARCH_USE} {kept_in_memory(page.url_path)} {own_window()}")

"""The frame around every page: page config, login, navigation, and the line on intended use."""

from __future__ import annotations

import streamlit as st

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.services.access import visitor
from wbc_core.ui import navigation
from wbc_core.ui.login import TITLE, is_known, show_lock, show_login, show_who
from wbc_core.ui.samples import favicon_png
from wbc_core.ui.visitors import own_window, tell_sessions_apart
from wbc_core.ui.wording import kept_in_memory

PAGE_WIDTH = 1080  # px; wider lines are hard to read, and a phone takes what it has

tell_sessions_apart()
person = visitor()
# Before the navigation: it would otherwise take the icon's picture from a foreign server.
st.set_page_config(page_title=navigation.NAME, page_icon=favicon_png(), layout="wide")
if is_known(person):
    page = st.navigation(navigation.pages(), position="top")
    st.set_page_config(page_title=f"{page.title} · {navigation.NAME}")
    with st.container(horizontal_alignment="center"), st.container(width=PAGE_WIDTH):
        if person is not None:
            show_who(person)
        action = navigation.beyond_role(page.url_path)
        if action is None:
            page.run()
        else:
            st.title(page.title, anchor=False)
            show_lock(action)
        st.caption(f"{RESEARCH_USE} {kept_in_memory(page.url_path)} {own_window()}")
        st.page_link(navigation.privacy(), label="What becomes of your pictures", icon=":material/shield_person:")
else:
    st.navigation(navigation.pages(), position="hidden")  # so that any address leads to the login
    st.set_page_config(page_title=f"{TITLE} · {navigation.NAME}")
    show_login(person)

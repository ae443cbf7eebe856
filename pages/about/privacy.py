"""Privacy: where pictures, names and results go on this server, who sees them, and how they are deleted."""

from __future__ import annotations

import streamlit as st

from wbc_core.services.privacy import privacy_chapters

st.title("What becomes of your pictures", anchor=False)
st.markdown("This page says what is true of this server as it is set up now.")
for chapter in privacy_chapters():
    with st.container(border=True, gap="small"):
        st.subheader(f":material/{chapter.icon}: {chapter.title}", anchor=False)
        st.markdown("\n".join(f"- {statement.text}" for statement in chapter.statements))

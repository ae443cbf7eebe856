"""The way in and out of a laboratory's app: a page with one button, and a line that says who one is."""

from __future__ import annotations

import streamlit as st

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.services.access import login_required, may
from wbc_core.services.roles import Action, Role, Visitor
from wbc_core.ui.wording import plain

TITLE = "Log in"


def is_known(person: Visitor | None) -> bool:
    """Return whether somebody may see pages: there is no login, or they have logged in and have a role."""
    return not login_required() or (person is not None and person.role > Role.NOBODY)


def show_login(person: Visitor | None) -> None:
    """Show what stands in place of every page for whoever is not known.

    Parameters
    ----------
    person : Visitor or None
        Somebody who has logged in and has no role here; None for nobody.
    """
    with st.container(horizontal_alignment="center"), st.container(width=520, border=True, gap="medium"):
        st.title(TITLE, anchor=False)
        if person is not None:
            st.error(
                "Ask whoever gives out the roles in your laboratory, or log in as somebody else.",
                title=f"{plain(person.name)} has no role here.",
                icon=":material/error:",
            )
            _log_out_button("Log in as somebody else")
            return
        if st.user.get("is_logged_in"):  # a login that has ended, or one of another provider
            st.info("Your login has ended. Log in again to go on.", icon=":material/schedule:")
        st.markdown("This server is for the people of one laboratory. You log in where you do for its other services.")
        st.button("Log in", type="primary", icon=":material/login:", on_click=st.login, key="login", width="stretch")
        st.caption(f"What you may do here depends on the role that your laboratory gave you. {RESEARCH_USE}")


def show_who(person: Visitor) -> None:
    """Show who has logged in, in which role, and the way out."""
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="small"):
        st.markdown(f":material/account_circle: **{plain(person.name)}** · {person.role.word}", width="content")
        _log_out_button("Log out")


def show_lock(action: Action) -> None:
    """Say which role this takes, where the visitor's role is a lower one."""
    if not may(action):
        st.info(f"To {action.words} takes the role {action.role.word}.", icon=":material/lock:")


def _log_out_button(text: str) -> None:
    st.button(text, type="tertiary", icon=":material/logout:", on_click=st.logout, key="logout")

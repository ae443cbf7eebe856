"""A select box whose choice stands in the page's address, by a name that stays when titles change."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from wbc_core.ui.failures import show_failure


def linked_choice(
    label: str,
    options: Mapping[str, str],
    parameter: str,
    *,
    key: str,
    what: str,
    help: str | None = None,  # as Streamlit names it
    on_change: Callable[[], None] | None = None,
) -> str:
    """Ask for one of several options and keep the choice in the address.

    Parameters
    ----------
    label : str
        Of the box.
    options : mapping of str to str
        What to show, by the name that stands in the address; at least one, the first is chosen at first.
    parameter : str
        Name in the address.
    key : str
        Of the box.
    what : str
        What is chosen, for the sentence about an address that names none of them: ``model``.
    help, on_change
        As of the box.

    Returns
    -------
    str
        Name of the chosen option.
    """
    linked = st.query_params.get(parameter)
    seen = f"{key}_linked"
    if linked is not None and (linked != st.session_state.get(seen) or key not in st.session_state):
        st.session_state[seen] = st.session_state[key] = linked  # a link, or the browser's back button
    refused = linked is not None and linked not in options and st.session_state.get(key) == linked
    # Put in at every run: a click during the first one ends it before the browser's box has heard of its choice.
    now = st.session_state.get(key)
    st.session_state[key] = now if now in options else next(iter(options))
    chosen: str = st.selectbox(
        label, list(options), format_func=options.__getitem__, key=key, help=help, on_change=on_change
    )
    if refused:
        show_failure(f"There is no {what} named {linked} here.", f"{options[chosen]} is shown instead.")
    if chosen != linked:
        st.query_params[parameter] = st.session_state[seen] = chosen
    return chosen

"""Charts drawn once and shown often: Altair takes longer to check a chart than a visitor should wait for a click."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    import altair
    import pyarrow

Spec = dict[str, Any]


def spec_of(chart: altair.LayerChart | altair.Chart) -> Spec:
    """Return a chart as plain data, to be kept and shown again.

    Parameters
    ----------
    chart : Chart or LayerChart
        Without a configuration of its own: the page's theme says how it looks. Its data are plain rows, no frame:
        what becomes of a frame is set for the whole process, and Streamlit sets it while it shows a chart.
    """
    spec: Spec = chart.to_dict()
    spec.pop("config", None)  # Altair's own sizes and ground
    return spec


def show_spec(
    spec: Spec,
    *,
    alt: str,
    rows: pyarrow.Table | None = None,
    key: str | None = None,
    on_select: Callable[[], None] | None = None,
    selection: str | None = None,
) -> None:
    """Show a kept chart over the whole width.

    Parameters
    ----------
    spec : dict
        From :func:`spec_of`; left as it is.
    alt : str
        The chart in words.
    rows : pyarrow.Table, optional
        Its data, where they do not stand in it: plain rows would go through a frame on their way to the browser.
    key : str, optional
        Of the element.
    on_select : callable, optional
        Called when something in it is selected.
    selection : str, optional
        Name of that selection.
    """
    own = copy.deepcopy(spec)  # Streamlit takes the data out of it
    if on_select is None:
        st.vega_lite_chart(rows, own, alt=alt, key=key, width="stretch")
    else:
        st.vega_lite_chart(rows, own, alt=alt, key=key, width="stretch", on_select=on_select, selection_mode=selection)

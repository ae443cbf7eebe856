"""Training curves to take away: the values as CSV, the charts as PNG and SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from typing import Literal

import streamlit as st

from wbc_core.runs.curves import Curve
from wbc_core.services.curves import curves_csv
from wbc_core.ui.curve_chart import figure

SHARPNESS = 2  # pixels of the PNG for each point of the chart


def show_downloads(curves: Mapping[str, Curve], strength: float) -> None:
    """Show the buttons; a file is made when its button is pressed, not before."""
    with st.container(horizontal=True, gap="small"):
        for kind, label, mime, make in (
            ("csv", "Values as CSV", "text/csv", partial(curves_csv, curves)),
            ("png", "Charts as PNG", "image/png", partial(drawn, curves, strength, "png")),
            ("svg", "Charts as SVG", "image/svg+xml", partial(drawn, curves, strength, "svg")),
        ):
            if kind != "csv" and not can_draw():
                continue
            st.download_button(
                label,
                make,
                file_name=f"training_curves.{kind}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"curves_download_{kind}",
            )


def can_draw() -> bool:
    """Return whether charts can be made files here: a public server may come without the large package for it."""
    return find_spec("vl_convert") is not None


def drawn(curves: Mapping[str, Curve], strength: float, kind: Literal["png", "svg"]) -> bytes:
    """Return the charts as a file, on white; drawn by vl-convert, which brings its fonts and asks no server.

    Parameters
    ----------
    curves : mapping of str to Curve
        By the name that the legend shows.
    strength : float
        Smoothing, 0 to below 1.
    kind : str
        ``png`` or ``svg``.
    """
    if kind == "svg":
        text = io.StringIO()
        figure(curves, strength).save(text, format="svg")
        return text.getvalue().encode()
    written = io.BytesIO()
    figure(curves, strength).save(written, format="png", scale_factor=SHARPNESS)
    return written.getvalue()

"""A comparison to take away: figures as CSV, charts as PNG and SVG, and everything as one page to print."""

from __future__ import annotations

import io
from functools import partial
from typing import Literal

import altair
import streamlit as st

from wbc_core.reports.tables import as_csv
from wbc_core.services.compare_cost import accuracy_against_speed
from wbc_core.services.compare_report import as_rows
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_classes import KINDS, class_bars
from wbc_core.ui.compare_matrix import matrix_chart
from wbc_core.ui.compare_print import page_to_print
from wbc_core.ui.compare_trust import costs_of, pareto_chart, reliability_chart
from wbc_core.ui.curve_downloads import SHARPNESS, can_draw

WIDTH, MATRIX_WIDTH = 640, 420  # px


def show_downloads(compared: Compared) -> None:
    """Show the buttons; a file is made when its button is pressed, not before."""
    st.subheader("Take it away", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for kind, label, mime, make in (
            ("csv", "Figures as CSV", "text/csv", partial(figures_csv, compared)),
            ("png", "Charts as PNG", "image/png", partial(drawn, compared, "png")),
            ("svg", "Charts as SVG", "image/svg+xml", partial(drawn, compared, "svg")),
            ("html", "One page to print", "text/html", partial(printed, compared)),
        ):
            if kind != "csv" and not can_draw():
                continue
            st.download_button(
                label,
                make,
                file_name=f"model_comparison.{kind}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"compare_download_{kind}",
            )


def figures_csv(compared: Compared) -> str:
    """Return one line for each model with all its figures and their limits; empty where one is not defined."""
    rows = as_rows(compared.comparison)
    return as_csv(rows, list(dict.fromkeys(key for row in rows for key in row)))


def charts(compared: Compared) -> dict[str, altair.LayerChart]:
    """Return all charts by their titles, with legends, for a file."""
    comparison, names = compared.comparison, compared.names
    found = {
        f"Confusion matrix: {names[row.name]}": matrix_chart(row, clickable=False).properties(width=MATRIX_WIDTH)
        for row in comparison.measures
    }
    for kind, (title, _) in KINDS.items():
        bars = class_bars(comparison.measures, kind, names, legend=True)
        found[f"{title} by class"] = bars.properties(width=WIDTH)
    reliability = reliability_chart(comparison.measures, names, legend=True)
    found["Reliability"] = reliability.properties(width=WIDTH)
    points = accuracy_against_speed(comparison, costs_of(compared.installed))
    pareto = pareto_chart(points, names, legend=True)
    if pareto is not None:
        found["Accuracy against speed"] = pareto.properties(width=WIDTH)
    return found


def drawn(compared: Compared, kind: Literal["png", "svg"]) -> bytes:
    """Return all charts below each other as a file, on white; drawn by vl-convert, which asks no server."""
    parts = [chart.properties(title=title) for title, chart in charts(compared).items()]
    whole = altair.vconcat(*parts, background="white").resolve_scale(color="independent", shape="independent")
    whole = whole.configure_legend(labelLimit=600)
    if kind == "svg":
        text = io.StringIO()
        whole.save(text, format="svg")
        return text.getvalue().encode()
    written = io.BytesIO()
    whole.save(written, format="png", scale_factor=SHARPNESS)
    return written.getvalue()


def printed(compared: Compared) -> str:
    """Return everything as one HTML page that needs nothing else."""
    pictures = {}
    for title, chart in charts(compared).items():
        text = io.StringIO()
        chart.properties(background="white").configure_legend(labelLimit=600).save(text, format="svg")
        pictures[title] = text.getvalue()
    return page_to_print(compared, pictures)

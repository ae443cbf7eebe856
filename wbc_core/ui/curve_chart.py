"""Training curves drawn over each other: one colour a run, training dashed, validation solid, the best epoch a dot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import altair
import pandas as pd
import streamlit as st

from wbc_core.runs.analysis import best_row, smoothed
from wbc_core.runs.curves import ACCURACY, LOSS, RATE, VAL_ACCURACY, VAL_LOSS, Curve
from wbc_core.ui.wording import percent

# Each reaches a contrast of 3 to 1 on the light and on the dark ground, so that one chart serves both.
PALETTE = ("#8b5fce", "#c75b12", "#0f8f84", "#c8408f", "#3a7fc8", "#7b8420", "#7a7486", "#9a6b3c")
TRAINING, VALIDATION = "training (dashed)", "validation (solid)"
MOST_POINTS = 1000  # of one line; more cannot be told apart on a screen
_NAMED_IN_WORDS = 4


@dataclass(frozen=True)
class Panel:
    """One chart: its title, the columns of training and validation, and how values are written (d3-format)."""

    title: str
    training: str | None
    validation: str | None
    numbers: str
    height: int = 260


PANELS = (
    Panel("Accuracy", ACCURACY, VAL_ACCURACY, "~%"),
    Panel("Loss", LOSS, VAL_LOSS, "~g"),
    Panel("Learning rate", None, RATE, "~g", height=140),
)


def show_charts(curves: Mapping[str, Curve], strength: float, *, legend: bool = True) -> None:
    """Draw accuracy and loss side by side (below each other on a phone) and the learning rate below them.

    Parameters
    ----------
    curves : mapping of str to Curve
        By the name that the legend shows.
    strength : float
        Smoothing, 0 to below 1; above 0, the values themselves stay visible as faint lines.
    legend : bool
        Whether to name the runs.
    """
    if legend:
        st.html(legend_html(list(curves)))
    words = "Dashed: training pictures. Solid: validation pictures. The dot marks the best epoch, that of the lowest "
    st.caption(words + "validation loss." + (" Faint: the values before smoothing." if strength > 0 else ""))
    charts = [(panel, panel_chart(panel, curves, strength)) for panel in PANELS]
    drawn = [(panel, chart) for panel, chart in charts if chart is not None]
    places = [*st.columns(2, gap="medium"), st.container()] if len(drawn) > 1 else [st.container()]
    for place, (panel, chart) in zip(places, drawn, strict=False):
        with place:
            st.markdown(f"**{panel.title}**")
            st.altair_chart(chart, alt=in_words(panel, curves), width="stretch")
    if len(curves) > len(PALETTE):
        st.caption(f"{len(PALETTE)} colours for {len(curves)} runs: they repeat. Point at a line for its name.")


def legend_html(names: list[str], of: str = "runs") -> str:
    """Return the colours and names of the runs as HTML: a legend within the charts would cut names off on a phone."""
    square = "display:inline-block;width:0.8em;height:0.8em;border-radius:0.2em;margin-right:0.5em;background:"
    hanging = "padding-left:1.3em;text-indent:-1.3em"  # a long name goes on below its beginning
    lines = [
        f'<li style="{hanging}"><span aria-hidden="true" style="{square}{colour(row)}"></span>{escape(name)}</li>'
        for row, name in enumerate(names)
    ]
    return f'<ul aria-label="Colours of the {of}" style="list-style:none;margin:0;padding:0">{"".join(lines)}</ul>'


def colour(row: int) -> str:
    """Return the colour of the run in this row of the choice, from 0."""
    return PALETTE[row % len(PALETTE)]


def scale(names: list[str]) -> altair.Scale:
    """Return the colours of these names, in their order."""
    return altair.Scale(domain=names, range=[colour(row) for row in range(len(names))])


def panel_chart(
    panel: Panel, curves: Mapping[str, Curve], strength: float, *, legend: bool = False
) -> altair.LayerChart | None:
    """Return one chart; None where no run has its values."""
    rows = long_form(panel, curves, strength)
    if rows.empty:
        return None
    key = altair.Legend(orient="right", title=None) if legend and panel.training else None
    shade = altair.Color("run:N", scale=scale(list(curves)), legend=key)
    dashes = altair.Scale(domain=[TRAINING, VALIDATION], range=[[5, 4], [1, 0]])
    dash = altair.StrokeDash("part:N", scale=dashes, legend=key)
    x = altair.X("epoch:Q", title="Epoch", axis=altair.Axis(tickMinStep=1, format="d"), scale=altair.Scale(nice=False))
    y = altair.Y("value:Q", title=None, axis=altair.Axis(format=panel.numbers), scale=altair.Scale(zero=False))
    tips = [
        altair.Tooltip("run:N", title="Run"),
        altair.Tooltip("part:N", title="Pictures"),
        altair.Tooltip("epoch:Q", title="Epoch"),
        altair.Tooltip("raw:Q", title=panel.title, format=".4~%" if panel.numbers == "~%" else ".4~g"),
        altair.Tooltip("best:N", title="Best epoch"),
    ]
    lines = altair.Chart(rows).encode(x=x, color=shade)
    single = rows.groupby(["run", "part"]).size().min() < 3  # one epoch makes no line
    layers = [
        lines.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash),
        lines.mark_point(size=70, filled=True, opacity=0.9 if single else 0).encode(y=y, tooltip=tips),
        lines.mark_point(size=110, filled=True, opacity=1)
        .encode(y=y, tooltip=tips)
        .transform_filter("datum.best == 'yes'"),
    ]
    if strength > 0:
        faint = lines.mark_line(strokeWidth=1, opacity=0.3).encode(y=altair.Y("raw:Q", title=None), strokeDash=dash)
        layers.insert(0, faint)
    chart: altair.LayerChart = altair.LayerChart(layer=layers, height=panel.height)
    return chart


def long_form(panel: Panel, curves: Mapping[str, Curve], strength: float) -> pd.DataFrame:
    """Return one row a point: run, part, epoch, value as drawn, raw value, and ``yes`` at the best epoch."""
    tables = []
    for name, curve in curves.items():
        best = int(curve.table["epoch"].iloc[best_row(curve)])
        for part, column in ((TRAINING, panel.training), (VALIDATION, panel.validation)):
            if column is None or not curve.has(column):
                continue
            # The learning rate is set, not measured: smoothing would only falsify it.
            strength_here = 0.0 if column == RATE else strength
            table = pd.DataFrame(
                {
                    "run": name,
                    "part": part,
                    "epoch": curve.table["epoch"],
                    "value": smoothed(curve.table[column], strength_here),
                    "raw": curve.table[column],
                }
            )
            mark = part == VALIDATION and column != RATE
            table["best"] = ["yes" if mark and epoch == best else "no" for epoch in table["epoch"]]
            table = table[table["value"].notna()]
            step = -(-len(table) // MOST_POINTS)
            kept = (pd.RangeIndex(len(table)) % step == 0) | (table["best"] == "yes").to_numpy()
            tables.append(table[kept])
    columns = ["run", "part", "epoch", "value", "raw", "best"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def figure(curves: Mapping[str, Curve], strength: float) -> altair.VConcatChart:
    """Return all charts below each other, for a file: on white, with their titles."""
    charts = [(panel, panel_chart(panel, curves, strength, legend=True)) for panel in PANELS]
    drawn = [chart.properties(title=panel.title, width=640) for panel, chart in charts if chart is not None]
    joined: altair.VConcatChart = altair.vconcat(*drawn, background="white").configure_legend(labelLimit=600)
    return joined


def in_words(panel: Panel, curves: Mapping[str, Curve]) -> str:
    """Return what a chart shows, for readers who do not see it."""
    column = panel.validation or panel.training
    assert column is not None
    parts = []
    for name, curve in list(curves.items())[:_NAMED_IN_WORDS]:
        if not curve.has(column):
            continue
        values = curve.table[curve.table[column].notna()]
        first, last = values.iloc[0], values.iloc[-1]
        part = f"from {_written(first[column], panel)} at epoch {first['epoch']:.0f} "
        parts.append(f"{name}: {part}to {_written(last[column], panel)} at epoch {last['epoch']:.0f}")
    more = len(curves) - _NAMED_IN_WORDS
    what = panel.title if column == RATE else f"{panel.title} on validation pictures"
    rest = f"; and {more} more" if more > 0 else ""
    return f"{what} by epoch. {'; '.join(parts)}{rest}." if parts else f"{panel.title} by epoch, of training pictures."


def _written(value: float, panel: Panel) -> str:
    return percent(value) if panel.numbers == "~%" else f"{value:.3g}"

"""How far a model can be taken at its word, and what its accuracy costs in time: reliability, and the Pareto plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair
import pandas as pd
import streamlit as st

from wbc_core.errors import WbcError
from wbc_core.evaluation.measures import ModelMeasures
from wbc_core.services.compare_cost import Cost, ParetoPoint, accuracy_against_speed, cost_of
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_table import NONE, written
from wbc_core.ui.curve_chart import legend_html, scale
from wbc_core.ui.wording import listed, percent, plain

ON_FRONT, BEATEN = "on the front", "another one is better in both"


def show_trust(compared: Compared) -> None:
    """Show the reliability diagram and the plot of accuracy against speed."""
    measures = compared.comparison.measures
    st.html(legend_html(compared.shown, "models"))
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Is it as often right as it says?**")
        st.altair_chart(
            reliability_chart(measures, compared.names),
            alt=reliability_in_words(measures, compared.names),
            width="stretch",
        )
        st.caption(
            "Each dot stands for as many pictures. Below the dashed line a model is too sure of itself, above it too "
            "modest. " + plain(reliability_in_words(measures, compared.names))
        )
    with right:
        st.markdown("**What does accuracy cost in time?**")
        _show_pareto(compared)
    st.subheader("Size and speed", anchor=False)
    costs = costs_of(compared.installed)
    st.dataframe(
        cost_table(costs, compared.names), hide_index=True, alt="Parameters, file size and speed", key="compare_cost"
    )
    st.caption("Speeds were measured from file to label on the host that is named; those of different hosts differ.")


def _show_pareto(compared: Compared) -> None:
    points = accuracy_against_speed(compared.comparison, costs_of(compared.installed))
    chart = pareto_chart(points, compared.names)
    if chart is None:
        st.info("No chosen model states a measured speed.", icon=":material/speed:")
    else:
        st.altair_chart(chart, alt=pareto_in_words(points, compared.names), width="stretch")
        st.caption(plain(pareto_in_words(points, compared.names)))
    without = [compared.names[point.model_id] for point in points if point.images_per_second is None]
    if without and chart is not None:
        st.caption(plain(f"Not in the plot, since no speed was measured on this host: {listed(without)}."))


def costs_of(installed: Sequence[str]) -> list[Cost]:
    """Return what the cards of these models say they cost; a card that has just become unreadable is left out."""
    costs = []
    for model_id in installed:
        try:
            costs.append(cost_of(model_id))
        except WbcError:
            continue  # `wbc models verify` says what is wrong with it
    return costs


def reliability_chart(
    measures: Sequence[ModelMeasures], names: Mapping[str, str], *, legend: bool = False
) -> altair.LayerChart:
    """Return accuracy by confidence, with intervals; the diagonal is a model as good as its word."""
    rows = pd.DataFrame(
        [
            {
                "model": names[row.name],
                "confidence": each.confidence,
                "accuracy": each.accuracy.value,
                "low": each.accuracy.low,
                "high": each.accuracy.high,
                "count": each.count,
            }
            for row in measures
            for each in row.bins
        ]
    )
    shown = [names[row.name] for row in measures]
    lowest = min(0.5, float(rows["confidence"].min()), float(rows["accuracy"].min()))
    span = altair.Scale(domain=[max(0.0, lowest - 0.02), 1], nice=False)
    axis = altair.Axis(format="~%")
    key = altair.Legend(orient="top", title=None, columns=1) if legend else None
    base = altair.Chart(rows).encode(
        x=altair.X("confidence:Q", title="Mean confidence", scale=span, axis=axis),
        color=altair.Color("model:N", scale=scale(shown), legend=key),
    )
    y = altair.Y("accuracy:Q", title="How many are right", scale=span, axis=axis)
    tips = [
        altair.Tooltip("model:N", title="Model"),
        altair.Tooltip("confidence:Q", title="Mean confidence", format=".1%"),
        altair.Tooltip("accuracy:Q", title="Right", format=".1%"),
        altair.Tooltip("low:Q", title="from", format=".1%"),
        altair.Tooltip("high:Q", title="to", format=".1%"),
        altair.Tooltip("count:Q", title="Pictures", format=","),
    ]
    ends = pd.DataFrame({"x": [span.domain[0], 1.0], "y": [span.domain[0], 1.0]})
    diagonal = (
        altair.Chart(ends)
        .mark_line(strokeDash=[5, 4], color="#7a7486")
        .encode(
            x=altair.X("x:Q", title="Mean confidence", scale=span),
            y=altair.Y("y:Q", title="How many are right", scale=span),
        )
    )
    chart: altair.LayerChart = altair.LayerChart(
        layer=[
            diagonal,
            base.mark_line(strokeWidth=1.5, opacity=0.7).encode(y=y),
            base.mark_rule(strokeWidth=1, opacity=0.5).encode(
                y=altair.Y("low:Q", title="How many are right", scale=span), y2="high:Q"
            ),
            base.mark_point(filled=True, size=60, opacity=1).encode(y=y, tooltip=tips),
        ],
        height=320,
    )
    return chart


def reliability_in_words(measures: Sequence[ModelMeasures], names: Mapping[str, str]) -> str:
    """Return the calibration error of each model."""
    parts = [f"{names[row.name]} {written(row.figures['ece'], 'ece')}" for row in measures]
    return f"Mean distance of confidence from accuracy: {'; '.join(parts)}."


def pareto_chart(
    points: Sequence[ParetoPoint], names: Mapping[str, str], *, legend: bool = False
) -> altair.LayerChart | None:
    """Return accuracy against pictures per second; None where no model has both."""
    known = [point for point in points if point.accuracy is not None and point.images_per_second is not None]
    if not known:
        return None
    rows = pd.DataFrame(
        [
            {
                "model": names[point.model_id],
                "accuracy": point.accuracy,
                "speed": point.images_per_second,
                "front": ON_FRONT if point.on_front else BEATEN,
            }
            for point in known
        ]
    )
    shown = [names[point.model_id] for point in points]
    key = altair.Legend(orient="top", title=None, columns=1) if legend else None
    x = altair.X(
        "speed:Q",
        title="Pictures per second (faster to the right)",
        scale=altair.Scale(type="log", nice=False, padding=30),
    )
    y = altair.Y(
        "accuracy:Q",
        title="Accuracy",
        scale=altair.Scale(zero=False, nice=False, padding=20),
        axis=altair.Axis(format="~%"),
    )
    base = altair.Chart(rows).encode(x=x, y=y)
    front = base.transform_filter(f"datum.front == '{ON_FRONT}'").mark_line(
        strokeDash=[5, 4], color="#7a7486", interpolate="step-before"
    )
    marks = base.mark_point(filled=True, size=140, opacity=1).encode(
        color=altair.Color("model:N", scale=scale(shown), legend=key),
        shape=altair.Shape(
            "front:N", scale=altair.Scale(domain=[ON_FRONT, BEATEN], range=["circle", "cross"]), legend=None
        ),
        tooltip=[
            altair.Tooltip("model:N", title="Model"),
            altair.Tooltip("accuracy:Q", title="Accuracy", format=".1%"),
            altair.Tooltip("speed:Q", title="Pictures per second", format=".0f"),
            altair.Tooltip("front:N", title="Pareto"),
        ],
    )
    chart: altair.LayerChart = altair.LayerChart(layer=[front, marks], height=320)
    return chart


def pareto_in_words(points: Sequence[ParetoPoint], names: Mapping[str, str]) -> str:
    """Say which models no other beats in both."""
    front = [
        f"{names[point.model_id]} ({percent(point.accuracy or 0.0)}, {point.images_per_second:.0f} a second)"
        for point in points
        if point.on_front
    ]
    verb = "is" if len(front) == 1 else "are"
    return f"{listed(front)} {verb} on the front: no other model is at least as good in both accuracy and speed."


def cost_table(costs: Sequence[Cost], names: Mapping[str, str]) -> pd.DataFrame:
    """Return one line for each model: parameters, size of its file, speed and host."""
    return pd.DataFrame(
        {
            "Model": [names[cost.model_id] for cost in costs],
            "Parameters": [f"{cost.parameters / 1e6:.2f} M" for cost in costs],
            "File": [f"{cost.network_bytes / 1e6:.1f} MB" for cost in costs],
            "Pictures a second": [
                NONE if cost.images_per_second is None else f"{cost.images_per_second:.0f}" for cost in costs
            ],
            "One picture": [
                NONE if cost.single_image_ms is None else f"{cost.single_image_ms:.0f} ms" for cost in costs
            ],
            "Measured on": [cost.host or "not measured" for cost in costs],
        }
    )

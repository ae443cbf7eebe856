"""Class by class: bars with intervals, and the curves of one class against all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair
import numpy as np
import pandas as pd
import streamlit as st

from wbc_core.biology.classes import class_facts
from wbc_core.evaluation.lineup import Lineup
from wbc_core.evaluation.measures import ModelMeasures
from wbc_core.evaluation.ranking import Curve, precision_recall, roc
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_table import written
from wbc_core.ui.curve_chart import legend_html, scale
from wbc_core.ui.wording import plain

KINDS = {
    "recall": ("Recall", "of such cells, how many are found"),
    "precision": ("Precision", "of cells called so, how many are"),
    "specificity": ("Specificity", "of other cells, how many are not called so"),
    "f1": ("F1", "the harmonic mean of precision and recall"),
}
MOST_POINTS = 400  # of one curve; more cannot be told apart on a screen
BAR, GAP = 13, 16  # px, of a bar, and between classes


def show_classes(compared: Compared) -> None:
    """Show bars and curves."""
    measures = compared.comparison.measures
    st.html(legend_html(compared.shown, "models"))
    kind: str = st.segmented_control(
        "Figure",
        list(KINDS),
        format_func=lambda key: KINDS[key][0],
        default="recall",
        required=True,
        key="compare_kind",
    )
    st.caption(f"{KINDS[kind][0]}: {KINDS[kind][1]}. The thin line is the 95 % interval.")
    st.altair_chart(
        class_bars(measures, kind, compared.names), alt=bars_in_words(measures, kind, compared.names), width="stretch"
    )
    for sentence in _undefined(measures, kind, compared.names):
        st.caption(plain(sentence))
    with st.expander("The same as a table"):
        st.dataframe(
            class_table(measures, kind, compared.names),
            hide_index=True,
            alt=f"{KINDS[kind][0]} of each class and model with 95 % intervals",
            key="compare_class_table",
        )
    _show_curves(compared)


def _show_curves(compared: Compared) -> None:
    lineup = compared.comparison.lineup
    st.subheader("One class against all others", anchor=False)
    if st.session_state.get("compare_class") not in lineup.labels:
        st.session_state["compare_class"] = lineup.labels[0]
    label: str = st.selectbox(
        "Class", lineup.labels, format_func=lambda name: class_facts(name).name, key="compare_class"
    )
    areas = {row.name: row.per_class[label] for row in compared.comparison.measures}
    for place, title, key, area, meaning in zip(
        st.columns(2, gap="medium"),
        ("ROC curve", "Precision-recall curve"),
        ("roc", "pr"),
        ("auroc", "average_precision"),
        ("The closer to the upper left, the better.", "The closer to the upper right, the better."),
        strict=True,
    ):
        with place:
            st.markdown(f"**{title}**")
            chart = curve_chart(lineup, label, key, compared.names)
            if chart is None:
                st.info("The pictures are all of this class, or none is.", icon=":material/info:")
                continue
            figures = "; ".join(f"{compared.names[name]}: {written(row[area], area)}" for name, row in areas.items())
            name = "AUROC" if area == "auroc" else "Average precision"
            st.altair_chart(chart, alt=f"{title}. {name} of each model: {figures}.", width="stretch")
            st.caption(f"{meaning} {name}: {plain(figures)}.")


def class_table(measures: Sequence[ModelMeasures], kind: str, names: Mapping[str, str]) -> pd.DataFrame:
    """Return one line for each class: its pictures, and each model's figure with its interval."""
    first = measures[0]
    rows: dict[str, list[Any]] = {
        "Class": [class_facts(label).name for label in first.labels],
        "Pictures": [first.support[label] for label in first.labels],
    }
    for row in measures:
        rows[names[row.name]] = [written(row.per_class[label][kind], "accuracy") for label in first.labels]
    return pd.DataFrame(rows)


def class_bars(
    measures: Sequence[ModelMeasures], kind: str, names: Mapping[str, str], *, legend: bool = False
) -> altair.LayerChart:
    """Return bars of a figure by class and model, with intervals.

    Parameters
    ----------
    measures : sequence of ModelMeasures
        The models.
    kind : str
        Key of :data:`KINDS`.
    names : mapping of str to str
        Names to show.
    legend : bool
        Whether to name the models; for a file.
    """
    rows = pd.DataFrame(
        [
            {
                "class": f"{class_facts(label).name} ({row.support[label]:,})",
                "model": names[row.name],
                "value": row.per_class[label][kind].value,
                "low": row.per_class[label][kind].low,
                "high": row.per_class[label][kind].high,
                "text": written(row.per_class[label][kind], "accuracy"),
            }
            for label in measures[0].labels
            for row in measures
        ]
    )
    shown = [names[row.name] for row in measures]
    rows = rows[rows["value"].notna()]
    # From 0 the bars of good models could not be told apart; from elsewhere bars would lie, so points stand there.
    floor = _floor(rows)
    x = altair.X(
        "value:Q", title=None, scale=altair.Scale(domain=[floor, 1], nice=False), axis=altair.Axis(format="~%")
    )
    y = altair.Y("class:N", sort=None, title=None, axis=altair.Axis(labelLimit=170, ticks=False, domain=False))
    key = altair.Legend(orient="top", title=None, columns=1) if legend else None
    base = altair.Chart(rows).encode(
        y=y,
        yOffset=altair.YOffset("model:N", sort=shown, scale=altair.Scale(paddingOuter=0.25), bandPosition=0.5),
        color=altair.Color("model:N", scale=scale(shown), legend=key),
    )
    tips = [
        altair.Tooltip("model:N", title="Model"),
        altair.Tooltip("class:N", title="Class (pictures)"),
        altair.Tooltip("text:N", title=KINDS[kind][0]),
    ]
    marks = base.mark_bar(opacity=0.85) if floor == 0 else base.mark_point(filled=True, size=70, opacity=1)
    spans = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2)
    spans = spans.encode(x=altair.X("low:Q", title=None), x2="high:Q", tooltip=tips)
    if floor == 0:
        spans = spans.encode(color=altair.value("#7a7486"))
    layers = [marks.encode(x=x, tooltip=tips), spans]
    height = len(measures[0].labels) * (BAR * len(measures) + GAP) + 40
    chart: altair.LayerChart = altair.LayerChart(layer=layers, height=height)
    return chart


def bars_in_words(measures: Sequence[ModelMeasures], kind: str, names: Mapping[str, str]) -> str:
    """Say for each model which class has the lowest figure, for readers who do not see the chart."""
    parts = []
    for row in measures:
        known = {
            label: figures[kind].value for label, figures in row.per_class.items() if figures[kind].value is not None
        }
        if known:
            label = min(known, key=lambda name: known[name] or 0.0)
            parts.append(f"{names[row.name]}: {class_facts(label).name}, {100 * (known[label] or 0.0):.1f} %")
    return f"{KINDS[kind][0]} by class and model. Lowest class of each: {'; '.join(parts)}."


def curve_chart(
    lineup: Lineup, label: str, kind: str, names: Mapping[str, str], *, legend: bool = False
) -> altair.Chart | None:
    """Return the ROC curve (``roc``) or the precision-recall curve (``pr``) of a class; None where there is none."""
    curve_of = roc if kind == "roc" else precision_recall
    tables = []
    for number, name in enumerate(lineup.names):
        curve = curve_of(lineup.truth, lineup.probabilities[number], lineup.labels.index(label))
        if curve is not None:
            tables.append(_points(curve).assign(model=names[name]))
    if not tables:
        return None
    titles = ("Other cells called so", "Recall") if kind == "roc" else ("Recall", "Precision")
    shown = [names[name] for name in lineup.names]
    axis = altair.Axis(format="~%")
    unit = altair.Scale(domain=[0, 1])
    key = altair.Legend(orient="top", title=None, columns=1) if legend else None
    chart: altair.Chart = (
        altair.Chart(pd.concat(tables, ignore_index=True))
        .mark_line(strokeWidth=2, interpolate="step-after" if kind == "roc" else "step-before")
        .encode(
            x=altair.X("x:Q", title=titles[0], scale=unit, axis=axis),
            y=altair.Y("y:Q", title=titles[1], scale=unit, axis=axis),
            color=altair.Color("model:N", scale=scale(shown), legend=key),
            order="place:Q",
            tooltip=[
                altair.Tooltip("model:N", title="Model"),
                altair.Tooltip("x:Q", title=titles[0], format=".1%"),
                altair.Tooltip("y:Q", title=titles[1], format=".1%"),
                altair.Tooltip("threshold:Q", title="named from", format=".3f"),
            ],
        )
        .properties(height=320)
    )
    return chart


def _points(curve: Curve) -> pd.DataFrame:
    kept = np.unique(np.linspace(0, len(curve.x) - 1, min(len(curve.x), MOST_POINTS)).round().astype(int))
    threshold = np.where(np.isfinite(curve.threshold[kept]), curve.threshold[kept], np.nan)
    return pd.DataFrame({"x": curve.x[kept], "y": curve.y[kept], "threshold": threshold, "place": kept})


def _floor(rows: pd.DataFrame) -> float:
    """Return where the axis begins: at 0, or where everything is good, just below the lowest limit."""
    if rows.empty:
        return 0.0
    lowest = float(rows["low"].fillna(rows["value"]).min())
    return 0.0 if lowest < 0.8 else float(np.floor(20 * lowest) / 20)


def _undefined(measures: Sequence[ModelMeasures], kind: str, names: Mapping[str, str]) -> list[str]:
    title = KINDS[kind][0]
    return [
        f"– {title} of {class_facts(label).name_inside}, {names[row.name]}: {row.per_class[label][kind].reason}."
        for row in measures
        for label in row.labels
        if row.per_class[label][kind].value is None
    ]

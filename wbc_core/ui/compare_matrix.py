"""Confusion matrices side by side and their difference; a click on a cell chooses the pictures behind it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import altair
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from wbc_core.biology.classes import class_facts
from wbc_core.evaluation.measures import ModelMeasures
from wbc_core.ui.chart_specs import Spec, show_spec, spec_of
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_pictures_view import CELL_MODEL, CELL_SAID, CELL_TRUTH, KIND, ONE_CELL, PAGE, show_pictures
from wbc_core.ui.wording import plain

CELL_HEIGHT, BELOW = 40, 110  # px, of a row, and of the names below
PALE, DEEP, DARK_TEXT, LIGHT_TEXT = "#f3eefa", "#4a2277", "#16101f", "#ffffff"
FIRST_MORE, SECOND_MORE = "#c75b12", "#0f8f84"
SELECTION = "cell"
_NO_SECOND = ""


def show_matrices(compared: Compared) -> None:
    """Show matrices and, below them, pictures."""
    first, second = _ask_for_two(list(compared.comparison.lineup.names), compared.names)
    st.caption(
        "Each row is a true class, each column what the model said: colour is the share of the row, the figure counts "
        "pictures. The diagonal is right. Click a cell to see its pictures below, or choose it there."
    )
    charts = st.container()
    st.subheader("The pictures behind it", anchor=False)
    # Drawn before the charts above them, which take longer: a click is answered sooner.
    show_pictures(compared, first)
    with charts:
        _show_charts(compared, first, second)


def draw_ahead(measures: Sequence[ModelMeasures]) -> None:
    """Draw what the part shows at first: the matrices of the first two models and their difference."""
    for row in measures[:2]:
        _matrix_spec(row)
    if len(measures) > 1:
        _difference_spec(measures[0], measures[1])


def _show_charts(compared: Compared, first: str, second: str) -> None:
    names = compared.names
    models = list(compared.comparison.lineup.names)
    measures = {row.name: row for row in compared.comparison.measures}
    places = st.columns(2, gap="medium") if second else [st.container()]
    for place, model in zip(places, (first, second), strict=False):
        with place:
            st.markdown(f"**{plain(names[model])}**")
            key = f"compare_matrix_{models.index(model)}"
            show_spec(
                _matrix_spec(measures[model]),
                key=key,
                on_select=partial(_choose_cell, key, model),
                selection=SELECTION,
                alt=matrix_in_words(measures[model]),
            )
    if second:
        _show_difference(measures[first], measures[second], names[first], names[second])


def _ask_for_two(models: Sequence[str], names: dict[str, str]) -> tuple[str, str]:
    if len(models) == 1:
        return models[0], _NO_SECOND
    left, right = st.columns(2, gap="medium")
    for key, default in (("compare_left", models[0]), ("compare_right", models[1])):
        if st.session_state.get(key, _NO_SECOND) not in (*models, _NO_SECOND) or key not in st.session_state:
            st.session_state[key] = default
    with left:
        if st.session_state["compare_left"] == _NO_SECOND:
            st.session_state["compare_left"] = models[0]
        first: str = st.selectbox("Left", models, format_func=names.__getitem__, key="compare_left")
    with right:
        second: str = st.selectbox(
            "Right",
            [*models, _NO_SECOND],
            format_func=lambda model: names.get(model, "None"),
            key="compare_right",
        )
    return first, _NO_SECOND if second == first else second


def _choose_cell(key: str, model: str) -> None:
    """Take the clicked cell into the boxes above the pictures."""
    cells = st.session_state[key]["selection"].get(SELECTION, [])
    if not cells:
        return  # a click beside the cells
    st.session_state[CELL_MODEL] = model
    st.session_state[CELL_TRUTH], st.session_state[CELL_SAID] = cells[0]["truth"], cells[0]["said"]
    st.session_state[KIND] = ONE_CELL
    st.session_state[PAGE] = 1


def shares_of_rows(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a confusion matrix with rows that sum to 1; a row without pictures stays 0."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)
    return shares


def matrix_chart(measures: ModelMeasures, *, clickable: bool = True) -> altair.LayerChart:
    """Return a model's confusion matrix.

    Parameters
    ----------
    measures : ModelMeasures
        The model.
    clickable : bool
        Whether a click on a cell is told to the server; not in a file.
    """
    shares = shares_of_rows(measures.confusion)
    rows = _long(measures.labels, shares, "share")
    rows["count"] = measures.confusion.ravel()
    rows["text"] = [f"{count:,}" if count else "" for count in rows["count"]]
    base = _base(rows, measures.labels)
    shade = altair.Color("share:Q", scale=altair.Scale(domain=[0, 1], range=[PALE, DEEP]), legend=None)
    tips = [
        altair.Tooltip("true class:N"),
        altair.Tooltip("named:N", title="the model said"),
        altair.Tooltip("count:Q", title="pictures", format=","),
        altair.Tooltip("share:Q", title="share of the true class", format=".1%"),
    ]
    cells = base.mark_rect(cornerRadius=2, cursor="pointer" if clickable else "default")
    cells = cells.encode(color=shade, tooltip=tips)
    if clickable:
        point = altair.selection_point(name=SELECTION, fields=["truth", "said"])
        cells = cells.encode(
            stroke=altair.condition(point, altair.value(FIRST_MORE), altair.value(None), empty=False),
            strokeWidth=altair.condition(point, altair.value(3), altair.value(0), empty=False),
        ).add_params(point)
    figures = base.mark_text(fontSize=12).encode(text="text:N", color=_text_colour("datum.share > 0.5"))
    return _layered([cells, figures], len(measures.labels))


def difference_chart(first: ModelMeasures, second: ModelMeasures) -> altair.LayerChart:
    """Return how much more often the first model says what stands in a cell than the second, in points of the row."""
    points = 100 * (shares_of_rows(first.confusion) - shares_of_rows(second.confusion))
    rows = _long(first.labels, points, "points")
    rows["text"] = [f"{value:+.1f}" if abs(value) >= 0.05 else "" for value in rows["points"]]
    most = max(float(np.abs(points).max()), 1.0)
    scale = altair.Scale(domain=[-most, 0, most], range=[SECOND_MORE, PALE, FIRST_MORE], interpolate="rgb")
    base = _base(rows, first.labels)
    tips = [
        altair.Tooltip("true class:N"),
        altair.Tooltip("named:N", title="said"),
        altair.Tooltip("points:Q", title="difference in points", format="+.2f"),
    ]
    cells = base.mark_rect(cornerRadius=2).encode(
        color=altair.Color("points:Q", scale=scale, legend=None), tooltip=tips
    )
    # On a phone a cell is narrower than a figure with its sign. (Charts in a column would call their widths otherwise.)
    size = altair.ExprRef(expr=f"clamp(0.42 * width / {len(first.labels)}, 7, 12)")
    figures = base.mark_text(fontSize=size).encode(
        text="text:N", color=_text_colour(f"abs(datum.points) > {0.6 * most}")
    )
    return _layered([cells, figures], len(first.labels))


def matrix_in_words(measures: ModelMeasures) -> str:
    """Return what a matrix shows, for readers who do not see it: how many are right, and the commonest mistakes."""
    wrong = measures.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong.ravel(), kind="stable")[:3]
    pairs = [divmod(int(place), len(measures.labels)) for place in order if wrong.ravel()[place]]
    names = [class_facts(label).name_inside for label in measures.labels]
    found = "; ".join(f"{names[row]} called {names[column]}, {wrong[row, column]:,}" for row, column in pairs)
    right = int(np.trace(measures.confusion))
    return f"{right:,} of {measures.n:,} pictures are right. {f'Commonest mistakes: {found}.' if found else ''}".strip()


def _show_difference(first: ModelMeasures, second: ModelMeasures, left: str, right: str) -> None:
    with st.expander("The difference of the two", icon=":material/difference:", expanded=True):
        st.caption(
            f"In points of a row. **Orange, plus**: {plain(left)} says it more often. **Green, minus**: {plain(right)} "
            "does. On the diagonal more is better, off it less is."
        )
        apart = shares_of_rows(first.confusion) - shares_of_rows(second.confusion)
        row, column = divmod(int(np.abs(apart).argmax()), len(first.labels))
        names = [class_facts(label).name_inside for label in first.labels]
        show_spec(
            _difference_spec(first, second),
            alt=f"Largest difference: {names[row]} called {names[column]}, {100 * apart[row, column]:+.1f} points.",
        )


# A click on a cell runs the part again: with the charts kept, that costs the pictures alone.
@lru_cache(maxsize=64)
def _matrix_spec(measures: ModelMeasures) -> Spec:
    return spec_of(matrix_chart(measures))


@lru_cache(maxsize=64)
def _difference_spec(first: ModelMeasures, second: ModelMeasures) -> Spec:
    return spec_of(difference_chart(first, second))


def _long(labels: Sequence[str], values: NDArray[np.float64], column: str) -> pd.DataFrame:
    names = [class_facts(label).name for label in labels]
    count = len(labels)
    return pd.DataFrame(
        {
            "truth": np.repeat(labels, count),
            "said": np.tile(labels, count),
            "true class": np.repeat(names, count),
            "named": np.tile(names, count),
            column: values.ravel(),
        }
    )


def _base(rows: pd.DataFrame, labels: Sequence[str]) -> altair.Chart:
    order = [class_facts(label).name for label in labels]
    axis = altair.Axis(labelLimit=130, ticks=False, domain=False, grid=False)
    x = altair.X(
        "named:N",
        sort=order,
        title="The model said",
        axis=altair.Axis(**axis.to_dict(), labelAngle=-45, labelOverlap=False),
    )
    y = altair.Y("true class:N", sort=order, title="True class", axis=axis)
    # As plain rows: frames go through Altair's data transformer, which another visitor's chart may have exchanged.
    data = altair.Data(values=rows.to_dict("records"))  # type: ignore[no-untyped-call]
    chart: altair.Chart = altair.Chart(data).encode(x=x, y=y)
    return chart


def _text_colour(light: str) -> Any:
    return altair.condition(light, altair.value(LIGHT_TEXT), altair.value(DARK_TEXT))


def _layered(layers: list[altair.Chart], classes: int) -> altair.LayerChart:
    chart: altair.LayerChart = altair.LayerChart(layer=layers, height=CELL_HEIGHT * classes + BELOW)
    return chart

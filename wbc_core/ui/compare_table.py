"""The table of figures: every model with intervals, sorted by any metric, the best of each column named in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import pandas as pd
import streamlit as st

from wbc_core.evaluation.figures import METRICS, Figure, Metric
from wbc_core.evaluation.measures import ModelMeasures
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.wording import listed, plain

FIRST = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auroc", "log_loss", "ece", "weighted_error")
"""What is shown until all are asked for."""

NONE = "–"
IN_PERCENT = frozenset(
    {metric.key for metric in METRICS}
    - {"macro_auroc", "macro_average_precision", "log_loss", "brier", "weighted_error"}
)
_SAME = 1e-9


def show_table(compared: Compared) -> None:
    """Show the figures of all models."""
    titles = {metric.key: metric.title for metric in METRICS}
    sort, more = st.columns([6, 4], gap="medium", vertical_alignment="bottom")
    with sort:
        key: str = st.selectbox("Sort by", list(titles), format_func=titles.__getitem__, key="compare_sort")
    with more:
        whole = st.toggle(f"All {len(METRICS)} figures", key="compare_all_figures")
    metrics = [metric for metric in METRICS if whole or metric.key in FIRST or metric.key == key]
    rows = sorted_rows(compared.comparison.measures, key)
    numbers, words = tables(rows, metrics, compared.names)
    st.dataframe(
        numbers.style.format(dict(zip(numbers, [_writer(words[column]) for column in numbers], strict=True))),
        hide_index=True,
        column_config={
            "Model": st.column_config.TextColumn(pinned=True, width=150),
            **{metric.title: st.column_config.NumberColumn(help=_meaning(metric)) for metric in metrics},
        },
        placeholder=NONE,
        alt=f"Figures of {len(rows)} models with 95 % intervals, sorted by {titles[key]}",
        key="compare_figures",
    )
    st.caption(
        "In brackets: the 95 % interval, the range in which the figure of very many such pictures may well lie. "
        "*Best* is the best figure here; whether it is better by more than chance stands under *Significance*. "
        "Sort by the box above or by a click on a heading."
    )
    st.markdown(best_in_words(rows, metrics, key, compared.names))
    for sentence in missing_in_words(rows, metrics, compared.names):
        st.caption(plain(sentence))


def sorted_rows(measures: Sequence[ModelMeasures], key: str) -> list[ModelMeasures]:
    """Return the models with the best of a metric first; those without that figure come last."""
    sign = -1 if _metric(key).better == "higher" else 1

    def place(row: ModelMeasures) -> tuple[bool, float]:
        value = row.figures[key].value
        return value is None, 0.0 if value is None else sign * value

    return sorted(measures, key=place)


def tables(
    rows: Sequence[ModelMeasures], metrics: Sequence[Metric], names: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the same table twice: as numbers, by which a browser sorts, and in words, which it shows.

    Parameters
    ----------
    rows : sequence of ModelMeasures
        One for each line.
    metrics : sequence of Metric
        One for each column.
    names : mapping of str to str
        Names to show.
    """
    shown = [names[row.name] for row in rows]
    numbers, words = pd.DataFrame({"Model": shown}), pd.DataFrame({"Model": shown})
    for metric in metrics:
        figures = [row.figures[metric.key] for row in rows]
        best = best_value(figures, metric)
        numbers[metric.title] = pd.Series([figure.value for figure in figures], dtype=float)
        words[metric.title] = [
            written(figure, metric.key) + (" best" if len(rows) > 1 and _is_best(figure, best) else "")
            for figure in figures
        ]
    return numbers, words


def written(figure: Figure, key: str) -> str:
    """Return a figure with its interval.

    Examples
    --------
    >>> written(Figure(0.98765, 0.98, 0.99), "accuracy"), written(Figure(0.12345), "log_loss")
    ('98.8 % (98.0–99.0)', '0.1235')
    """
    if figure.value is None:
        return NONE
    share = key in IN_PERCENT

    def number(value: float) -> str:
        return f"{100 * value:.1f}" if share else f"{value:.4f}"

    text = f"{number(figure.value)} %" if share else number(figure.value)
    if figure.low is None or figure.high is None:
        return text
    return f"{text} ({number(figure.low)}–{number(figure.high)})"


def best_value(figures: Sequence[Figure], metric: Metric) -> float | None:
    """Return the best of a column; None where no model has the figure."""
    values = [figure.value for figure in figures if figure.value is not None]
    if not values:
        return None
    return max(values) if metric.better == "higher" else min(values)


def best_in_words(rows: Sequence[ModelMeasures], metrics: Sequence[Metric], key: str, names: Mapping[str, str]) -> str:
    """Say in Markdown which model is best in the metric that sorts, and in which of the others it is not."""
    if len(rows) < 2:
        return ""
    metric = _metric(key)
    best = best_value([row.figures[key] for row in rows], metric)
    if best is None:
        return f"No model has the figure {metric.title}."
    ahead = [row for row in rows if _is_best(row.figures[key], best)]
    if len(ahead) > 1:
        return f"**{metric.title}**: {plain(listed([names[row.name] for row in ahead]))} are level."
    others = [
        each.title
        for each in metrics
        if each.key != key and not _is_best(ahead[0].figures[each.key], best_value(_column(rows, each.key), each))
    ]
    sentence = f"Best in **{metric.title}**: {plain(names[ahead[0].name])}, {_low_or_high(metric)} is better"
    return f"{sentence}. Another one is ahead in {listed(others)}." if others else f"{sentence}; in all shown figures."


def missing_in_words(rows: Sequence[ModelMeasures], metrics: Sequence[Metric], names: Mapping[str, str]) -> list[str]:
    """Say why figures or intervals are missing: one sentence for each reason."""
    found: dict[tuple[bool, str], tuple[dict[str, None], dict[str, None]]] = {}
    for row in rows:
        for metric in metrics:
            figure = row.figures[metric.key]
            if figure.reason:
                places = found.setdefault((figure.value is None, figure.reason), ({}, {}))
                places[0][metric.title] = places[1][names[row.name]] = None
    sentences = []
    for (undefined, reason), (titles, models) in found.items():
        whose = "every model" if len(models) == len(rows) > 1 else listed(list(models))
        sentences.append(f"{NONE + ' ' if undefined else ''}{listed(list(titles))} of {whose}: {reason}.")
    return sentences


def _column(rows: Sequence[ModelMeasures], key: str) -> list[Figure]:
    return [row.figures[key] for row in rows]


def _writer(words: pd.Series[Any]) -> Callable[[object], str]:
    """Return what writes a column's numbers, from its top to its end: their words."""
    following = cycle(words.tolist())
    return lambda _value: str(next(following))


def _is_best(figure: Figure, best: float | None) -> bool:
    return figure.value is not None and best is not None and abs(figure.value - best) < _SAME


def _metric(key: str) -> Metric:
    return next(metric for metric in METRICS if metric.key == key)


def _low_or_high(metric: Metric) -> str:
    return "higher" if metric.better == "higher" else "lower"


def _meaning(metric: Metric) -> str:
    return f"{metric.meaning[0].upper()}{metric.meaning[1:]}; {_low_or_high(metric)} is better"

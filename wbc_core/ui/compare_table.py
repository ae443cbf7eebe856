"""The table of figures: every model with intervals, sorted by any metric, the best of each column named in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

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
BEST = " best"
_SAME = 1e-9

_TABLE = "border-collapse:collapse;width:100%;font-size:0.875rem;font-variant-numeric:tabular-nums"
_CELL = "padding:0.4rem 0.7rem 0.4rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #8884"
_NUMBER = f"{_CELL};white-space:nowrap"
# The names stay where they are while a phone's visitor moves the figures along behind them.
_NAME = (
    f"{_CELL};position:sticky;left:0;z-index:1;min-width:7rem;max-width:11rem;background:light-dark(#ffffff,#050407)"
)


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
    st.html(figures_html(rows, metrics, compared.names, key))
    st.caption(f"**{titles[key]}**: {_meaning(_metric(key))}.")
    st.caption(
        "In brackets: the 95 % interval, the range in which the figure of very many such pictures may well lie. "
        "**Best** is the best figure here; whether it is better by more than chance stands under **Significance**. "
        "Point at a heading for what it means."
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


def figures_html(rows: Sequence[ModelMeasures], metrics: Sequence[Metric], names: Mapping[str, str], key: str) -> str:
    """Return the table as HTML: a browser shows it at once, where a grid to click in is fetched and drawn first.

    Parameters
    ----------
    rows : sequence of ModelMeasures
        One for each line, sorted.
    metrics : sequence of Metric
        One for each column.
    names : mapping of str to str
        Names to show.
    key : str
        The metric that sorts.
    """
    table = words_table(rows, metrics, names)
    heads = [f'<th scope="col" style="{_NAME}">Model</th>']
    for metric in metrics:
        sort = f' aria-sort="{"descending" if metric.better == "higher" else "ascending"}"' if metric.key == key else ""
        mark = " ▾" if sort else ""
        title = escape(_meaning(metric))
        heads.append(f'<th scope="col" title="{title}"{sort} style="{_CELL}">{escape(metric.title)}{mark}</th>')
    lines = []
    for name, *figures in table.to_numpy().tolist():
        cells = [f'<th scope="row" style="{_NAME}">{escape(name)}</th>']
        cells += [f'<td style="{_NUMBER}">{_two_lines(text)}</td>' for text in figures]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    said = f"Figures of {len(rows)} models with 95 % intervals, sorted by {_metric(key).title}"
    return (
        f'<div role="region" aria-label="{escape(said)}" tabindex="0" style="overflow-x:auto"><table style="{_TABLE}">'
        f"<thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def words_table(rows: Sequence[ModelMeasures], metrics: Sequence[Metric], names: Mapping[str, str]) -> pd.DataFrame:
    """Return the table in words.

    Parameters
    ----------
    rows : sequence of ModelMeasures
        One for each line.
    metrics : sequence of Metric
        One for each column.
    names : mapping of str to str
        Names to show.
    """
    words = pd.DataFrame({"Model": [names[row.name] for row in rows]})
    for metric in metrics:
        figures = [row.figures[metric.key] for row in rows]
        best = best_value(figures, metric)
        words[metric.title] = [
            written(figure, metric.key) + (BEST if len(rows) > 1 and _is_best(figure, best) else "")
            for figure in figures
        ]
    return words


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


def _two_lines(text: str) -> str:
    """Return a figure as HTML, its interval below it, the best one bold."""
    figure, _, rest = text.removesuffix(BEST).partition(" (")
    best = text.endswith(BEST)
    shown = f"<strong>{escape(figure)}</strong> best" if best else escape(figure)
    return f'{shown}<br><span style="opacity:0.8">({escape(rest)}</span>' if rest else shown


def _is_best(figure: Figure, best: float | None) -> bool:
    return figure.value is not None and best is not None and abs(figure.value - best) < _SAME


def _metric(key: str) -> Metric:
    return next(metric for metric in METRICS if metric.key == key)


def _low_or_high(metric: Metric) -> str:
    return "higher" if metric.better == "higher" else "lower"


def _meaning(metric: Metric) -> str:
    return f"{metric.meaning}; {_low_or_high(metric)} is better"

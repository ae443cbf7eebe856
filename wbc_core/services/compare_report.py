"""A comparison as JSON and as rows of a table, for the command and for exports of the page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.evaluation.figures import METRICS, Figure
from wbc_core.evaluation.paired import Pair
from wbc_core.services.compare_cost import accuracy_against_speed, cost_of
from wbc_core.services.comparing import ModelComparison
from wbc_core.services.models import installed_ids


def as_report(comparison: ModelComparison) -> dict[str, Any]:
    """Return everything a comparison found as plain data: figures with intervals, pairs with their sentence, cost."""
    installed = set(installed_ids())
    costs = [cost_of(name) for name in comparison.lineup.names if name in installed]
    return {
        "statement": RESEARCH_USE,
        "source": comparison.source,
        "n": len(comparison.lineup),
        "labels": list(comparison.lineup.labels),
        "notes": list(comparison.lineup.notes),
        "sets": comparison.sets,
        "models": [
            {
                "model": row.name,
                "figures": {key: figure_as_dict(row.figures[key]) for key in _keys()},
                "mistakes": {key: figure_as_dict(figure) for key, figure in row.mistakes.items()},
                "per_class": {
                    label: {"support": row.support[label]}
                    | {key: figure_as_dict(figure) for key, figure in figures.items()}
                    for label, figures in row.per_class.items()
                },
                "confusion": {"labels": list(row.labels), "matrix": row.confusion.tolist()},
            }
            for row in comparison.measures
        ],
        "pairs": [pair_as_dict(pair) for pair in comparison.pairs],
        "cost": [asdict(cost) for cost in costs],
        "accuracy_against_speed": [asdict(point) for point in accuracy_against_speed(comparison, costs)],
    }


def as_rows(comparison: ModelComparison) -> list[dict[str, Any]]:
    """Return one row for each model: its figures, each with the limits of its interval; empty where not defined."""
    rows = []
    for measures in comparison.measures:
        row: dict[str, Any] = {"model": measures.name, "source": comparison.source, "n": measures.n}
        figures = {key: measures.figures[key] for key in _keys()}
        figures |= {f"{key}_mistakes": figure for key, figure in measures.mistakes.items()}
        for label, per_class in measures.per_class.items():
            figures |= {f"{key}_{label}": per_class[key] for key in ("precision", "recall", "specificity", "f1")}
        for key, figure in figures.items():
            row |= {key: _cell(figure.value), f"{key}_low": _cell(figure.low), f"{key}_high": _cell(figure.high)}
        rows.append(row)
    return rows


def figure_as_dict(figure: Figure) -> dict[str, Any]:
    """Return a figure as plain data; its reason only where something is missing."""
    content: dict[str, Any] = {"value": figure.value, "low": figure.low, "high": figure.high}
    return content | {"reason": figure.reason} if figure.reason else content


def pair_as_dict(pair: Pair) -> dict[str, Any]:
    """Return a pair as plain data, with its sentence."""
    return {
        "first": pair.first,
        "second": pair.second,
        "labels": list(pair.labels),
        "n": pair.n,
        "both": pair.both,
        "only_first": pair.only_first,
        "only_second": pair.only_second,
        "neither": pair.neither,
        "p_value": pair.p_value,
        "p_corrected": pair.p_corrected,
        "significant": pair.significant,
        "accuracy_difference": figure_as_dict(pair.accuracy_difference),
        "macro_f1_difference": figure_as_dict(pair.macro_f1_difference),
        "sentence": pair.sentence,
    }


def _keys() -> tuple[str, ...]:
    return tuple(metric.key for metric in METRICS)


def _cell(value: float | None) -> float | str:
    return "" if value is None else round(value, 6)

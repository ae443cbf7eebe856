"""Accuracy of models within parts of a set, which models differ where, and which are worth their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wbc_core.evaluation.figures import Figure, shares
from wbc_core.evaluation.lineup import Lineup


@dataclass(frozen=True)
class Subgroup:
    """Pictures that have something in common, and each model's accuracy on them.

    Attributes
    ----------
    name : str
        What they have in common.
    n : int
        Number of pictures.
    accuracy : tuple of Figure
        One for each model, with Wilson interval.
    """

    name: str
    n: int
    accuracy: tuple[Figure, ...]


def by_key(lineup: Lineup, keys: Sequence[str]) -> tuple[Subgroup, ...]:
    """Return the accuracy by a key of each picture.

    Parameters
    ----------
    lineup : Lineup
        The models.
    keys : sequence of str
        One for each picture; pictures with an empty one belong to no subgroup.

    Returns
    -------
    tuple of Subgroup
        In the order of their names.
    """
    named, codes = np.unique(np.asarray(keys, dtype=str), return_inverse=True)
    counts = np.bincount(codes, minlength=len(named))
    hits = [np.bincount(codes[row], minlength=len(named)) for row in lineup.right]
    figures = [shares(hit, counts, "there is no picture") for hit in hits]
    return tuple(
        Subgroup(str(name), int(counts[index]), tuple(row[index] for row in figures))
        for index, name in enumerate(named)
        if name
    )


def weakest_part(parts: Sequence[Subgroup], model: int, whole: float) -> Subgroup | None:
    """Return the part with the lowest accuracy among those whose interval lies below the accuracy on the whole.

    Parameters
    ----------
    parts : sequence of Subgroup
        Parts of a set.
    model : int
        Position of the model.
    whole : float
        Its accuracy on all pictures.

    Returns
    -------
    Subgroup or None
        None where every part's interval reaches up to the whole's accuracy.
    """
    below = []
    for part in parts:
        figure = part.accuracy[model]
        if figure.value is not None and figure.high is not None and figure.high < whole:
            below.append((figure.value, part))
    return min(below, key=lambda each: each[0])[1] if below else None


def terciles(values: NDArray[np.float64], names: tuple[str, str, str] = ("dark", "medium", "bright")) -> list[str]:
    """Name the third in which each value lies; NaN gets an empty name.

    Examples
    --------
    >>> terciles(np.array([3.0, 1.0, 2.0, np.nan]))
    ['bright', 'dark', 'medium', '']
    """
    known = ~np.isnan(values)
    if not known.any():
        return [""] * len(values)
    lower, upper = np.quantile(values[known], (1 / 3, 2 / 3))
    places = np.where(values <= lower, 0, np.where(values <= upper, 1, 2))
    return [names[place] if fine else "" for place, fine in zip(places, known, strict=True)]


def where_models_differ(lineup: Lineup) -> NDArray[np.int64]:
    """Return the row numbers of pictures that not all models name alike; those on which most are wrong come first."""
    said = lineup.said
    rows = np.flatnonzero((said != said[0]).any(axis=0))
    wrong = (~lineup.right[:, rows]).sum(axis=0)
    ordered: NDArray[np.int64] = rows[np.argsort(-wrong, kind="stable")]
    return ordered


def behind_cell(lineup: Lineup, model: int, truth: str, said: str) -> NDArray[np.int64]:
    """Return the row numbers of the pictures behind a cell of a model's confusion matrix, the surest answer first.

    Parameters
    ----------
    lineup : Lineup
        The models.
    model : int
        Position of the model.
    truth, said : str
        Labels of the lineup.
    """
    row, column = lineup.labels.index(truth), lineup.labels.index(said)
    values = lineup.probabilities[model]
    found = np.flatnonzero((lineup.truth == row) & (values.argmax(axis=1) == column))
    ordered: NDArray[np.int64] = found[np.argsort(-values[found, column], kind="stable")]
    return ordered


def least_certain(lineup: Lineup, model: int) -> NDArray[np.int64]:
    """Return all row numbers, the answer with the least confidence first."""
    return np.asarray(np.argsort(lineup.probabilities[model].max(axis=1), kind="stable"))


def worst_mistakes(lineup: Lineup, model: int) -> NDArray[np.int64]:
    """Return the row numbers of a model's mistakes, the least probability of the truth first."""
    values = lineup.probabilities[model]
    wrong = np.flatnonzero(values.argmax(axis=1) != lineup.truth)
    ordered: NDArray[np.int64] = wrong[np.argsort(values[wrong, lineup.truth[wrong]], kind="stable")]
    return ordered


def on_pareto_front(points: Sequence[tuple[float, float] | None]) -> list[bool]:
    """Return which models no other one beats, where more is better in both figures.

    Parameters
    ----------
    points : sequence of (float, float) or None
        Such as accuracy and pictures per second; None where a figure is missing, which is on no front.

    Returns
    -------
    list of bool
        True where no other point is at least as good in both and better in one.

    Examples
    --------
    >>> on_pareto_front([(0.99, 10), (0.95, 100), (0.94, 90), None])
    [True, True, False, False]
    """
    known = [point for point in points if point is not None]

    def beaten(point: tuple[float, float]) -> bool:
        return any(other[0] >= point[0] and other[1] >= point[1] and other != point for other in known)

    return [point is not None and not beaten(point) for point in points]

"""How well probabilities rank the pictures of a class before all others: AUROC, average precision and their curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from wbc_core.evaluation.figures import Figure, from_influence
from wbc_core.evaluation.resampling import Resampling

Values = NDArray[np.float64]
ONE_SIDE = "the pictures are all of this class, or none is"


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve of one class against all others; x and y between 0 and 1.

    Of a receiver operating characteristic x is the false positive rate and y the recall; of a precision-recall curve x
    is the recall and y the precision. ``threshold`` is the probability from which on the class is named, infinite or
    NaN at the end where nothing is.
    """

    x: Values
    y: Values
    threshold: Values


@dataclass(frozen=True, eq=False)
class Ranking:
    """Pictures by falling probability of a class, and how many stand above each; pictures of one score stand together.

    Attributes
    ----------
    positive : ndarray of float64, shape (images,)
        1 for pictures of the class, else 0, in this order.
    order : ndarray of int64, shape (images,)
        Row number of each picture.
    first : ndarray of int64, shape (images,)
        Pictures with a higher score.
    count, found : ndarray of float64, shape (images,)
        Pictures with at least this score, and how many of them are of the class.
    """

    positive: Values
    order: NDArray[np.int64]
    first: NDArray[np.int64]
    count: Values
    found: Values


def rank(positive: NDArray[np.bool_], scores: Values) -> Ranking:
    """Rank pictures, once for all that follows.

    Parameters
    ----------
    positive : ndarray of bool, shape (images,)
        Pictures of the class; some must be, some not.
    scores : ndarray of float64, shape (images,)
        Probability of the class.
    """
    order = np.argsort(-scores, kind="stable")
    falling, ours = -scores[order], positive[order].astype(float)
    last = np.searchsorted(falling, falling, side="right")
    first = np.searchsorted(falling, falling, side="left")
    return Ranking(ours, order, first, last.astype(float), np.cumsum(ours)[last - 1])


def auroc(ranking: Ranking) -> tuple[float, Values]:
    """Return the area under the receiver operating characteristic and each picture's influence on it.

    Returns
    -------
    tuple of (float, ndarray of float64)
        The influences, in the order of the rows, are DeLong's components (1988, doi:10.2307/2531595) less their mean,
        divided by their number; the mean of the components is the area itself, the same as scikit-learn's.
    """
    ours, found = ranking.positive, ranking.found
    total = ours.sum()
    others = len(ours) - total
    above = np.append(0.0, np.cumsum(ours))[ranking.first]  # of the class, with a higher score
    passed = (ranking.count - found + ranking.first - above) / 2  # of the others, ties counted half
    component = np.where(ours == 1, 1 - passed / others, (found + above) / 2 / total)
    value = float(component[ours == 1].mean())
    influence = np.empty(len(ours))
    influence[ranking.order] = (component - value) / np.where(ours == 1, total, others)
    return value, influence


def average_precision(ranking: Ranking) -> tuple[float, Values]:
    """Return the average precision and each picture's influence on it, in the order of the rows.

    Notes
    -----
    With ``N(t)`` pictures and ``T(t)`` of the class at scores of at least t, it is the mean of ``T(s)/N(s)`` over the
    class's scores s. Its derivative by the weight of picture k is that mean's own term, and for every picture of the
    class that does not rank above k the change of ``T/N``.
    """
    ours, count, found = ranking.positive, ranking.count, ranking.found
    total = ours.sum()
    value = float((ours * found / count).sum() / total)
    gained = np.cumsum((ours / count)[::-1])[::-1][ranking.first]
    diluted = np.cumsum((ours * found / count**2)[::-1])[::-1][ranking.first]
    influence = np.empty(len(ours))
    influence[ranking.order] = (ours * (found / count - value) + ours * gained - diluted) / total
    return value, influence


def ranking_figures(
    truth: NDArray[np.int64], probabilities: Values, resampling: Resampling | None, no_interval: str
) -> tuple[list[Figure], list[Figure], Figure, Figure]:
    """Return AUROC and average precision, class by class, and their means.

    Parameters
    ----------
    truth : ndarray of int64, shape (images,)
        Index of the true label.
    probabilities : ndarray of float64, shape (images, labels)
        Of every label.
    resampling : Resampling or None
        None: figures carry no interval.
    no_interval : str
        The reason for that.

    Returns
    -------
    tuple of (list of Figure, list of Figure, Figure, Figure)
        AUROC and average precision by class; the mean AUROC and the mean average precision over the classes that have
        pictures inside and outside.
    """
    rows: dict[str, list[Figure]] = {"auroc": [], "average_precision": []}
    sums: dict[str, list[tuple[float, Values, int]]] = {"auroc": [], "average_precision": []}
    for index in range(probabilities.shape[1]):
        positive = truth == index
        rarer = int(min(positive.sum(), (~positive).sum()))
        if not rarer:
            for key in rows:
                rows[key].append(Figure(None, reason=ONE_SIDE))
            continue
        ranking = rank(positive, probabilities[:, index])
        for key, measure in (("auroc", auroc), ("average_precision", average_precision)):
            value, influence = measure(ranking)
            sums[key].append((value, influence, rarer))
            rows[key].append(_figure(value, influence, rarer, resampling, no_interval))
    means = []
    for key in ("auroc", "average_precision"):
        if not sums[key]:
            means.append(Figure(None, reason="the pictures are all of one class"))
            continue
        value = float(np.mean([row[0] for row in sums[key]]))
        influence = np.mean([row[1] for row in sums[key]], axis=0)
        means.append(_figure(value, influence, min(row[2] for row in sums[key]), resampling, no_interval))
    return rows["auroc"], rows["average_precision"], means[0], means[1]


def _figure(value: float, influence: Values, rarer: int, resampling: Resampling | None, no_interval: str) -> Figure:
    if resampling is None:
        return Figure(value, reason=no_interval)
    return from_influence(value, influence, resampling, rarer)


def roc(truth: NDArray[np.int64], probabilities: Values, label: int) -> Curve | None:
    """Return the receiver operating characteristic of one class; None where no picture is inside or none outside."""
    positive = truth == label
    if not 0 < positive.sum() < len(truth):
        return None
    x, y, threshold = roc_curve(positive, probabilities[:, label])
    return Curve(x, y, threshold)


def precision_recall(truth: NDArray[np.int64], probabilities: Values, label: int) -> Curve | None:
    """Return the precision-recall curve of one class; None where no picture is of it."""
    positive = truth == label
    if not positive.any():
        return None
    precision, recall, threshold = precision_recall_curve(positive, probabilities[:, label], drop_intermediate=True)
    return Curve(recall, precision, np.append(threshold, np.nan))

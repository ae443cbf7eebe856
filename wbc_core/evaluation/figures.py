"""Figures that know their interval, or why they have none, and the list of metrics that a comparison states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from wbc_core.evaluation.metrics import Counts, proportion, proportions
from wbc_core.evaluation.resampling import Resampling

ALL_ALIKE = "no interval: every resample gives the same value, so what was not seen cannot be judged by resampling"


_REACH = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Figure:
    """One figure with its 95 % interval.

    Attributes
    ----------
    value, low, high : float or None
        None where it is not defined for these pictures.
    reason : str
        Why something is None, as a sentence without capital and full stop; empty where nothing is.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric as tables name it: its key, its title, which direction is better, and what it says."""

    key: str
    title: str
    better: Literal["higher", "lower"]
    meaning: str


METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "Accuracy", "higher", "share of pictures named rightly"),
    Metric("balanced_accuracy", "Balanced accuracy", "higher", "mean recall, each class counted alike"),
    Metric("macro_precision", "Precision (macro)", "higher", "mean over classes: of cells so named, how many are"),
    Metric("macro_recall", "Recall (macro)", "higher", "mean over classes: of such cells, how many are found"),
    Metric(
        "macro_specificity",
        "Specificity (macro)",
        "higher",
        "mean over classes: of other cells, how many are not so named",
    ),
    Metric("macro_f1", "F1 (macro)", "higher", "mean over classes of the harmonic mean of precision and recall"),
    Metric("weighted_precision", "Precision (weighted)", "higher", "precision, classes weighted by their pictures"),
    Metric("weighted_recall", "Recall (weighted)", "higher", "recall, classes weighted by their pictures"),
    Metric(
        "weighted_specificity", "Specificity (weighted)", "higher", "specificity, classes weighted by their pictures"
    ),
    Metric("weighted_f1", "F1 (weighted)", "higher", "F1, classes weighted by their pictures"),
    Metric("macro_auroc", "AUROC (macro)", "higher", "chance that a cell of a class ranks above one of another class"),
    Metric("macro_average_precision", "Average precision (macro)", "higher", "area under the precision-recall curve"),
    Metric("log_loss", "Log loss", "lower", "surprise at the truth; punishes confident mistakes most"),
    Metric("brier", "Brier score", "lower", "squared distance of the probabilities from the truth, 0 to 2"),
    Metric("ece", "Calibration error", "lower", "how far confidence and accuracy lie apart, in 15 bins"),
    Metric(
        "weighted_error", "Weighted error", "lower", "mistakes weighted by how far apart the cells are in maturation"
    ),
)


def share(successes: int, total: int, undefined: str) -> Figure:
    """Return a share with its Wilson interval.

    Parameters
    ----------
    successes, total : int
        Counts of pictures.
    undefined : str
        The reason to state where ``total`` is 0.
    """
    return shares([successes], [total], undefined)[0]


def shares(successes: Counts, totals: Counts, undefined: str) -> list[Figure]:
    """Return many shares at once, each as :func:`share` does."""
    return [
        Figure(None, reason=undefined) if estimate is None else Figure(estimate.value, estimate.low, estimate.high)
        for estimate in proportions(successes, totals)
    ]


def from_draws(value: float, draws: NDArray[np.float64] | None, reason: str = "") -> Figure:
    """Return a figure with the percentiles of its resampled values.

    Parameters
    ----------
    value : float
        On all pictures. NaN: not defined.
    draws : ndarray of float64, shape (resamples,), or None
        Values on the resamples; NaN where one is not defined there. None: there is no resampling.
    reason : str
        Why value or interval are missing, where they are.

    Notes
    -----
    A calibration error is larger on resamples than on the pictures, since noise adds to it; the interval is widened
    to hold its value.
    """
    if np.isnan(value):
        return Figure(None, reason=reason)
    if draws is None:
        return Figure(float(value), reason=reason)
    kept = draws[~np.isnan(draws)]
    if not len(kept) or np.ptp(kept) < 1e-9:
        return Figure(float(value), reason=ALL_ALIKE)
    low, high = np.percentile(kept, (2.5, 97.5))
    return Figure(float(value), float(min(low, value)), float(max(high, value)))


def from_influence(value: float, influence: NDArray[np.float64], resampling: Resampling, rarer: int) -> Figure:
    """Return a figure between 0 and 1 with an interval from each picture's influence on it, on the logit scale.

    Parameters
    ----------
    value : float
        On all pictures.
    influence : ndarray of float64, shape (images,)
        Derivative of the value by the picture's weight: the infinitesimal jackknife (Efron 1982,
        doi:10.1137/1.9781611970319). For an AUROC this is DeLong's variance (1988, doi:10.2307/2531595), by group that
        of Obuchowski (1997, doi:10.2307/2533958).
    resampling : Resampling
        Says which pictures form a group.
    rarer : int
        Pictures of the rarer side. Where the value is 1, its Wilson limit for that many successes in a row is taken:
        a perfect ranking of few pictures is no proof.
    """
    if value >= 1 - 1e-12 or value <= 1e-12:
        estimate = proportion(rarer if value > 0.5 else 0, rarer)
        assert estimate is not None
        return Figure(float(value), min(estimate.low, value), max(estimate.high, value))
    groups = resampling.group_sums(influence[:, None])[:, 0]
    count = len(groups)
    deviation = float(np.sqrt((groups**2).sum() * count / max(count - 1, 1))) / (value * (1 - value))
    reach = _REACH * deviation
    return Figure(float(value), float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))

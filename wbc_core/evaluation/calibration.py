"""Honest confidence: the temperature of the logits and the threshold below which a model abstains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import beta


def fit_temperature(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the temperature with the least log loss on validation (Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    logits : ndarray of float64, shape (images, labels)
        Of pictures that chose no weight.
    truth : ndarray of int64, shape (images,)
        Index of the true label.

    Returns
    -------
    float
        Between 0.05 and 20; logits are divided by it.
    """

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        normaliser = np.log(np.exp(scaled).sum(axis=1))
        return float((normaliser - scaled[np.arange(len(truth)), truth]).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20.0)), method="bounded")
    return float(np.exp(found.x))


def error_upper_bound(errors: int, answered: int, confidence: float = 0.95) -> float:
    """Return the one-sided exact upper bound of an error rate (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    Examples
    --------
    >>> round(error_upper_bound(0, 598), 4)
    0.005
    """
    if errors >= answered:
        return 1.0
    return float(beta.ppf(confidence, errors + 1, answered - errors))


def choose_threshold(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], goal: float
) -> tuple[float, int, int]:
    """Return the lowest confidence above which the error's exact upper bound meets a goal, on validation pictures.

    Parameters
    ----------
    confidence : ndarray of float64, shape (images,)
        Calibrated probability of the top label.
    correct : ndarray of bool, shape (images,)
        Whether the top label is right.
    goal : float
        Largest allowed upper bound of the error among the answered.

    Returns
    -------
    tuple of (float, int, int)
        Threshold, number answered, errors among them. Where no threshold meets the goal, the one with the lowest
        bound is returned: the caller states the bound that was reached.
    """
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(~correct[order])
    ranked = confidence[order]
    ends = np.flatnonzero(np.append(ranked[:-1] != ranked[1:], True))
    bounds = np.array([error_upper_bound(int(wrong[end]), int(end) + 1) for end in ends])
    meeting = np.flatnonzero(bounds <= goal)
    end = ends[meeting[-1]] if len(meeting) else ends[int(bounds.argmin())]
    return float(ranked[end]), int(end) + 1, int(wrong[end])

"""Honest confidence: the temperature of the logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar


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

"""Fit attribute probes: choices on validation pictures, figures once on test pictures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from wbc_core.explanation.attribute_probe import LinearProbe

STRENGTHS = (0.001, 0.003, 0.01, 0.03)
"""Inverse of the regularisation, the strongest first."""

MOST_ITERATIONS = 300


@dataclass(frozen=True)
class FittedProbe:
    """A probe with what was chosen for it on validation pictures."""

    probe: LinearProbe
    values: tuple[str, ...]
    strength: float
    validation_accuracy: float


@dataclass(frozen=True)
class Part:
    """Embeddings (images, channels) of one part of a set, and one value a picture."""

    embeddings: NDArray[np.float16]
    values: Sequence[str]


def fit_probe(train: Part, validation: Part) -> FittedProbe:
    """Fit one attribute's probe: multinomial logistic regression on standardised embeddings.

    How strongly it is regularised is what gives the highest accuracy on validation pictures; among equals the stronger
    regularisation.

    Parameters
    ----------
    train, validation : Part
        Pictures that no test picture shares a group with.

    Returns
    -------
    FittedProbe
    """
    names = tuple(sorted(set(train.values)))
    target = np.array([names.index(value) for value in train.values])
    best: FittedProbe | None = None
    rows = np.asarray(train.embeddings, np.float32)
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-3)
    rows = (rows - mean) / spread
    held = np.asarray(validation.embeddings, np.float32)
    model = LogisticRegression(max_iter=MOST_ITERATIONS, warm_start=True, tol=1e-3)
    for strength in STRENGTHS:
        model.set_params(C=strength)
        with warnings.catch_warnings():
            # An early end is one more regularisation: what counts is the accuracy on validation pictures.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(rows, target)
        probe = _folded(model.coef_, model.intercept_, mean, spread)
        accuracy = float((named(probe, held, names) == np.array(validation.values)).mean())
        if best is None or accuracy > best.validation_accuracy:
            best = FittedProbe(probe, names, strength, accuracy)
    assert best is not None
    return best


def named(probe: LinearProbe, rows: NDArray[np.float32], values: Sequence[str]) -> NDArray[np.str_]:
    """Return the value a probe names for each embedding."""
    answer: NDArray[np.str_] = np.array(values)[(rows @ probe.weights + probe.bias).argmax(axis=1)]
    return answer


def _folded(
    coefficients: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    mean: NDArray[np.float32],
    spread: NDArray[np.float32],
) -> LinearProbe:
    """Turn scikit-learn's weights on standardised embeddings into weights on plain ones, one column a value."""
    if len(coefficients) == 1:  # two values: scikit-learn keeps the second one's log odds only
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros_like(intercepts), intercepts])
    weights = (coefficients / spread).T
    bias = intercepts - mean @ weights
    return LinearProbe(weights.astype(np.float32), bias.astype(np.float32))

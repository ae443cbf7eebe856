"""Fits the scores of :mod:`wbc_core.inference.novelty` to training pictures, and measures how well they part."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from wbc_core.inference.measurements import Estimate
from wbc_core.inference.novelty import METHODS, Floats, NoveltyScore, Scores, discriminant_logarithms, left_out

Indices = NDArray[np.int64]

NEIGHBOURS = 10
REFERENCES = 250
"""Reference cells a class that :func:`fit_nearest` keeps."""
EXPLAINED = 0.95
"""Share of the variance that the principal directions of :func:`fit_residual` hold."""
DIRECTIONS = 64
"""Principal directions that :func:`fit_discriminant` keeps."""
DISCRIMINANT_NEIGHBOURS = 50


def fit_mahalanobis(embeddings: Floats, logits: Floats, truth: Indices, seed: int) -> dict[str, Floats]:
    """Fit class means and one shrunk covariance (Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4)."""
    centre = embeddings.mean(axis=0)
    means = np.stack([embeddings[truth == label].mean(axis=0) for label in np.unique(truth)])
    within = embeddings - means[np.searchsorted(np.unique(truth), truth)]
    whitening = _whitening(within)
    return {
        "centre": centre.astype(np.float32),
        "whitening": whitening,
        "means": ((means - centre) @ whitening).astype(np.float32),
    }


def fit_relative_mahalanobis(embeddings: Floats, logits: Floats, truth: Indices, seed: int) -> dict[str, Floats]:
    """Fit :func:`fit_mahalanobis`, and the covariance of all pictures as one class."""
    arrays = fit_mahalanobis(embeddings, logits, truth, seed)
    return arrays | {"background": _whitening(embeddings - arrays["centre"])}


def fit_nearest(embeddings: Floats, logits: Floats, truth: Indices, seed: int) -> dict[str, Floats]:
    """Draw reference cells of every class."""
    rng = np.random.default_rng(seed)
    chosen = np.concatenate(
        [
            rng.permutation(members)[:REFERENCES]
            for members in (np.flatnonzero(truth == label) for label in np.unique(truth))
        ]
    )
    references = embeddings[np.sort(chosen)]
    lengths = np.linalg.norm(references, axis=1, keepdims=True)
    return {
        "references": (references / np.maximum(lengths, 1e-12)).astype(np.float32),
        "k": np.array(NEIGHBOURS, np.float32),
    }


def fit_residual(embeddings: Floats, logits: Floats, truth: Indices, seed: int) -> dict[str, Floats]:
    """Find the principal directions, and the scale that makes what they leave out comparable to the logits."""
    centre, centred, variances, directions = _principal(embeddings)
    shares = np.cumsum(variances) / variances.sum()
    kept = directions[:, : int(np.searchsorted(shares, EXPLAINED)) + 1]
    left = np.sqrt(np.maximum(left_out(centred, kept), 0))
    alpha = logsumexp(logits.astype(np.float64), axis=1).mean() / max(float(left.mean()), 1e-12)
    return {
        "centre": centre.astype(np.float32),
        "directions": kept.astype(np.float32),
        "alpha": np.array(alpha, np.float32),
    }


def fit_discriminant(embeddings: Floats, logits: Floats, truth: Indices, seed: int) -> dict[str, Floats]:
    """Find the principal directions, in them those in which the classes differ most, and what is usual there."""
    centre, centred, _, directions = _principal(embeddings)
    kept = directions[:, :DIRECTIONS]
    shrunk = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(centred @ kept, truth)
    axes = kept @ shrunk.scalings_[:, : len(shrunk.classes_) - 1]
    arrays: dict[str, Floats] = {
        "centre": centre.astype(np.float32),
        "directions": kept.astype(np.float32),
        "axes": axes.astype(np.float32),
        "references": (centred @ axes).astype(np.float32),
        "k": np.array(DISCRIMINANT_NEIGHBOURS, np.float32),
    }
    measured = discriminant_logarithms(arrays, embeddings, logits, own=True)
    usual = [[values.mean(), max(float(values.std()), 1e-3)] for values in measured]
    return arrays | {"usual": np.array(usual, np.float32)}


def _principal(embeddings: Floats) -> tuple[Floats, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return centre, centred rows, and variances and directions from the largest variance to the smallest."""
    centre = embeddings.mean(axis=0)
    centred = (embeddings - centre).astype(np.float64)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    return centre, centred, variances[::-1], directions[:, ::-1]


def _fit_nothing(embeddings: Floats, logits: Floats, truth: Indices, seed: int) -> dict[str, Floats]:
    return {}


FITS: Mapping[str, Callable[[Floats, Floats, Indices, int], dict[str, Floats]]] = {
    "uncertainty": _fit_nothing,
    "energy": _fit_nothing,
    "mahalanobis": fit_mahalanobis,
    "relative_mahalanobis": fit_relative_mahalanobis,
    "nearest": fit_nearest,
    "residual": fit_residual,
    "discriminant": fit_discriminant,
}
assert set(FITS) == set(METHODS)


def fit_novelty(method: str, embeddings: Floats, logits: Floats, truth: Indices, *, seed: int = 0) -> NoveltyScore:
    """Fit one score to training pictures.

    Parameters
    ----------
    method : str
        One of :data:`wbc_core.inference.novelty.METHODS`.
    embeddings : ndarray of float32, shape (pictures, features)
        Of training pictures.
    logits : ndarray of float32, shape (pictures, labels)
        Of the same pictures.
    truth : ndarray of int64, shape (pictures,)
        Their labels' indices.
    seed : int
        For what is drawn.

    Returns
    -------
    NoveltyScore
    """
    return NoveltyScore(method, FITS[method](embeddings, logits, truth, seed))


def separation(known: Scores, unknown: Scores) -> Estimate:
    """Return the AUROC of telling unknown from known pictures, with its 95 % interval (Hanley and McNeil 1982).

    Parameters
    ----------
    known, unknown : ndarray of float64, shape (pictures,)
        Scores; unknown ones should be larger.

    Examples
    --------
    >>> separation(np.array([0.0, 1.0]), np.array([2.0, 3.0])).value
    1.0
    """
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    area = float(roc_auc_score(truth, np.concatenate([known, unknown])))
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (len(unknown) - 1) * (first - area**2) + (len(known) - 1) * (second - area**2)
    reach = float(norm.ppf(0.975)) * np.sqrt(max(variance, 0) / (len(known) * len(unknown)))
    return Estimate(value=area, low=float(max(area - reach, 0)), high=float(min(area + reach, 1)))


def _whitening(centred: Floats) -> Floats:
    """Return a matrix that makes the shrunk covariance of centred rows the identity."""
    covariance, _ = ledoit_wolf(centred.astype(np.float64), assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)
    return np.asarray(directions / np.sqrt(np.maximum(variances, 1e-12)), np.float32)

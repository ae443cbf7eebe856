"""Metrics of a classification with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score
from statsmodels.stats.proportion import proportion_confint

from wbc_core.inference.measurements import ClassMeasures, Confusion, Estimate, Evaluation

Indices = NDArray[np.int64]
Probabilities = NDArray[np.float64]
Counts = Sequence[int] | Indices

ECE_BINS = 15
RESAMPLES = 400


def proportion(successes: int, total: int) -> Estimate | None:
    """Return a share with its 95 % interval (Wilson 1927, doi:10.1080/01621459.1927.10502953); None of nothing.

    Examples
    --------
    >>> estimate = proportion(98, 100)
    >>> round(estimate.low, 3), estimate.value, round(estimate.high, 3)
    (0.93, 0.98, 0.994)
    """
    return proportions([successes], [total])[0]


def proportions(successes: Counts, totals: Counts) -> list[Estimate | None]:
    """Return many shares at once, each as :func:`proportion` does."""
    hit, total = np.asarray(successes), np.asarray(totals)
    lows, highs = proportion_confint(hit, np.maximum(total, 1), alpha=0.05, method="wilson")
    return [
        Estimate(
            value=float(k / n),
            low=float(low) if k else 0.0,  # exactly, not but for rounding
            high=float(high) if k < n else 1.0,
        )
        if n
        else None
        for k, n, low, high in zip(hit, total, lows, highs, strict=True)
    ]


def expected_calibration_error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = ECE_BINS
) -> float:
    """Return the top-label expected calibration error in bins of equal mass.

    Parameters
    ----------
    confidence : ndarray of float64, shape (images,)
        Probability of the top label.
    correct : ndarray of bool, shape (images,)
        Whether the top label is right.
    bins : int
        Number of bins; each holds as many pictures as any other, give or take one.

    Returns
    -------
    float
        Mean over pictures of the bin's |mean confidence - accuracy| (Naeini et al. 2015; equal mass: Nixon et al.
        2019, arXiv:1904.01685).

    Examples
    --------
    >>> expected_calibration_error(np.array([0.8, 0.8, 0.8, 0.8, 0.8]), np.array([1, 1, 1, 1, 0], bool), bins=1)
    0.0
    """
    order = np.argsort(confidence, kind="stable")
    total = 0.0
    for members in np.array_split(order, min(bins, len(order))):
        total += abs(float(confidence[members].sum()) - float(correct[members].sum()))
    return total / len(order)


def brier_score(probabilities: Probabilities, truth: Indices) -> float:
    """Return the multi-class Brier score, 0 to 2: mean squared distance from the one-hot truth (Brier 1950).

    Examples
    --------
    >>> brier_score(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 1]))
    0.25
    """
    target = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - target) ** 2).sum(axis=1).mean())


def evaluate_predictions(
    probabilities: Probabilities,
    truth: Indices,
    labels: Sequence[str],
    *,
    threshold: float,
    source: str,
    source_sha256: str,
    answerable: NDArray[np.bool_] | None = None,
    groups: Sequence[str] | None = None,
    failed: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Measure a set of predictions.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (images, labels)
        Calibrated probabilities.
    truth : ndarray of int64, shape (images,)
        Index of the true label.
    labels : sequence of str
        Names of the columns.
    threshold : float
        Below this top probability the model abstains.
    source, source_sha256 : str
        Name and digest of the set.
    answerable : ndarray of bool, shape (images,), optional
        False where the model abstains for another reason than its confidence.
    groups : sequence of str, optional
        Group of each picture (slide, donor): the bootstrap draws whole groups. Each picture is its own by default.
    failed : int
        Pictures that could not be read.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    Evaluation
        Shares carry Wilson intervals; macro F1, calibration error, log loss and Brier score bootstrap percentiles.
    """
    top = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    correct = top == truth
    answered = confidence >= threshold
    if answerable is not None:
        answered &= answerable
    n = len(truth)
    matrix = confusion_matrix(truth, top, labels=range(len(labels)))
    present = np.flatnonzero(matrix.sum(axis=1))
    resample = _bootstrap_rows(n, groups, seed)

    def interval(measure: Callable[[Indices], float]) -> Estimate:
        draws = [measure(rows) for rows in resample]
        low, high = np.percentile(draws, (2.5, 97.5))
        return Estimate(value=measure(np.arange(n)), low=float(low), high=float(high))

    def macro_f1(rows: Indices) -> float:
        return float(f1_score(truth[rows], top[rows], labels=present, average="macro", zero_division=0.0))

    chosen = probabilities[np.arange(n), truth].clip(1e-15)
    squares = ((probabilities - np.eye(len(labels))[truth]) ** 2).sum(axis=1)
    accuracy, coverage = proportion(int(correct.sum()), n), proportion(int(answered.sum()), n)
    assert accuracy is not None
    assert coverage is not None
    return Evaluation(
        source=source,
        source_sha256=source_sha256,
        labels=tuple(labels),
        n=n,
        failed=failed,
        accuracy=accuracy,
        balanced_accuracy=float(np.mean([matrix[index, index] / matrix[index].sum() for index in present])),
        macro_f1=interval(macro_f1),
        coverage=coverage,
        accuracy_classified=proportion(int((correct & answered).sum()), int(answered.sum())),
        ece=interval(lambda rows: expected_calibration_error(confidence[rows], correct[rows])),
        log_loss=interval(lambda rows: float(-np.log(chosen[rows]).mean())),
        brier=interval(lambda rows: float(squares[rows].mean())),
        per_class={label: _class_measures(matrix, index) for index, label in enumerate(labels)},
        confusion=Confusion(labels=tuple(labels), matrix=tuple(tuple(int(c) for c in row) for row in matrix)),
    )


def _bootstrap_rows(n: int, groups: Sequence[str] | None, seed: int) -> list[Indices]:
    """Draw row numbers with replacement, whole groups at a time (cluster bootstrap, Efron and Tibshirani 1993)."""
    rng = np.random.default_rng(seed)
    if groups is None or len(set(groups)) == n or len(set(groups)) < 2:
        return [rng.integers(n, size=n) for _ in range(RESAMPLES)]
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    return [
        np.concatenate([members[code] for code in rng.integers(len(members), size=len(members))])
        for _ in range(RESAMPLES)
    ]


def _class_measures(matrix: NDArray[np.int64], index: int) -> ClassMeasures:
    hit = int(matrix[index, index])
    support, named, total = int(matrix[index].sum()), int(matrix[:, index].sum()), int(matrix.sum())
    return ClassMeasures(
        precision=proportion(hit, named),
        recall=proportion(hit, support),
        specificity=proportion(total - support - (named - hit), total - support),
        f1=2 * hit / (support + named) if support + named else 0.0,
        support=support,
    )


def precision_at_prevalence(
    probabilities: Probabilities,
    truth: Indices,
    labels: Sequence[str],
    prevalence: dict[str, float],
    *,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Return each class's precision if classes occurred as often as in a smear, by Bayes' rule.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (images, labels)
        Probabilities over the classes of ``prevalence`` alone, in the order of ``labels``.
    truth : ndarray of int64, shape (images,)
        Index of the true label.
    labels : sequence of str
        Names of the columns.
    prevalence : dict of str to float
        Share of each class; normalised to sum 1.
    seed : int
        Seed of the draws.

    Returns
    -------
    dict of str to Estimate
        Precision with posterior percentiles. Each true class's shares of named classes are drawn from a Dirichlet
        distribution with Perks's prior (1947, J. Inst. Actuaries 73:285): a mistake not seen in some hundred
        pictures may still occur, and a rare class feels it.
    """
    top = probabilities.argmax(axis=1)
    weight = np.array([prevalence[label] for label in labels])
    weight = weight / weight.sum()
    counts = confusion_matrix(truth, top, labels=range(len(labels))).astype(float)

    def precision(rates: NDArray[np.float64]) -> NDArray[np.float64]:
        flow = rates * weight[:, None]
        shares: NDArray[np.float64] = np.diag(flow) / np.maximum(flow.sum(axis=0), 1e-12)
        return shares

    rng = np.random.default_rng(seed)
    prior = 1 / len(labels)
    draws = [precision(np.stack([rng.dirichlet(row + prior) for row in counts])) for _ in range(5 * RESAMPLES)]
    low, high = np.percentile(draws, (2.5, 97.5), axis=0)
    value = precision(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    return {
        label: Estimate(value=float(value[i]), low=float(min(low[i], value[i])), high=float(max(high[i], value[i])))
        for i, label in enumerate(labels)
    }

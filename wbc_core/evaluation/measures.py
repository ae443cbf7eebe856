"""Every figure of one model on one set of pictures, with intervals, for tables and charts that compare models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, log_loss

from wbc_core.biology.maturation import maturation, severity
from wbc_core.evaluation.figures import Figure, from_draws, share, shares
from wbc_core.evaluation.metrics import ECE_BINS, brier_score, expected_calibration_error
from wbc_core.evaluation.prediction_table import FEWEST
from wbc_core.evaluation.ranking import ranking_figures
from wbc_core.evaluation.resampling import Resampling

Values = NDArray[np.float64]
Indices = NDArray[np.int64]

SEVERITIES = ("right", "minor", "other", "major")
TOO_FEW = f"no interval: fewer than {FEWEST} pictures"


@dataclass(frozen=True)
class ReliabilityBin:
    """Pictures of like confidence: the range and mean of it, and how many of them are right."""

    low: float
    high: float
    confidence: float
    accuracy: Figure
    count: int


@dataclass(frozen=True, eq=False)
class ModelMeasures:
    """One model on one set of pictures.

    Attributes
    ----------
    name : str
        Of the model.
    labels : tuple of str
        Chosen between.
    n : int
        Pictures.
    figures : dict of str to Figure
        By the keys of :data:`wbc_core.evaluation.figures.METRICS`.
    per_class : dict of str to dict of str to Figure
        By label: precision, recall, specificity, f1, auroc, average_precision.
    support : dict of str to int
        Pictures of each label.
    confusion : ndarray of int64, shape (labels, labels)
        Rows are true labels, columns the named ones.
    bins : tuple of ReliabilityBin
        By rising confidence, each of as many pictures as any other, give or take one.
    mistakes : dict of str to Figure
        Shares of major, minor and other mistakes among all pictures.
    draws : dict of str to ndarray of float64, shape (resamples,)
        Accuracy and macro F1 on every resample, for paired differences; empty where there are too few pictures.
    """

    name: str
    labels: tuple[str, ...]
    n: int
    figures: dict[str, Figure]
    per_class: dict[str, dict[str, Figure]]
    support: dict[str, int]
    confusion: Indices
    bins: tuple[ReliabilityBin, ...]
    mistakes: dict[str, Figure]
    draws: dict[str, Values]


def measure_model(
    name: str,
    probabilities: Values,
    truth: Indices,
    labels: Sequence[str],
    resampling: Resampling,
    subtypes: Sequence[str] | None = None,
) -> ModelMeasures:
    """Measure one model.

    Parameters
    ----------
    name : str
        Of the model.
    probabilities : ndarray of float64, shape (images, labels)
        Rows sum to 1.
    truth : ndarray of int64, shape (images,)
        Index of the true label; at least one picture.
    labels : sequence of str
        Names of the columns, at least two.
    resampling : Resampling
        The same for all models of a comparison.
    subtypes : sequence of str, optional
        Finer label of each picture, empty where not known.

    Returns
    -------
    ModelMeasures
        Shares of pictures carry Wilson intervals, AUROC and average precision those of the infinitesimal jackknife by
        group, all else bootstrap percentiles by group. What is not defined is None and says why.
    """
    n, count = len(truth), len(labels)
    top = probabilities.argmax(axis=1)
    correct = top == truth
    matrix = confusion_matrix(truth, top, labels=range(count)).astype(np.int64)
    grades = _grades(truth, top, labels, subtypes)
    weights = maturation().weights
    costs = np.array([0.0, weights.minor, weights.other, weights.major])[grades]
    rows = _by_picture(probabilities, truth, costs)
    enough = n >= FEWEST
    draws = _resampled(matrix, truth, top, rows, resampling) if enough else {}
    point = _from_confusion(matrix[None].astype(float))
    reasons = _reasons(matrix, labels)
    auroc, precision_area, mean_auroc, mean_area = ranking_figures(
        truth, probabilities, resampling if enough else None, TOO_FEW
    )

    def drawn(key: str, value: float) -> Figure:
        return from_draws(value, draws.get(key), reasons.get(key, "" if enough else TOO_FEW))

    figures = {"accuracy": share(int(correct.sum()), n, "there is no picture")}
    figures |= {
        key: drawn(key, float(value[0])) for key, value in point.items() if value.ndim == 1 and key != "accuracy"
    }
    figures |= {
        "macro_auroc": mean_auroc,
        "macro_average_precision": mean_area,
        "log_loss": drawn("log_loss", float(log_loss(truth, probabilities, labels=range(count)))),
        "brier": drawn("brier", brier_score(probabilities, truth)),
        "ece": drawn("ece", expected_calibration_error(probabilities.max(axis=1), correct)),
        "weighted_error": drawn("weighted_error", float(costs.mean())),
    }
    hit, support, named = np.diagonal(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    kinds = {
        "precision": shares(hit, named, "the class was never named"),
        "recall": shares(hit, support, "no picture is of this class"),
        "specificity": shares(n - support - named + hit, n - support, "every picture is of this class"),
        "f1": [
            from_draws(
                float(point["f1"][0, index]),
                draws["f1"][:, index] if enough else None,
                "the class does not occur" if not support[index] + named[index] else "" if enough else TOO_FEW,
            )
            for index in range(count)
        ],
        "auroc": auroc,
        "average_precision": precision_area,
    }
    per_class = {label: {kind: row[index] for kind, row in kinds.items()} for index, label in enumerate(labels)}
    return ModelMeasures(
        name=name,
        labels=tuple(labels),
        n=n,
        figures=figures,
        per_class=per_class,
        support=dict(zip(labels, support.tolist(), strict=True)),
        confusion=matrix,
        bins=reliability(probabilities.max(axis=1), correct),
        mistakes={
            key: share(int((grades == SEVERITIES.index(key)).sum()), n, "there is no picture")
            for key in ("major", "minor", "other")
        },
        draws={key: draws[key] for key in ("accuracy", "macro_f1") if key in draws},
    )


def reliability(confidence: Values, correct: NDArray[np.bool_], bins: int = ECE_BINS) -> tuple[ReliabilityBin, ...]:
    """Return the bins of a reliability diagram: those of :func:`expected_calibration_error`."""
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    accuracies = shares([int(correct[members].sum()) for members in parts], [len(members) for members in parts], "")
    return tuple(
        ReliabilityBin(
            float(confidence[members].min()),
            float(confidence[members].max()),
            float(confidence[members].mean()),
            accuracy,
            len(members),
        )
        for members, accuracy in zip(parts, accuracies, strict=True)
    )


def _grades(truth: Indices, top: Indices, labels: Sequence[str], subtypes: Sequence[str] | None) -> Indices:
    """Return each picture's place in :data:`SEVERITIES`."""
    grades = np.zeros(len(truth), dtype=np.int64)
    for row in np.flatnonzero(truth != top):
        subtype = "" if subtypes is None else subtypes[int(row)]
        grades[row] = SEVERITIES.index(severity(labels[int(truth[row])], labels[int(top[row])], subtype))
    return grades


def _by_picture(probabilities: Values, truth: Indices, costs: Values) -> dict[str, Values]:
    """Return what is averaged over pictures, one column of each."""
    squares = ((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(axis=1)
    surprise = -np.log(probabilities[np.arange(len(truth)), truth].clip(np.finfo(float).eps))
    return {"log_loss": surprise, "brier": squares, "weighted_error": costs, "confidence": probabilities.max(axis=1)}


def _resampled(
    matrix: Indices, truth: Indices, top: Indices, rows: dict[str, Values], resampling: Resampling
) -> dict[str, Values]:
    """Return every figure on every resample, from one product of matrices.

    The bins of the calibration error are those of the pictures: they are not drawn anew for each resample.
    """
    used = np.flatnonzero(matrix)
    cells = (truth * len(matrix) + top)[:, None] == used
    order = np.argsort(rows["confidence"], kind="stable")
    bin_of = np.empty(len(truth), dtype=np.int64)
    for index, members in enumerate(np.array_split(order, min(ECE_BINS, len(order)))):
        bin_of[members] = index
    gaps = (rows["confidence"] - (truth == top))[:, None] * (bin_of[:, None] == np.arange(bin_of.max() + 1))
    means = [rows[key][:, None] for key in ("log_loss", "brier", "weighted_error")]
    sums = resampling.sums(np.concatenate([cells.astype(float), *means, gaps], axis=1))
    sizes = resampling.sizes()
    confusion = np.zeros((len(sums), matrix.size))
    confusion[:, used] = np.rint(sums[:, : len(used)])
    values = _from_confusion(confusion.reshape(-1, *matrix.shape))
    values["log_loss"], values["brier"], values["weighted_error"] = (
        sums[:, len(used) : len(used) + 3] / sizes[:, None]
    ).T
    values["ece"] = np.abs(sums[:, len(used) + 3 :]).sum(axis=1) / sizes
    return values


def _from_confusion(matrices: Values) -> dict[str, Values]:
    """Return the figures of confusion matrices, shape (matrices, labels, labels); NaN where one is not defined.

    Means are over the classes that occur. ``f1`` has one column for each class.
    """
    hit = np.diagonal(matrices, axis1=1, axis2=2)
    support, named = matrices.sum(axis=2), matrices.sum(axis=1)
    total = support.sum(axis=1, keepdims=True)
    occurs = support > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "precision": hit / named,
            "recall": hit / support,
            "specificity": (total - support - named + hit) / (total - support),
            "f1": 2 * hit / (support + named),
        }
        figures = {"accuracy": hit.sum(axis=1) / total[:, 0], "f1": columns["f1"]}
        for kind, weight in (("macro", occurs.astype(float)), ("weighted", support)):
            for key, values in columns.items():
                sums = np.where(occurs, values * weight, 0.0).sum(axis=1)
                figures[f"{kind}_{key}"] = sums / weight.sum(axis=1)
    figures["balanced_accuracy"] = figures["macro_recall"]
    return figures


def _reasons(matrix: Indices, labels: Sequence[str]) -> dict[str, str]:
    """Return why figures are not defined, where they are not."""
    never = [labels[int(index)] for index in np.flatnonzero((matrix.sum(axis=1) > 0) & (matrix.sum(axis=0) == 0))]
    reasons: dict[str, str] = {}
    if never:
        text = f"{' and '.join(never)} {'was' if len(never) == 1 else 'were'} never named, so precision is not defined"
        reasons |= {"macro_precision": text, "weighted_precision": text}
    if (matrix.sum(axis=1) > 0).sum() < 2:
        text = "the pictures are all of one class"
        reasons |= {"macro_specificity": text, "weighted_specificity": text}
    return reasons

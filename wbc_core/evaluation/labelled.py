"""Labelled pictures through the serving path: predictions kept row by row, then measured under any choice of labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wbc_core.biology.labels import Merge, members_of
from wbc_core.datasets.sources import LabelledImage, digest_of
from wbc_core.errors import DatasetError
from wbc_core.evaluation.figures import from_influence
from wbc_core.evaluation.metrics import evaluate_predictions
from wbc_core.evaluation.ranking import auroc, rank
from wbc_core.evaluation.resampling import resample
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.measurements import Estimate, Evaluation
from wbc_core.inference.pipeline import PendingImage, answer_all


@dataclass(frozen=True)
class LabelledPredictions:
    """Predictions for the pictures of one set that could be read.

    Attributes
    ----------
    images : tuple of LabelledImage
        The pictures.
    labels : tuple of str
        Columns of ``probabilities``.
    probabilities : ndarray of float64, shape (images, labels)
        Calibrated.
    answerable : ndarray of bool, shape (images,)
        Whether a stained cell stood out, and is not unlike all that the model was trained on.
    failed : tuple of (LabelledImage, str)
        Pictures that could not be read, and why.
    """

    images: tuple[LabelledImage, ...]
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]
    answerable: NDArray[np.bool_]
    failed: tuple[tuple[LabelledImage, str], ...]


def predict_labelled(
    classifier: Classifier,
    images: Sequence[LabelledImage],
    *,
    labels: Sequence[str] | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledPredictions:
    """Predict labelled pictures exactly as a user's pictures are.

    Parameters
    ----------
    classifier : Classifier
        The model.
    images : sequence of LabelledImage
        What to predict.
    labels : sequence of str, optional
        Choose between these labels only.
    batch_size : int
        Pictures per call of the network.
    progress : callable, optional
        Called with the number of pictures done and their total.

    Raises
    ------
    DatasetError
        If no picture can be read.
    """
    pending = (PendingImage(image.file, image.path.read_bytes) for image in images)
    kept, rows, answerable, failed = [], [], [], []
    answers = answer_all(pending, classifier, labels=labels, batch_size=batch_size)
    for done, (image, answer) in enumerate(zip(images, answers, strict=True), 1):
        if progress is not None:
            progress(done, len(images))
        if answer.probabilities is None:
            failed.append((image, str(answer.error)))
            continue
        kept.append(image)
        rows.append(answer.probabilities)
        answerable.append(answer.convincing and not answer.unknown)
    if not kept:
        raise DatasetError("None of the pictures could be read.", failed[0][1] if failed else "The set is empty.")
    shown = tuple(labels) if labels is not None else classifier.card.labels
    return LabelledPredictions(tuple(kept), shown, np.stack(rows), np.array(answerable), tuple(failed))


def restricted(predictions: LabelledPredictions, labels: Sequence[str]) -> LabelledPredictions:
    """Return predictions renormalised over some of their labels: what ``--labels`` would have given.

    The softmax over a subset of logits is the softmax over all of them, renormalised.
    """
    values = predictions.probabilities[:, [predictions.labels.index(label) for label in labels]]
    return replace(predictions, labels=tuple(labels), probabilities=values / values.sum(axis=1, keepdims=True))


def measure(
    predictions: LabelledPredictions, source: str, threshold: float, merges: Sequence[Merge] = ()
) -> Evaluation:
    """Measure predictions against their labels.

    Parameters
    ----------
    predictions : LabelledPredictions
        From :func:`predict_labelled`.
    source : str
        Name of the set in the report.
    threshold : float
        The card's abstention threshold.
    merges : sequence of Merge
        Classes counted as one: their probabilities are added. Where the model already answers with the merged class,
        only the pictures' labels are renamed.

    Raises
    ------
    DatasetError
        If a picture's label is none of those predicted, or a merge names classes that the model was not asked for.
    """
    labels, probabilities = _merged(predictions, merges)
    renamed = {member: merge.name for merge in merges for member in merge.members}
    truth = [renamed.get(image.label, image.label) for image in predictions.images]
    foreign = sorted(set(truth) - set(labels))
    if foreign:
        raise DatasetError(
            f"The set {source} holds pictures labelled {', '.join(foreign)}, which are not among the labels predicted.",
            _way_out(foreign, labels),
        )
    groups = [f"{image.source}/{image.group or image.file}" for image in predictions.images]
    indices = np.array([labels.index(label) for label in truth])
    evaluation = evaluate_predictions(
        probabilities,
        indices,
        labels,
        threshold=threshold,
        source=source,
        source_sha256=digest_of([*predictions.images, *(image for image, _ in predictions.failed)]),
        answerable=predictions.answerable,
        groups=groups,
        failed=len(predictions.failed),
    )
    return evaluation.model_copy(update={"auroc": _auroc(probabilities, indices, groups)})


def _auroc(probabilities: NDArray[np.float64], truth: NDArray[np.int64], groups: Sequence[str]) -> Estimate | None:
    """Return how well two labels are told apart, with an interval by group; None for more labels, or one alone."""
    positive = truth == 0
    if probabilities.shape[1] != 2 or positive.all() or not positive.any():
        return None
    value, influence = auroc(rank(positive, probabilities[:, 0]))
    figure = from_influence(value, influence, resample(groups), int(min(positive.sum(), (~positive).sum())))
    assert figure.low is not None
    assert figure.high is not None
    return Estimate(value=value, low=figure.low, high=figure.high)


def _way_out(foreign: Sequence[str], labels: Sequence[str]) -> str:
    merged = {label: members_of(label) for label in labels}
    names = [f"--merge {label}={'+'.join(members)}" for label, members in merged.items() if set(members) & set(foreign)]
    if {member for members in merged.values() for member in members} >= set(foreign):
        return f"The model knows them as one class: ask with {' '.join(names)}."
    return f"Leave them out, or choose between labels that include them; these were {', '.join(labels)}."


def _merged(predictions: LabelledPredictions, merges: Sequence[Merge]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    columns = {label: predictions.probabilities[:, index] for index, label in enumerate(predictions.labels)}
    for merge in merges:
        missing = [member for member in merge.members if member not in columns]
        if merge.name in columns and len(missing) == len(merge.members):
            continue
        if missing:
            raise DatasetError(
                f"The merge {merge.name} names {', '.join(missing)}, which the model was not asked for.",
                f"It chooses between {', '.join(columns)}.",
            )
        parts = [columns.pop(member) for member in dict.fromkeys((*merge.members, merge.name)) if member in columns]
        columns[merge.name] = np.sum(parts, axis=0)
    return tuple(columns), np.stack(list(columns.values()), axis=1)

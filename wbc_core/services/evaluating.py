"""A model measured on labelled pictures, through the same path that serves users."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wbc_core.biology.labels import ALL_LABELS, Merge
from wbc_core.datasets.sources import read_source
from wbc_core.evaluation.labelled import measure, predict_labelled
from wbc_core.inference.measurements import Estimate, Evaluation
from wbc_core.services.models import classifier_for
from wbc_core.settings import settings


def evaluate_source(
    source: Path,
    *,
    model_id: str | None = None,
    labels: Sequence[str] | None = None,
    merges: Sequence[Merge] = (),
    split: str | None = None,
) -> Evaluation:
    """Measure a model on a folder of class folders or a CSV file.

    Parameters
    ----------
    source : Path
        Labelled pictures, see :func:`wbc_core.datasets.sources.read_source`.
    model_id : str, optional
        The default model if not given.
    labels : sequence of str, optional
        Choose between these labels only.
    merges : sequence of Merge
        Classes counted as one: their probabilities are added, or taken as they are where the model merged them.
    split : str, optional
        Part of a CSV that has a ``split`` column; all rows if not given.

    Returns
    -------
    Evaluation

    Raises
    ------
    DatasetError, ModelError
        If the source or the labels do not hold together.
    """
    classifier = classifier_for(model_id)
    # A set may name a merged class as the model does.
    images = read_source(source, allowed=tuple(dict.fromkeys((*ALL_LABELS, *classifier.card.labels))), split=split)
    name = f"{images[0].source} {split or ''}".strip()
    predictions = predict_labelled(classifier, images, labels=labels, batch_size=settings().batch_size)
    return measure(predictions, name, classifier.card.abstention.threshold, merges)


def as_report(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as the JSON that ``evaluate`` writes: plain figures, their intervals beside them."""
    figures = {
        name: value for name, value in evaluation if isinstance(value, Estimate) or name == "accuracy_classified"
    }
    return {
        "source": evaluation.source,
        "source_sha256": evaluation.source_sha256,
        "n": evaluation.n,
        "failed": evaluation.failed,
        "balanced_accuracy": evaluation.balanced_accuracy,
        **{name: None if estimate is None else estimate.value for name, estimate in figures.items()},
        "per_class": {
            label: {
                "precision": None if row.precision is None else row.precision.value,
                "recall": None if row.recall is None else row.recall.value,
                "specificity": None if row.specificity is None else row.specificity.value,
                "f1": row.f1,
                "support": row.support,
            }
            for label, row in evaluation.per_class.items()
        },
        "confusion": evaluation.confusion.model_dump(),
        "intervals_95": {
            **{name: [estimate.low, estimate.high] for name, estimate in figures.items() if estimate is not None},
            **{
                f"recall_{label}": [row.recall.low, row.recall.high]
                for label, row in evaluation.per_class.items()
                if row.recall is not None
            },
        },
    }

"""Many pictures in, one row each out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from wbc_core.batches.listing import list_paths
from wbc_core.biology.labels import ALL_LABELS, parse_labels
from wbc_core.inference.judging import judge
from wbc_core.inference.pipeline import PendingImage, answer_all
from wbc_core.services.models import classifier_for
from wbc_core.services.single_image import ImageResult
from wbc_core.settings import settings

COLUMNS = ("file", "label", "confidence", "status", "reason", "error")


def labels_asked(text: str, model_id: str | None = None) -> tuple[str, ...]:
    """Read a choice of labels for a model, by any of their aliases; classes that the model merged by its own name.

    Raises
    ------
    DatasetError
        If a name is unknown or given twice.
    ModelError
        If there is no such model.
    """
    own = classifier_for(model_id).card.labels
    return parse_labels(text, tuple(dict.fromkeys((*ALL_LABELS, *own))))


def predict_paths(
    paths: Sequence[Path], *, model_id: str | None = None, labels: Sequence[str] | None = None
) -> Iterator[ImageResult]:
    """Classify every picture under the given paths, in order; a bad file is a failed row and stops nothing.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders and zip archives.
    model_id : str, optional
        Model to ask; the default one if not given.
    labels : sequence of str, optional
        Choose between these labels only.

    Yields
    ------
    ImageResult
        Without crop, warnings and times.

    Raises
    ------
    ModelError
        If the model is missing or altered, or does not know a label.
    """
    classifier = classifier_for(model_id)
    card = classifier.card
    shown = tuple(labels) if labels is not None else card.labels
    pictures = (PendingImage(picture.name, picture.read) for picture in list_paths(paths).pictures)
    for answer in answer_all(pictures, classifier, labels=labels, batch_size=settings().batch_size):
        if answer.probabilities is None:
            error = answer.error
            yield ImageResult(
                answer.name,
                None,
                0.0,
                "failed",
                error=error.message if error else "",
                hint=error.hint if error else "",
                model_id=card.id,
                model_title=card.title,
            )
            continue
        values = answer.probabilities
        top = int(values.argmax())
        status, reason = judge(float(values[top]), answer.convincing, card.abstention.threshold, unknown=answer.unknown)
        yield ImageResult(
            answer.name,
            shown[top],
            float(values[top]),
            status,
            reason,
            probabilities={label: float(value) for label, value in zip(shown, values, strict=True)},
            model_id=card.id,
            model_title=card.title,
        )


def as_row(result: ImageResult, labels: Sequence[str]) -> dict[str, Any]:
    """Return a result as the row of the ``predict`` table: the fixed columns, then ``p_<label>`` per label."""
    failed = result.status == "failed"
    row: dict[str, Any] = {
        "file": result.file,
        "label": result.label or "",
        "confidence": "" if failed else round(result.confidence, 6),
        "status": result.status,
        "reason": result.reason,
        "error": f"{result.error} {result.hint}".strip(),
    }
    return row | {f"p_{label}": "" if failed else round(result.probabilities[label], 6) for label in labels}

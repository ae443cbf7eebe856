"""The main use case: one picture in, one cell type out, with what to believe of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.biology.statements import BONE_MARROW_STUDY, RESEARCH_USE
from wbc_core.errors import WbcError
from wbc_core.imaging.quality import QualityWarning, assess_quality
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.judging import judge
from wbc_core.inference.pipeline import prepare
from wbc_core.inference.waiting_line import prediction_turn
from wbc_core.services.access import spend
from wbc_core.services.drawn_samples import require_for_picture
from wbc_core.services.models import classifier_for
from wbc_core.services.prediction_counts import predictions, refused

NOT_CUT_OUT = QualityWarning(
    "no_cell",
    "The picture shows no stained cell cut out on black.",
    "This model has seen such pictures only; choose another model for a cell on a blood film.",
)
"""In place of the doubts about a film, for a model of cells that were cut out."""


@dataclass(frozen=True)
class ImageResult:
    """What was found in one picture.

    Attributes
    ----------
    file : str
        Name of the picture as given.
    label : str or None
        Top label, also where the model abstains; None only of a failed picture.
    confidence : float
        Calibrated probability of the top label.
    status : str
        ``classified``, ``unidentified`` or ``failed``.
    reason : str
        Why unidentified: ``low_confidence``, ``unknown_cell`` or ``not_a_cell``; else empty.
    error, hint : str
        Of a failed picture.
    probabilities : dict of str to float
        Of every label asked for; they sum to 1.
    warnings : tuple of QualityWarning
        What is wrong with the picture itself.
    width, height : int
        Size in pixels, upright.
    format : str
        File format found by content.
    notes : tuple of str
        What decoding had to decide.
    cell_x, cell_y, cell_diameter_px : float or None
        Circle around the stained nucleus (or platelet) in pixels; None where no cell was found.
    whole_cell : bool
        Whether that circle is around the whole cell, because it was cut out on black.
    microns_per_pixel : float or None
        Scale, where the file or the user stated it.
    cell_diameter_um : float or None
        True diameter of that circle, where the scale is known.
    crop : ndarray of uint8, shape (size, size, 3), or None
        What the network saw, in RGB.
    model_id, model_title : str
        Which model answered.
    milliseconds : dict of str to float
        Time of ``decode``, ``locate``, ``predict`` and in ``total``.
    """

    file: str
    label: str | None
    confidence: float
    status: str
    reason: str = ""
    error: str = ""
    hint: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    warnings: tuple[QualityWarning, ...] = ()
    width: int = 0
    height: int = 0
    format: str = ""
    notes: tuple[str, ...] = ()
    cell_x: float | None = None
    cell_y: float | None = None
    cell_diameter_px: float | None = None
    whole_cell: bool = False
    microns_per_pixel: float | None = None
    cell_diameter_um: float | None = None
    crop: NDArray[np.uint8] | None = None
    model_id: str = ""
    model_title: str = ""
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def in_study(self) -> bool:
        """Whether a model of the bone-marrow study answered, which is no test and not for blood films."""
        return in_bone_marrow_study(self.probabilities)

    @property
    def outside_study(self) -> bool:
        """Whether the study was shown a picture of another kind: then not even its closest class means anything."""
        return self.in_study and self.reason == "not_a_cell"

    def as_dict(self) -> dict[str, Any]:
        """Return the result ready for JSON: no pixels, and the research-use statement."""
        return {
            "file": self.file,
            "label": self.label,
            "confidence": self.confidence,
            "status": self.status,
            "reason": self.reason,
            "error": self.error,
            "hint": self.hint,
            "probabilities": self.probabilities,
            "warnings": [
                {"code": warning.code, "message": warning.message, "hint": warning.hint} for warning in self.warnings
            ],
            "picture": {"width": self.width, "height": self.height, "format": self.format, "notes": list(self.notes)},
            "nucleus": {
                "x_px": self.cell_x,
                "y_px": self.cell_y,
                "diameter_px": self.cell_diameter_px,
                "diameter_um": self.cell_diameter_um,
                "whole_cell": self.whole_cell,
                "microns_per_pixel": self.microns_per_pixel,
            },
            "model": {"id": self.model_id, "title": self.model_title},
            "milliseconds": {key: round(value, 2) for key, value in self.milliseconds.items()},
            "statement": f"{RESEARCH_USE} {BONE_MARROW_STUDY}" if self.in_study else RESEARCH_USE,
        }


def classify_image(
    data: bytes,
    name: str,
    *,
    model_id: str | None = None,
    labels: Sequence[str] | None = None,
    microns_per_pixel: float | None = None,
) -> ImageResult:
    """Classify the cell in one picture.

    Parameters
    ----------
    data : bytes
        An encoded picture: JPEG, PNG, BMP, TIFF or WebP.
    name : str
        Its name, used in messages only.
    model_id : str, optional
        Model to ask; the default one if not given.
    labels : sequence of str, optional
        Choose between these labels only.
    microns_per_pixel : float, optional
        True scale, if the user knows it; overrides what the file states.

    Returns
    -------
    ImageResult

    Raises
    ------
    ImageError
        If the bytes are no acceptable picture.
    ModelError
        If the model is missing or altered, or does not know a label.
    AccessError
        If the model is not offered here, or this session has asked for too many pictures.
    BusyError
        If too many pictures wait already.
    """
    return classify_and_keep(data, name, model_id=model_id, labels=labels, microns_per_pixel=microns_per_pixel)[0]


def classify_and_keep(
    data: bytes,
    name: str,
    *,
    model_id: str | None = None,
    labels: Sequence[str] | None = None,
    microns_per_pixel: float | None = None,
) -> tuple[ImageResult, NDArray[np.uint8]]:
    """Classify as :func:`classify_image` does, and return the upright picture too, shape (height, width, 3) in RGB."""
    began = time.perf_counter()
    try:
        require_for_picture(data)
        spend(1)
        classifier = classifier_for(model_id)
        classifier.columns(labels)
        with prediction_turn():
            found = _answer(classifier, data, name, labels, microns_per_pixel)
    except WbcError as error:
        refused(error)
        raise
    seconds = time.perf_counter() - began
    predictions().count(classifier.card.id, found[0], seconds=seconds, chosen=labels is not None)
    return found


def _answer(
    classifier: Classifier, data: bytes, name: str, labels: Sequence[str] | None, microns_per_pixel: float | None
) -> tuple[ImageResult, NDArray[np.uint8]]:
    start = time.perf_counter()
    card = classifier.card
    shown = tuple(labels) if labels is not None else card.labels
    prepared = prepare(data, name, card.preprocessing)
    asked = time.perf_counter()
    logits, unknown = classifier.look(prepared.crop[np.newaxis])
    values = classifier.probabilities(logits, labels)[0]
    answered = time.perf_counter()
    decoded, location = prepared.decoded, prepared.location
    warnings = assess_quality(decoded.pixels, location)
    if card.preprocessing.crop == "foreground" and not location.found:
        warnings = (NOT_CUT_OUT,)
    top = int(values.argmax())
    status, reason = judge(float(values[top]), location.convincing, card.abstention.threshold, unknown=bool(unknown[0]))
    scale = microns_per_pixel if microns_per_pixel is not None else decoded.microns_per_pixel
    found = location.found
    result = ImageResult(
        file=name,
        label=shown[top],
        confidence=float(values[top]),
        status=status,
        reason=reason,
        probabilities={label: float(value) for label, value in zip(shown, values, strict=True)},
        warnings=warnings,
        width=decoded.width,
        height=decoded.height,
        format=decoded.format,
        notes=decoded.notes,
        cell_x=location.x if found else None,
        cell_y=location.y if found else None,
        cell_diameter_px=location.diameter if found else None,
        whole_cell=location.cut_out,
        microns_per_pixel=scale,
        cell_diameter_um=location.diameter * scale if found and scale is not None else None,
        crop=prepared.crop,
        model_id=card.id,
        model_title=card.title,
        milliseconds={
            "decode": prepared.decode_ms,
            "locate": prepared.locate_ms,
            "predict": (answered - asked) * 1e3,
            "total": (time.perf_counter() - start) * 1e3,
        },
    )
    return result, decoded.pixels


def warm_up(model_id: str | None = None) -> None:
    """Load a model and run it once, so that the first visitor does not wait for it."""
    classifier = classifier_for(model_id)
    size = classifier.card.preprocessing.size
    classifier.logits(np.zeros((1, size, size, 3), np.uint8))

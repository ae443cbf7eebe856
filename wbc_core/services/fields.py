"""Whole fields in, cells out: where each lies, its kind, what the model calls it, and how far to trust the scale.

Fields handed in together with one picture size come from one camera: their round red cells make one ruler.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.batches.listing import Listing, list_paths
from wbc_core.errors import ModelError, WbcError
from wbc_core.imaging.decoding import decode_image
from wbc_core.inference.classifier import Classifier
from wbc_core.services.models import classifier_for
from wbc_core.settings import settings
from wbc_core.smear.fields.cells import FieldCell, FieldCells
from wbc_core.smear.fields.finding import find_cells
from wbc_core.smear.fields.naming import Named, cutting, name_cells
from wbc_core.smear.fields.scale import Scale, scale_of

COLUMNS = ("file", "xmin", "ymin", "xmax", "ymax", "kind", "score", "label", "confidence", "status")


@dataclass(frozen=True)
class FoundCell:
    """A cell of a field with what is said of it.

    Attributes
    ----------
    cell : FieldCell
        Box, kind and score.
    label : str
        The model's top label of a leukocyte; ``red_cell``, ``platelet``, ``giant_platelet`` or ``platelet_clump``.
    confidence : float or None
        Calibrated probability of a leukocyte's label.
    status : str
        ``classified`` or ``unidentified`` for a leukocyte, ``found`` for other cells; ``not_counted`` for any that the
        lower or the right edge cuts.
    reason : str
        Why unidentified, or ``on_border``; else empty.
    probabilities : dict of str to float
        Of a leukocyte: of every label.
    """

    cell: FieldCell
    label: str
    confidence: float | None = None
    status: str = "found"
    reason: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)

    def diameter_um(self, scale: Scale | None) -> float | None:
        """Return the diameter in µm; None without a scale, and of a cell that the edge cuts."""
        return None if scale is None or self.cell.cut else self.cell.diameter * scale.um_per_pixel


@dataclass(frozen=True)
class FieldResult:
    """What was found in one field.

    Attributes
    ----------
    file : str
        Its name as given.
    width, height : int
        In pixels; 0 of what could not be read.
    cells : tuple of FoundCell
        Leukocytes, platelets, red cells.
    status : str
        ``counted`` or ``failed``.
    reason, error, hint : str
        Why it failed: a word, a sentence, and what to do.
    scale : Scale or None
        Of this field's camera; None where too few red cells are round.
    red_cell : float or None
        Usual diameter of its red cells in pixels.
    round_red_cells : tuple of float
        Diameters in pixels of those that measure.
    notes : tuple of str
        Sentences about the picture.
    """

    file: str
    width: int = 0
    height: int = 0
    cells: tuple[FoundCell, ...] = ()
    status: str = "counted"
    reason: str = ""
    error: str = ""
    hint: str = ""
    scale: Scale | None = None
    red_cell: float | None = None
    round_red_cells: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def counted(self, kind: str) -> tuple[FoundCell, ...]:
        """Return the cells of a kind that count by the border rule."""
        return tuple(found for found in self.cells if found.cell.kind == kind and found.cell.counted)

    @property
    def clumped(self) -> bool:
        """Whether platelets lie in clumps: no estimate of their number holds then."""
        return any(found.label == "platelet_clump" for found in self.cells)


def find_in_paths(
    paths: Sequence[Path], *, model_id: str | None = None, scale: float | None = None
) -> list[FieldResult]:
    """Find and name the cells of every field under the given paths; a bad file is a failed result and stops nothing.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders and zip archives.
    model_id : str, optional
        Model that names the leukocytes; the default one if not given.
    scale : float, optional
        Micrometres per pixel; taken from the round red cells if not given.

    Returns
    -------
    list of FieldResult
        In their order.

    Raises
    ------
    ModelError
        If the model is missing or altered, or is none for cells on a blood film.
    ImageError
        If the scale is no size of a pixel.
    """
    return with_common_scale(list(find_in_listing(list_paths(paths), model_id=model_id, scale=scale)), scale)


def find_in_listing(
    listing: Listing, *, model_id: str | None = None, scale: float | None = None
) -> Iterator[FieldResult]:
    """Yield one result per picture as it is done, each with the scale of its own red cells alone.

    See :func:`find_in_paths` for what is raised; :func:`with_common_scale` joins the rulers when all are done.
    """
    classifier = classifier_for(model_id)
    if classifier.card.preprocessing.crop == "foreground":
        raise ModelError(
            f"The model {classifier.card.id} knows only cells that were cut out on black.",
            "Choose a model for cells on a blood film.",
        )
    scale_of((), scale)
    cv2.setNumThreads(settings().inference_threads)
    for picture in listing.pictures:
        try:
            pixels = decode_image(picture.read(), picture.name).pixels
        except WbcError as error:
            yield FieldResult(picture.name, status="failed", reason="unreadable", error=error.message, hint=error.hint)
            continue
        yield find_in_field(pixels, picture.name, classifier, scale=scale)


def find_in_field(
    pixels: NDArray[np.uint8], name: str, classifier: Classifier, *, scale: float | None = None
) -> FieldResult:
    """Find and name the cells of one field.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    name : str
        For the result.
    classifier : Classifier
        Names the leukocytes.
    scale : float, optional
        Micrometres per pixel.

    Returns
    -------
    FieldResult
        With the scale of this field alone.
    """
    found = find_cells(pixels, scale)
    if found.reason:
        return FieldResult(
            name,
            found.width,
            found.height,
            status="failed",
            reason=found.reason,
            error=f"{name}: {found.message}",
            hint=found.hint,
        )
    leukocytes = found.of_kind("wbc")
    named = name_cells(pixels, leukocytes, classifier, batch_size=settings().batch_size)
    answers = iter(named)
    cells = tuple(
        _as_named(cell, next(answers), classifier) if cell.kind == "wbc" else _as_found(cell) for cell in found.cells
    )
    return FieldResult(
        name,
        found.width,
        found.height,
        cells,
        scale=scale_of(found.round_red_cells, scale),
        red_cell=found.red_cell,
        round_red_cells=found.round_red_cells,
        notes=found.notes + _notes(found),
    )


def cut_out(pixels: NDArray[np.uint8], found: FoundCell) -> NDArray[np.uint8]:
    """Return the square picture of one cell as the model saw it, before resizing: uint8, (side, side, 3), RGB."""
    return cutting(pixels, found.cell)[0]


def with_common_scale(results: Sequence[FieldResult], given: float | None = None) -> list[FieldResult]:
    """Give all fields of one picture size the scale of all their round red cells."""
    rulers: dict[tuple[int, int], list[float]] = defaultdict(list)
    for result in results:
        rulers[(result.width, result.height)].extend(result.round_red_cells)
    scales = {size: scale_of(ruler, given) for size, ruler in rulers.items()}
    return [
        replace(result, scale=scales[(result.width, result.height)]) if result.status == "counted" else result
        for result in results
    ]


def as_rows(result: FieldResult) -> list[dict[str, Any]]:
    """Return a field as rows of the ``detect`` table, one per cell; of a failed one a single row that says so."""
    if result.status == "failed":
        return [dict.fromkeys(COLUMNS, "") | {"file": result.file, "status": "failed"}]
    return [
        {
            "file": result.file,
            "xmin": round(found.cell.xmin),
            "ymin": round(found.cell.ymin),
            "xmax": round(found.cell.xmax),
            "ymax": round(found.cell.ymax),
            "kind": found.cell.kind,
            "score": found.cell.score,
            "label": found.label,
            "confidence": "" if found.confidence is None else round(found.confidence, 6),
            "status": found.status,
        }
        for found in result.cells
    ]


def as_summary(result: FieldResult) -> dict[str, Any]:
    """Return what one field comes to: cells that count, scale with its error, and what is to be said about it."""
    scale = result.scale
    return {
        "file": result.file,
        "status": result.status,
        "reason": result.reason,
        "error": result.error,
        "hint": result.hint,
        "width": result.width,
        "height": result.height,
        "leukocytes": len(result.counted("wbc")),
        "platelets": len(result.counted("platelet")),
        "platelet_clumps": result.clumped,
        "red_cells": len(result.counted("rbc")),
        "um_per_pixel": None if scale is None else round(scale.um_per_pixel, 6),
        "um_per_pixel_error": None if scale is None else round(scale.error, 6),
        "scale_from": "" if scale is None else "given" if scale.given else f"{scale.round_red_cells} round red cells",
        "notes": list(result.notes),
    }


def _notes(found: FieldCells) -> tuple[str, ...]:
    return () if found.of_kind("wbc") else ("No leukocyte was found in this field.",)


def _as_named(cell: FieldCell, named: Named, classifier: Classifier) -> FoundCell:
    probabilities = dict(zip(classifier.card.labels, named.probabilities, strict=True))
    status, reason = (named.status, named.reason) if cell.counted else ("not_counted", "on_border")
    return FoundCell(cell, named.label, named.confidence, status, reason, probabilities)


def _as_found(cell: FieldCell) -> FoundCell:
    status, reason = ("found", "") if cell.counted else ("not_counted", "on_border")
    return FoundCell(cell, cell.label, None, status, reason)

"""Whole fields in, cells out: where each lies, its kind, what the model calls it, and how far to trust the scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.batches.listing import Listing, list_paths
from wbc_core.errors import ModelError, WbcError
from wbc_core.imaging.decoding import decode_image
from wbc_core.inference.classifier import Classifier
from wbc_core.services.field_joining import joined
from wbc_core.services.field_results import ON_BORDER, FieldResult, FoundCell
from wbc_core.services.models import classifier_for
from wbc_core.services.prediction_counts import predictions
from wbc_core.settings import settings
from wbc_core.smear.fields.cells import FieldCell, FieldCells
from wbc_core.smear.fields.finding import find_cells
from wbc_core.smear.fields.naming import Named, cutting, name_cells
from wbc_core.smear.fields.overlaps import overview_of
from wbc_core.smear.fields.scale import can_be_a_microscopes, scale_of


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
    return joined(list(find_in_listing(list_paths(paths), model_id=model_id, scale=scale)), scale)


def find_in_listing(
    listing: Listing, *, model_id: str | None = None, scale: float | None = None
) -> Iterator[FieldResult]:
    """Yield one result per picture as it is done, each as if it were alone.

    See :func:`find_in_paths` for what is raised; ``field_joining.joined`` joins them when all are done.
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
            decoded = decode_image(picture.read(), picture.name)
        except WbcError as error:
            yield FieldResult(picture.name, status="failed", reason="unreadable", error=error.message, hint=error.hint)
            continue
        stated = decoded.stated_microns_per_pixel
        yield find_in_field(decoded.pixels, picture.name, classifier, scale=scale, stated_scale=stated)


def find_in_field(
    pixels: NDArray[np.uint8],
    name: str,
    classifier: Classifier,
    *,
    scale: float | None = None,
    stated_scale: float | None = None,
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
    stated_scale : float, optional
        The same as the file states it; the search goes by it where no red cells show the magnification.

    Returns
    -------
    FieldResult
        As if this field were alone.
    """
    found = find_cells(pixels, scale)
    if found.reason == "no_red_cells" and can_be_a_microscopes(stated_scale):
        found = find_cells(pixels, stated_scale)
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
    for answer in named:
        predictions().count(classifier.card.id, answer)
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
        notes=found.notes + _notes(found),
        stated_scale=stated_scale,
        overview=overview_of(pixels),
    )


def cut_out(pixels: NDArray[np.uint8], found: FoundCell) -> NDArray[np.uint8]:
    """Return the square picture of one cell as the model saw it, before resizing: uint8, (side, side, 3), RGB."""
    return cutting(pixels, found.cell)[0]


def _notes(found: FieldCells) -> tuple[str, ...]:
    return () if found.of_kind("wbc") else ("No leukocyte was found in this field.",)


def _as_named(cell: FieldCell, named: Named, classifier: Classifier) -> FoundCell:
    probabilities = dict(zip(classifier.card.labels, named.probabilities, strict=True))
    status, reason = (named.status, named.reason) if cell.counted else ("not_counted", ON_BORDER)
    return FoundCell(cell, named.label, named.confidence, status, reason, probabilities)


def _as_found(cell: FieldCell) -> FoundCell:
    status, reason = ("found", "") if cell.counted else ("not_counted", ON_BORDER)
    return FoundCell(cell, cell.label, None, status, reason)

"""Name the leukocytes of a field by a model: each is cut out as single cells are handed in, and judged as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.localisation import CellLocation
from wbc_core.imaging.preprocessing import Preprocessing, slide_colour
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.judging import judge
from wbc_core.smear.fields.cells import FieldCell

FRAME: Final = 2.0
"""Side of a cutting in sides of the cell's box: the framing of the sets that models are trained on."""


@dataclass(frozen=True)
class Named:
    """What a model says of a leukocyte.

    Attributes
    ----------
    label : str
        Its top label.
    confidence : float
        Calibrated probability of it.
    status, reason : str
        As :func:`wbc_core.inference.judging.judge` gives them.
    probabilities : tuple of float
        In the order of the labels asked for.
    """

    label: str
    confidence: float
    status: str
    reason: str
    probabilities: tuple[float, ...]


def cutting(pixels: NDArray[np.uint8], cell: FieldCell) -> tuple[NDArray[np.uint8], CellLocation | None]:
    """Cut a cell out of its field.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The field in RGB.
    cell : FieldCell
        A cell of it.

    Returns
    -------
    picture : ndarray of uint8, shape (side, side, 3)
        The cell in the middle of a square; beyond the field's edge it has the colour of the slide.
    nucleus : CellLocation or None
        Where the nucleus lies in the picture; None of a cell without one.
    """
    height, width = pixels.shape[:2]
    side = max(32, round(FRAME * max(cell.xmax - cell.xmin, cell.ymax - cell.ymin)))
    left = round((cell.xmin + cell.xmax) / 2 - side / 2)
    top = round((cell.ymin + cell.ymax) / 2 - side / 2)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if (x1 - x0, y1 - y0) == (side, side):
        picture = pixels[y0:y1, x0:x1]
    else:
        picture = np.empty((side, side, 3), np.uint8)
        picture[:] = slide_colour(pixels)
        picture[y0 - top : y1 - top, x0 - left : x1 - left] = pixels[y0:y1, x0:x1]
    nucleus = cell.nucleus
    moved = None if nucleus is None else replace(nucleus, x=nucleus.x - left, y=nucleus.y - top)
    return np.ascontiguousarray(picture), moved


def name_cells(
    pixels: NDArray[np.uint8],
    cells: Sequence[FieldCell],
    classifier: Classifier,
    *,
    batch_size: int,
    labels: Sequence[str] | None = None,
) -> list[Named]:
    """Name leukocytes of one field.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The field in RGB.
    cells : sequence of FieldCell
        Leukocytes of it.
    classifier : Classifier
        The model.
    batch_size : int
        Cells per call of the network.
    labels : sequence of str, optional
        Choose between these labels only.

    Returns
    -------
    list of Named
        In the order of the cells.

    Raises
    ------
    ModelError
        If the model does not know one of the labels.
    """
    card = classifier.card
    shown = tuple(labels) if labels is not None else card.labels
    named = []
    for start in range(0, len(cells), batch_size):
        crops = np.stack([_crop(pixels, cell, card.preprocessing) for cell in cells[start : start + batch_size]])
        logits, unknown = classifier.look(crops)
        for values, strange in zip(classifier.probabilities(logits, labels), unknown, strict=True):
            top = int(values.argmax())
            confidence = float(values[top])
            # That a stained cell stands out here is what the search has found.
            status, reason = judge(confidence, True, card.abstention.threshold, unknown=bool(strange))
            named.append(Named(shown[top], confidence, status, reason, tuple(float(value) for value in values)))
    return named


def _crop(pixels: NDArray[np.uint8], cell: FieldCell, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    picture, nucleus = cutting(pixels, cell)
    return preprocessing.apply(picture, nucleus)

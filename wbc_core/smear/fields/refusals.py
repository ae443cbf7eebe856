"""Pictures that are no field of a stained film, or are at the wrong magnification: each by its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.foreground import locate_foreground
from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.ruler import UsualSize
from wbc_core.smear.fields.slide import StainMaps

FOREIGN: Final = 0.12
"""How much more red or blue than green light a pixel takes out before no Romanowsky stain explains it."""

MOST_FOREIGN: Final = 0.06
"""Largest share of such pixels in a field."""

LEAST_COLOUR: Final = 0.02
"""Least usual difference of what a stained pixel takes out of red, green and blue light; BCCD has 0.058 and more."""

LEAST_SLIDE: Final = 90
"""Least level of the slide's brightest channel; below, too little light is left to tell colours."""

SMALLEST_RED_CELL: Final = 10.0
"""Least diameter of a red cell in pixels: below, a platelet is less than four pixels wide."""

LARGEST_RED_CELL: Final = 0.42
"""Largest diameter of a red cell as a share of the picture's shorter side: above, the picture shows a single cell."""

SMALLEST_FIELD: Final = 16.0
"""Least area of a field in squares of the red cell's diameter; BCCD's fields have 22 to 64."""

LARGEST_CUTTING: Final = 36.0
"""Area, in the same squares, below which a square picture with a leukocyte in its middle is a cutting. Cameras take
oblong pictures, or square ones of far more cells; sets of single cells are square."""

SQUARE: Final = 0.05
"""Most by which the sides of a square picture differ."""

MIDDLE: Final = 0.15
"""Most by which a leukocyte in the middle lies off it, in sides of the picture."""

MOST_NUCLEATED: Final = 0.5
"""Share of a picture that leukocytes may cover where no red cell was found: above, nothing tells the magnification."""


@dataclass(frozen=True)
class Refusal:
    """Why a picture is not counted: a reason in one word, a sentence, and what to do."""

    reason: str
    message: str
    hint: str


_TO_PREDICT: Final = "Whole fields are counted here; single cells go to the page Batch, or to `wbc batch`."
NO_CELLS: Final = Refusal(
    "no_cells", "No cell was found in the picture.", "Hand in a whole field of the monolayer, in focus."
)
SINGLE_CELL: Final = Refusal("single_cell", "The picture is a cutting around a single cell, no field.", _TO_PREDICT)
CUT_OUT: Final = Refusal("single_cell", "The picture shows a single cell, cut out on black.", _TO_PREDICT)
CROWDED: Final = Refusal(
    "crowded",
    "Nucleated cells fill the picture, and no red cell tells the magnification.",
    "Fields of blood are counted here, none of marrow; else give the scale in µm per pixel.",
)


def refusal_of_colours(maps: StainMaps, slide: NDArray[np.float32]) -> Refusal | None:
    """Return why a picture's colours are none of a stained film; None where they may be."""
    if float(slide.max()) < LEAST_SLIDE or maps.lit.mean() < 0.1:
        return Refusal("too_dark", "The picture is too dark to find cells in.", "Use more light and take it again.")
    lit = maps.lit
    foreign = (np.maximum(maps.red, maps.blue) > np.maximum(maps.density, 0) + FOREIGN)[lit]
    if float(foreign.mean()) > MOST_FOREIGN:
        return Refusal(
            "not_a_field",
            "The picture has colours that no blood film stained after Romanowsky has.",
            "Hand in pictures of a stained blood film, taken through the microscope.",
        )
    stained = (maps.density > 0.05) & lit
    channels = np.stack([maps.red[stained], maps.density[stained], maps.blue[stained]])
    if channels.size and float(np.ptp(channels, axis=0).mean()) < LEAST_COLOUR:
        return Refusal(
            "no_colours",
            "The picture is grey: without a stain's colours no cell type can be told.",
            "Hand in colour pictures of a film stained after Romanowsky.",
        )
    return None


def refusal_of_size(usual: UsualSize | None, shape: tuple[int, int]) -> Refusal | None:
    """Return why a picture shows no red cells to go by, or too small or too large ones."""
    if usual is None:
        return Refusal(
            "no_red_cells",
            "No red cells were found to tell the magnification by.",
            "Hand in a whole field of the monolayer, or give the scale in µm per pixel.",
        )
    if usual.diameter < SMALLEST_RED_CELL:
        return Refusal(
            "magnification_too_low",
            f"Red cells are only {usual.diameter:.0f} pixels wide.",
            "Use a stronger objective, or the picture at its full size.",
        )
    wide = shape[0] * shape[1] / usual.diameter**2
    if usual.diameter > LARGEST_RED_CELL * min(shape) or (wide < SMALLEST_FIELD and not _is_square(shape)):
        return Refusal("magnification_too_high", "The picture shows hardly more than a single cell.", _TO_PREDICT)
    return None


def refusal_of_cells(
    cells: Sequence[FieldCell], red_cell: float, shape: tuple[int, int], *, scale_given: bool
) -> Refusal | None:
    """Return why a picture whose cells were found is still no field: there are none, it shows one, it is full of them.

    Parameters
    ----------
    cells : sequence of FieldCell
        What was found.
    red_cell : float
        Width of a red cell in pixels.
    shape : (int, int)
        Height and width of the picture.
    scale_given : bool
        Whether the user gave the scale, so that no red cell is needed for it.
    """
    if not cells:
        return NO_CELLS
    height, width = shape
    leukocytes = [cell for cell in cells if cell.kind == "wbc"]
    central = any(
        abs((cell.xmin + cell.xmax) / 2 / width - 0.5) < MIDDLE
        and abs((cell.ymin + cell.ymax) / 2 / height - 0.5) < MIDDLE
        for cell in cells
        if cell.kind != "rbc"
    )
    if _is_square(shape) and height * width < (LARGEST_CUTTING if central else SMALLEST_FIELD) * red_cell**2:
        return SINGLE_CELL
    covered = sum(np.pi * (cell.diameter / 2) ** 2 for cell in leukocytes)
    if not scale_given and covered > MOST_NUCLEATED * height * width and not any(cell.kind == "rbc" for cell in cells):
        return CROWDED
    return None


def told_apart(refusal: Refusal, pixels: NDArray[np.uint8]) -> Refusal:
    """Return a refusal, or instead of it that the picture shows a cell cut out on black, where it does."""
    return CUT_OUT if locate_foreground(pixels).found else refusal


def _is_square(shape: tuple[int, int]) -> bool:
    return max(shape) <= (1 + SQUARE) * min(shape)


def eyepiece_note(lit: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a sentence about dark surroundings, such as a phone's picture through the eyepiece has."""
    share = 1 - float(lit.mean())
    if share < 0.03:
        return ()
    return (f"Dark surroundings, {share:.0%} of the picture, were left out; cells at their edge count as cut.",)


def scale_note(red_cell_um: float) -> tuple[str, ...]:
    """Return a sentence where red cells would be of an impossible size at the scale that the user gave."""
    if 5 <= red_cell_um <= 11:
        return ()
    return (f"At the given scale the red cells would be {red_cell_um:.1f} µm wide; 7 to 8 µm is usual.",)

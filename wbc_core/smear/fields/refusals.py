"""Pictures that are no field of a stained film, or are at the wrong magnification: each by its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.ruler import UsualSize
from wbc_core.smear.fields.slide import StainMaps

FOREIGN: Final = 0.12
"""How much more red or blue than green light a pixel takes out before no Romanowsky stain explains it."""

MOST_FOREIGN: Final = 0.06
"""Largest share of such pixels in a field."""

LEAST_SLIDE: Final = 90
"""Least level of the slide's brightest channel; below, too little light is left to tell colours."""

SMALLEST_RED_CELL: Final = 10.0
"""Least diameter of a red cell in pixels: below, a platelet is less than four pixels wide."""

LARGEST_RED_CELL: Final = 0.42
"""Largest diameter of a red cell as a share of the picture's shorter side: above, the picture shows a single cell."""


@dataclass(frozen=True)
class Refusal:
    """Why a picture is not counted: a reason in one word, a sentence, and what to do."""

    reason: str
    message: str
    hint: str


NO_CELLS: Final = Refusal(
    "no_cells", "No cell was found in the picture.", "Hand in a whole field of the monolayer, in focus."
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
    if usual.diameter > LARGEST_RED_CELL * min(shape):
        return Refusal(
            "magnification_too_high",
            "The picture shows hardly more than a single cell.",
            "Hand in whole fields here; single cells go to `wbc predict`.",
        )
    return None


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

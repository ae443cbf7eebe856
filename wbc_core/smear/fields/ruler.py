"""How large the red cells of a field are in its pixels: the ruler by which everything else is found and measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.discs import Discs, find_discs
from wbc_core.smear.fields.slide import lit_part, slide_colour_of, stain_maps

SIDES: Final = (384, 1280)
"""Longest sides, in pixels, at which red cells are looked for: the second where they are tiny in the first."""

RADII: Final = np.asarray(4.5 * 1.12 ** np.arange(24), np.float64)
"""Radii looked for at each of them: 4.5 to 61 pixels."""

LEAST_ROUNDNESS: Final = 0.4
"""Least roundness of a disc that tells the usual size."""

LEAST_DISCS: Final = 4
"""Fewest discs of about one size that tell the usual size."""


@dataclass(frozen=True)
class UsualSize:
    """The size that most round bodies of a field have.

    Attributes
    ----------
    diameter : float
        In pixels of the picture.
    agreeing : int
        Bodies within a quarter of it.
    """

    diameter: float
    agreeing: int


def usual_size(pixels: NDArray[np.uint8]) -> UsualSize | None:
    """Return the usual size of the red cells of a field; None where no size is usual.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    UsualSize or None
        To within about a tenth; the ruler of :mod:`wbc_core.smear.fields.scale` is finer.
    """
    longest = max(pixels.shape[:2])
    best: UsualSize | None = None
    for side in SIDES:
        scale = min(1.0, side / longest)
        small = shrink(pixels, scale)
        lit = lit_part(small)
        maps = stain_maps(small, slide_colour_of(small, lit), lit)
        discs = find_discs(maps.density, RADII, least_roundness=LEAST_ROUNDNESS)
        found = _usual(discs)
        if found is not None:
            found = UsualSize(found.diameter / scale, found.agreeing)
            # What is sharp at the finer side may be noise: it has to explain more of the field.
            if best is None or found.agreeing * found.diameter**2 > 1.5 * best.agreeing * best.diameter**2:
                best = found
        if scale == 1.0 or (best is not None and best.diameter * scale > 4 * RADII[0]):
            break
    return best


def _usual(discs: Discs) -> UsualSize | None:
    """Return the size that explains most of the area of all discs."""
    if len(discs.radius) < LEAST_DISCS:
        return None
    weight = discs.radius**2 * np.minimum(discs.roundness, 1)
    # A leukocyte weighs as much as four red cells: the densest size counts, not the middle of all.
    near = np.abs(np.log(discs.radius[:, None] / discs.radius[None, :])) < 0.18
    centre = int(np.argmax(near.astype(float) @ weight))
    members = near[centre]
    if members.sum() < LEAST_DISCS:
        return None
    return UsualSize(2 * float(np.average(discs.radius[members], weights=weight[members])), int(members.sum()))


def shrink(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a picture at another scale: averaged where it becomes smaller, interpolated where larger."""
    if scale == 1.0:
        return pixels
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)

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

LEAST_ROUNDNESS: Final = (0.4, 0.3)
"""Least roundness of a disc that tells the usual size; the second where the first finds no size: cells in heaps."""

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
    for least_roundness in LEAST_ROUNDNESS:
        best: UsualSize | None = None
        for side in SIDES:
            scale = min(1.0, side / longest)
            small = shrink(pixels, scale)
            lit = lit_part(small)
            maps = stain_maps(small, slide_colour_of(small, lit), lit)
            found = _usual(find_discs(maps.density, RADII, least_roundness=least_roundness), lit.size)
            if found is not None:
                best = UsualSize(found.diameter / scale, found.agreeing)
            # Near the smallest radius the finer side knows better; above, it is spared.
            if scale == 1.0 or (best is not None and best.diameter * scale > 4 * RADII[0]):
                break
        if best is not None:
            return best
    return None


def _usual(discs: Discs, area: int) -> UsualSize | None:
    """Return the size that explains most of the area of all discs."""
    if len(discs.radius) < LEAST_DISCS:
        return None
    weight = discs.radius**2 * np.minimum(discs.roundness, 1)
    # A leukocyte weighs as much as four red cells: the densest size counts, not the middle of all.
    near = np.abs(np.log(discs.radius[:, None] / discs.radius[None, :])) < 0.18
    centre = int(np.argmax(near.astype(float) @ weight))
    members = near[centre]
    if members.sum() < LEAST_DISCS or np.pi * float((discs.radius[members] ** 2).sum()) > area:
        return None  # cells cannot cover more than all: these are shades of a field whose cells are too small to see
    return UsualSize(2 * float(np.average(discs.radius[members], weights=weight[members])), int(members.sum()))


def shrink(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return a picture at another scale: averaged where it becomes smaller, interpolated where larger."""
    if scale == 1.0:
        return pixels
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)

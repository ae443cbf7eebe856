"""Cells that somebody cut out on black: where the cell lies, whatever the width of the black frame.

Such sets (C-NMC 2019, Gupta and Gehlot, doi:10.7937/tcia.2019.dc64i46r) hold one cell in the middle of a black
square. The search for a nucleus on a slide does not apply to them: there is no slide, and the cell is all but nucleus.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.localisation import CellLocation

BLACK: Final = 16
"""A pixel is black where all channels are below this; lossy coding lifts true black by a few levels."""

LEAST_BLACK_BORDER: Final = 0.5
"""Least share of the picture's outermost pixels that must be black."""

LEAST_SHARE: Final = 0.002
"""Least area of a cell as a share of the picture's."""

LEAST_PURPLE: Final = 25.0
"""Least median of ``(R + B) / 2 - G`` of a stained cell, in grey levels."""


def lit_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which pixels are not black: bool, (height, width)."""
    lit: NDArray[np.bool_] = pixels.max(axis=2) >= BLACK
    return lit


def locate_foreground(pixels: NDArray[np.uint8]) -> CellLocation:
    """Locate the cell in a picture in which it was cut out on black.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    CellLocation
        Centre and longer side of the smallest upright rectangle around the largest lit region; ``strength`` is the
        region's median of ``(R + B) / 2 - G``. Not found, and the centre of the picture, where the picture has no black
        border or nothing stained in it.
    """
    height, width = pixels.shape[:2]
    nothing = CellLocation(False, width / 2, height / 2, float(min(height, width)) / 2)
    lit = lit_pixels(pixels)
    border = np.concatenate([lit[0], lit[-1], lit[1:-1, 0], lit[1:-1, -1]])
    if 1 - border.mean() < LEAST_BLACK_BORDER:
        return nothing
    count, regions, facts, _ = cv2.connectedComponentsWithStats(lit.astype(np.uint8), connectivity=4)
    if count < 2:
        return nothing
    largest = 1 + int(facts[1:, cv2.CC_STAT_AREA].argmax())
    left, top, wide, high, area = (int(value) for value in facts[largest])
    if area < LEAST_SHARE * height * width:
        return nothing
    red, green, blue = pixels[regions == largest].astype(np.float32).T
    purple = float(np.median((red + blue) / 2 - green))
    if purple < LEAST_PURPLE:
        return nothing
    return CellLocation(True, left + wide / 2, top + high / 2, float(max(wide, high)), strength=purple, cut_out=True)

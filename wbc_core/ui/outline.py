"""The picture with the located cell outlined."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.services.single_image import ImageResult

LARGEST_SIDE = 640  # px; enough for a sharp display, small enough to send
RING = 1.45  # the located extent is that of the nucleus; the ring stands clear of the whole cell
RING_OF_CELL = 1.1  # where the extent is that of the whole cell


def outlined(pixels: NDArray[np.uint8], result: ImageResult) -> NDArray[np.uint8]:
    """Return the picture, reduced for display, with a ring around the located cell.

    Parameters
    ----------
    pixels : numpy.ndarray
        (height, width, 3) uint8 RGB.
    result : ImageResult
        Its `cell_x`, `cell_y` and `cell_diameter_px` refer to `pixels`.

    Returns
    -------
    numpy.ndarray
        (height, width, 3) uint8 RGB, neither side above 640 px; small pictures are enlarged up to 320 px.
    """
    longest = max(pixels.shape[:2])
    scale = LARGEST_SIDE / longest if longest > LARGEST_SIDE else max(1.0, 320 / longest)
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    picture = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    if result.cell_x is None or result.cell_y is None or result.cell_diameter_px is None:
        return np.asarray(picture, np.uint8)
    bits = 4
    centre = (round(result.cell_x * scale * (1 << bits)), round(result.cell_y * scale * (1 << bits)))
    ring = RING_OF_CELL if result.whole_cell else RING
    radius = round(ring * result.cell_diameter_px / 2 * scale * (1 << bits))
    line = max(1, round(max(size) / 220))
    cv2.circle(picture, centre, radius, (255, 255, 255), 3 * line, cv2.LINE_AA, bits)
    cv2.circle(picture, centre, radius, (107, 63, 160), line + 1, cv2.LINE_AA, bits)
    return np.asarray(picture, np.uint8)

"""Colours that no Romanowsky stain gives: by them a photograph is told from a picture through the microscope.

Nuclei take out red and green light, red cells green and blue: whatever is stained takes out green light most. Measured
as optical density against the picture's own brightest part, so that lamp and white balance cancel out.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

FOREIGN: Final = 0.12
"""How much more red or blue than green light a pixel takes out before no Romanowsky stain explains it."""

MOST_FOREIGN: Final = 0.06
"""Largest share of such pixels in a picture of stained cells."""

_SIDE: Final = 96
_DARK: Final = 40


def foreign_share(pixels: NDArray[np.uint8]) -> float:
    """Return the share of pixels whose colour no Romanowsky stain gives, dark ones left out.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    float
        0 to 1; 0 of a picture that is all dark.
    """
    scale = min(1.0, _SIDE / max(pixels.shape[:2]))
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    levels = small.reshape(-1, 3)
    levels = levels[levels.max(axis=1) >= _DARK].astype(np.float32)
    if not len(levels):
        return 0.0
    bright = levels[levels[:, 1] >= np.percentile(levels[:, 1], 80)]
    density = -np.log10((levels + 1) / (np.median(bright, axis=0) + 1))
    most = np.maximum(density[:, 0], density[:, 2])
    return float((most > np.maximum(density[:, 1], 0) + FOREIGN).mean())

"""Bring the colours of a cell's picture to fixed ones, so that stain, lamp and camera matter less.

Mean and standard deviation of each channel of CIE L*a*b* are moved to fixed targets (Reinhard et al. 2001, Color
transfer between images, IEEE Computer Graphics and Applications 21(5):34-41, doi:10.1109/38.946629; there in lαβ). The
gains are bounded, so that a picture without contrast is not blown up into noise. Black pixels, which are no slide but
corners of rotated pictures or the surroundings of a cell that was cut out, neither count nor change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.foreground import lit_pixels


@dataclass(frozen=True)
class ColourTarget:
    """Mean and standard deviation of L* (0 to 100), a* and b*."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


ON_SLIDE: Final = ColourTarget((76.8, 12.2, 4.9), (18.6, 10.4, 17.4))
"""Of a cell with the slide around it, cropped to 2.3 diameters of the nucleus.

Medians over 800 training pictures of pbc, 100 of each class (``benchmarks/colour_target.py``)."""

CUT_OUT: Final = ColourTarget((18.9, 27.9, -22.5), (3.9, 3.5, 3.4))
"""Of a cell cut out on black: medians over 140 training pictures of C-NMC, up to 20 of each subject (same script).

Not those of nuclei in pbc: they have two to three times the contrast, which every gain would have to be cut off at."""

LEAST_GAIN: Final = 0.5
MOST_GAIN: Final = 2.0
"""Bounds of the factor by which a channel's deviations from its mean are multiplied."""

_LEAST_PIXELS: Final = 16


def normalise_colour(
    pixels: NDArray[np.uint8], *, cut_out: bool = False, measured: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Move a picture's colours to the target.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    cut_out : bool
        Whether the cell was cut out on black.
    measured : ndarray of uint8, shape (any, any, 3), optional
        Part of the picture whose colours are measured; all of it if not given.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        The picture in the target's colours; unchanged where it is all but black.
    """
    sample = pixels if measured is None else measured
    counted = lit_pixels(sample)
    if counted.sum() < _LEAST_PIXELS:
        return pixels
    target = CUT_OUT if cut_out else ON_SLIDE
    mean, deviation = lab_statistics(sample, counted)
    gain = np.clip(np.array(target.deviation) / np.maximum(deviation, 1e-6), LEAST_GAIN, MOST_GAIN)
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    moved = ((lab - mean) * gain + np.array(target.mean)).astype(np.float32)
    moved[..., 0] = np.clip(moved[..., 0], 0, 100)
    colours = np.clip(np.rint(cv2.cvtColor(moved, cv2.COLOR_LAB2RGB) * 255), 0, 255).astype(np.uint8)
    result: NDArray[np.uint8] = np.where(lit_pixels(pixels)[..., None], colours, pixels)
    return result


def lab_statistics(pixels: NDArray[np.uint8], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return mean and standard deviation of L*, a* and b* over some pixels.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    counted : ndarray of bool, shape (height, width)
        Pixels to count; at least one.

    Returns
    -------
    ndarray of float64, shape (2, 3)
        Means, then standard deviations.
    """
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[counted].astype(np.float64)
    return np.stack([lab.mean(axis=0), lab.std(axis=0)])

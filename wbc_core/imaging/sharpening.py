"""Sharpen a picture as far as it lacks sharpness, and not at all where it does not.

An unsharp mask on the lightness whose amount follows the picture: the less of its contrast lies in fine detail, the
more. Fine detail is measured by the Laplacian, whose variance falls with every loss of focus (Pech-Pacheco et al. 2000,
doi:10.1109/ICPR.2000.903548). That amplification must follow the local content, so that noise is spared, is after
Polesel, Ramponi and Mathews 2000, Image enhancement via adaptive unsharp masking, doi:10.1109/83.826787; here detail
weaker than the noise of a camera is left as it is.

Sharpness is judged at one scale, whatever the picture's size, and the contrast of the
lightness cancels. Noise counts as detail:
a noisy picture is sharpened less, never more.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.foreground import lit_pixels

WORKING_SIDE: Final = 96
"""Side in pixels at which sharpness is measured; larger pictures are reduced to it."""

SHARP: Final = 0.53
"""Sharpness from which on a picture is left as it is: that of the sharpest twentieth of pbc's training crops.

Medians of 200 training crops each: pbc 0.41, raabin 0.26, kaggle 0.32, cnmc 0.49; blurred by 2 px at 128 px: 0.10 to
0.13 on the slide."""

MOST_AMOUNT: Final = 1.5
"""Largest multiple of the fine detail that is added, for a picture without any sharpness."""

NOISE: Final = 2.0
"""Detail up to this many grey levels is taken for noise of the camera or of lossy coding, and not amplified."""

REACH: Final = 1 / 64
"""Width of the unsharp mask's Gaussian as a share of the picture's side."""


def sharpen(pixels: NDArray[np.uint8], *, measured: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Sharpen a picture by what it lacks.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    measured : ndarray of uint8, shape (any, any, 3), optional
        Part of the picture that is judged and gives the scale; all of it if not given.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Sharpened; the same pixels where the picture is sharp already.
    """
    sample = pixels if measured is None else measured
    amount = MOST_AMOUNT * max(0.0, 1 - sharpness(sample) / SHARP)
    if amount == 0:
        return pixels
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    lightness = colours[..., 0].astype(np.float32)
    lit = lit_pixels(pixels)
    detail = lightness - _blurred(lightness, lit, max(0.6, REACH * min(sample.shape[:2])))
    detail = np.sign(detail) * np.maximum(np.abs(detail) - NOISE, 0)
    raised = np.clip(np.rint(lightness + amount * detail), 0, 255)
    colours[..., 0] = np.where(lit, raised, lightness).astype(np.uint8)
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return how much of a picture's contrast in lightness is fine detail.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    float
        Standard deviation of the Laplacian over that of the lightness, black pixels and their neighbours left out.
        Infinite, nothing to sharpen, for a picture of one colour.
    """
    longest = max(pixels.shape[:2])
    if longest > WORKING_SIDE:
        scale = WORKING_SIDE / longest
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    lightness = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # The edge of a cell that was cut out is as sharp as the scissors, not as the microscope.
    inside = cv2.erode(lit_pixels(pixels).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if not inside.any():
        return float("inf")
    contrast = float(lightness[inside].std())
    detail = float(cv2.Laplacian(lightness, cv2.CV_32F)[inside].std())
    return detail / contrast if contrast >= 1 else float("inf")


def _blurred(lightness: NDArray[np.float32], lit: NDArray[np.bool_], width: float) -> NDArray[np.float32]:
    """Blur lit pixels among themselves: black surroundings would pull the edge of a cut-out cell down."""
    weight = lit.astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), width)
    blurred = cv2.GaussianBlur(lightness * weight, (0, 0), width)
    return np.asarray(blurred / np.maximum(total, 1e-3), dtype=np.float32)

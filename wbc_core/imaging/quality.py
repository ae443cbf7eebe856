"""Whether a picture is good enough to judge the cell in it, and what to change if it is not.

All measures are taken at the cell, in units of the nucleus that :mod:`wbc_core.imaging.localisation` found, so that a
120 px crop and a 575 px crop of the same cell are judged alike.

Focus
    Across an edge blurred by a Gaussian of width s the grey level rises by at most ``C / (s sqrt(2 pi))`` per pixel,
    where C is the contrast of the edge. The steepest slopes around the nucleus therefore give s, with the contrast of
    nucleus and slide for C (a fifth too much where cytoplasm lies between them); divided by the diameter of the nucleus
    it no longer depends on the picture's size or on the strength of the stain.
Exposure
    Of the nucleus's circle, the share of pixels whose colour is lost because two channels or all three are at their
    upper end (an empty slide may be pure white, a cell may not); of the picture, the brightness of the empty slide.
    Black corners of rotated pictures are left out of both.

Thresholds were chosen on train and validation pictures of three laboratories. Measured there with
``python -m benchmarks.quality_thresholds --images 700`` (700 of pbc, 605 of raabin, 700 of kaggle), in % of pictures:

=============================================  ====  ======  ======
warning                                         pbc  raabin  kaggle
=============================================  ====  ======  ======
any, pictures as they are                       2.7     0.7     2.1
out of focus, as they are                       0.0     0.0     1.1
several cells, as they are                      2.7     0.5     0.7
no cell, as they are                            0.0     0.2     0.3
out of focus, blurred by 0.05 diameters        20.4    38.3    49.7
out of focus, blurred by 0.07 diameters        91.3    96.9    97.3
out of focus, blurred by 0.10 diameters        99.9    98.7    99.0
out of focus, half the size                     1.9     0.0     8.7
underexposed, light x 0.6                       0.0     1.5     0.0
underexposed, light x 0.45                      100     100     100
overexposed, light x 1.3                       12.7     1.7    34.6
overexposed, light x 2                         90.9    94.0    95.0
=============================================  ====  ======  ======

Of 18 several-cells warnings on pbc that were looked at, 16 are right and 2 are burst cells. Pictures that show red
cells alone, cut from BCCD fields, are caught by the contrast of the region: 248 of 266 get no-cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.localisation import CellLocation

MOST_BLUR: Final = 0.078
"""Largest edge width in diameters of the nucleus: some 0.6 µm on a nucleus of 8 µm, where chromatin and fine granules
are lost."""

MOST_SATURATED: Final = 0.10
"""Largest share of the nucleus's circle with two or three channels saturated."""

LEAST_SLIDE_BRIGHTNESS: Final = 115
"""Least brightness of the slide (see :func:`slide_brightness`); the three laboratories' pictures have 190 to 255."""

LEAST_DIAMETER: Final = 14.0
"""Least diameter of the nucleus in pixels: below, its crop is enlarged more than fourfold for the network."""

SATURATED: Final = 252
"""Channel value from which on a pixel counts as saturated; below 255, since lossy coding blurs the top."""

_BLACK: Final = 12
_WORKING_DIAMETER: Final = 64.0
_SMOOTHING: Final = 0.7
_INTRINSIC_BLUR: Final = 0.8


@dataclass(frozen=True)
class QualityWarning:
    """One thing about a picture that makes its result less certain.

    Attributes
    ----------
    code : str
        ``out_of_focus``, ``overexposed``, ``underexposed``, ``no_cell``, ``several_cells`` or ``low_resolution``.
    message : str
        One sentence: what was seen.
    hint : str
        What to do about it.
    """

    code: str
    message: str
    hint: str


def assess_quality(pixels: NDArray[np.uint8], location: CellLocation) -> tuple[QualityWarning, ...]:
    """Warn of what makes the cell hard to judge.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    location : CellLocation
        Where the cell lies in it.

    Returns
    -------
    tuple of QualityWarning
        Empty for a good picture; the most fundamental warning first.
    """
    warnings = []
    # Around a cell that was cut out is no slide to judge the light by, and its edge is that of the scissors.
    underexposed = not location.cut_out and slide_brightness(pixels) < LEAST_SLIDE_BRIGHTNESS
    # Contrast shrinks with the light: in a dark picture a faint region may well be a cell.
    cell = location.convincing or (location.found and underexposed)
    if not cell:
        warnings.append(
            QualityWarning(
                "no_cell",
                "No stained cell stands out in this picture.",
                "Crop the picture to one stained cell; red cells alone give no type.",
            )
        )
    if cell and location.others:
        warnings.append(
            QualityWarning(
                "several_cells",
                f"The picture shows {location.others + 1} stained cells; the most prominent one was judged.",
                "Crop the picture to the cell you mean.",
            )
        )
    if underexposed:
        warnings.append(
            QualityWarning(
                "underexposed", "The picture is underexposed.", "Use more light or a longer exposure and take it again."
            )
        )
    if saturated_share(pixels, location) > MOST_SATURATED:
        warnings.append(
            QualityWarning(
                "overexposed",
                "The picture is overexposed: part of the cell has lost its colour.",
                "Use less light or a shorter exposure and take it again.",
            )
        )
    if cell and location.diameter < LEAST_DIAMETER:
        warnings.append(
            QualityWarning(
                "low_resolution",
                f"The nucleus is only {location.diameter:.0f} pixels wide.",
                "Use the original picture or a stronger objective.",
            )
        )
    elif cell and not location.cut_out and edge_blur(pixels, location) > MOST_BLUR:
        warnings.append(
            QualityWarning("out_of_focus", "The cell is out of focus.", "Refocus and take the picture again.")
        )
    return tuple(warnings)


def edge_blur(pixels: NDArray[np.uint8], location: CellLocation) -> float:
    """Return the width of the sharpest edges at the nucleus, in diameters of the nucleus.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    location : CellLocation
        A cell that was found.

    Returns
    -------
    float
        Standard deviation of the Gaussian that would blur a sharp edge as much; 0 where nothing can be measured.
    """
    window, _, _ = _window(pixels, location, 0.8)
    scale = min(1.0, _WORKING_DIAMETER / location.diameter)
    if scale < 1:
        window = cv2.resize(window, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    # The edge of a black corner is as sharp as the program that rotated the picture, not as the microscope.
    black = (window.max(axis=2) < _BLACK).astype(np.uint8)
    usable = cv2.dilate(black, np.ones((7, 7), np.uint8)) == 0
    if usable.sum() < 50:
        return 0.0
    green = cv2.GaussianBlur(window[..., 1].astype(np.float32), (0, 0), _SMOOTHING)
    slope = np.hypot(cv2.Sobel(green, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(green, cv2.CV_32F, 0, 1) / 8)[usable]
    dark, light = np.percentile(green[usable], (3, 90))
    steepest = float(np.percentile(slope, 98))
    if steepest <= 0:
        return 0.0
    width = float(light - dark) / (steepest * math.sqrt(2 * math.pi))
    # The smoothing above and the pixels' own extent widen every edge: what they add is taken off.
    return math.sqrt(max(width**2 - _INTRINSIC_BLUR**2, 0.0)) / (location.diameter * scale)


def saturated_share(pixels: NDArray[np.uint8], location: CellLocation) -> float:
    """Return how much of the cell has lost its colour to over-exposure.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    location : CellLocation
        Where the cell lies. Where none was found, the whole picture is judged by whether it is all but white.

    Returns
    -------
    float
        0 to 1: share of the nucleus's circle with at least two saturated channels. Without a cell, what exceeds half
        of the picture with all three saturated.
    """
    if not location.found:
        return max(0.0, float((pixels[::4, ::4].min(axis=2) >= SATURATED).mean()) - 0.5)
    window, left, top = _window(pixels, location, 0.5)
    step = max(1, round(location.diameter / _WORKING_DIAMETER))
    window = window[::step, ::step]
    rows = np.arange(window.shape[0])[:, None] * step + top - location.y
    columns = np.arange(window.shape[1])[None, :] * step + left - location.x
    circle = rows**2 + columns**2 < (location.diameter / 2) ** 2
    if not circle.any():
        return 0.0
    return float(((window[circle] >= SATURATED).sum(axis=1) >= 2).mean())


def slide_brightness(pixels: NDArray[np.uint8]) -> float:
    """Return the brightness of the empty slide.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    float
        95th percentile of the largest channel, 0 to 255, black pixels left out; 0 for an all black picture.
    """
    step = max(1, min(pixels.shape[:2]) // 80)
    brightest = pixels[::step, ::step].max(axis=2)
    lit = brightest[brightest >= _BLACK]
    return float(np.percentile(lit, 95)) if lit.size else 0.0


def _window(pixels: NDArray[np.uint8], location: CellLocation, reach: float) -> tuple[NDArray[np.uint8], int, int]:
    """Return the part of the picture within ``reach`` diameters of the cell's centre, and its left and top edge."""
    height, width = pixels.shape[:2]
    extent = reach * location.diameter
    left = min(max(0, math.floor(location.x - extent)), width - 1)
    top = min(max(0, math.floor(location.y - extent)), height - 1)
    right = max(left + 1, min(width, math.ceil(location.x + extent)))
    bottom = max(top + 1, min(height, math.ceil(location.y + extent)))
    return pixels[top:bottom, left:right], left, top

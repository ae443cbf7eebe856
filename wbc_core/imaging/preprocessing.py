"""From a decoded picture to what a network sees: the located cell, at one scale, in a square of fixed size.

One definition per model. It is stored in the model's card and used unchanged in training, evaluation and serving.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from wbc_core.imaging.colour_normalisation import normalise_colour
from wbc_core.imaging.foreground import locate_foreground
from wbc_core.imaging.localisation import CellLocation, locate_cell
from wbc_core.imaging.sharpening import sharpen
from wbc_core.imaging.super_resolution import enlarge

FOREGROUND_MARGIN: Final = 1.12
"""Side of the crop in sides of a cell that was cut out on black."""

LATER_OPTIONS: Final = ("super_resolution", "colour_normalisation", "sharpening")
"""Fields added after the first models were trained: at their default they are no part of the digest."""


class Preprocessing(BaseModel):
    """Definition of a model's input.

    The crop is a square around the located nucleus (see :mod:`wbc_core.imaging.localisation`), ``context`` times as
    wide as the nucleus, and resized to ``size``. The part of the square outside the picture takes the colour of
    the empty slide. Pixel values stay RGB in 0 to 255: the network itself normalises them.

    Of the options, super resolution takes part in the resizing, colour normalisation and sharpening follow it in this
    order. Both are set by the plain crop alone, so that a wider crop for augmentation looks the same in its middle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1
    size: int = Field(128, ge=32, le=1024, description="Side of the network's input in pixels.")
    colour: Literal["rgb"] = "rgb"
    value_range: tuple[float, float] = (0.0, 255.0)
    crop: Literal["cell", "centre", "foreground"] = Field(
        "cell",
        description="Around the located cell; the whole central square; or around a cell that was cut out on black, "
        "and the central square where none was.",
    )
    context: float = Field(2.3, gt=1, description="Side of the crop in diameters of the nucleus.")
    least_side: float = Field(
        0.45, gt=0, description="Least side of the crop as a share of the picture's shorter side."
    )
    most_side: float = Field(1.1, gt=0, description="Largest side of the crop as a share of the picture's longer side.")
    super_resolution: Literal[
        "none",
        "fsrcnn_x2",
        "fsrcnn_x3",
        "fsrcnn_x4",
        "fsrcnn_small_x2",
        "espcn_x2",
        "espcn_x3",
        "espcn_x4",
        "lapsrn_x2",
        "cell_x2",
    ] = Field("none", description="Network that enlarges crops smaller than the size; larger ones are reduced as ever.")
    colour_normalisation: Literal["none", "reinhard"] = Field(
        "none", description="'reinhard' brings mean and deviation of L*, a* and b* to fixed targets."
    )
    sharpening: Literal["none", "adaptive"] = Field(
        "none", description="'adaptive' sharpens a crop by what it lacks in sharpness."
    )

    def digest(self) -> str:
        """Return the SHA-256 of this definition in hexadecimal."""
        defaults = type(self).model_fields
        unused = {name for name in LATER_OPTIONS if getattr(self, name) == defaults[name].default}
        return hashlib.sha256(self.model_dump_json(exclude=unused).encode()).hexdigest()

    def locate(self, pixels: NDArray[np.uint8]) -> CellLocation:
        """Locate the cell as this definition's crop needs it.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (height, width, 3)
            Picture in RGB.

        Returns
        -------
        CellLocation
            The stained nucleus on a slide; for ``foreground`` the whole of a cell that was cut out on black.
        """
        return locate_foreground(pixels) if self.crop == "foreground" else locate_cell(pixels)

    def window(self, height: int, width: int, location: CellLocation) -> tuple[float, float, float]:
        """Return the square to crop.

        Parameters
        ----------
        height, width : int
            Size of the picture in pixels.
        location : CellLocation
            Where the cell lies in it.

        Returns
        -------
        tuple of float
            Centre from the left, centre from the top, and side, in pixels of the picture.
        """
        if self.crop == "centre" or not location.found:
            return width / 2, height / 2, float(min(height, width))
        if location.cut_out:
            return location.x, location.y, FOREGROUND_MARGIN * location.diameter
        side = self.context * location.diameter
        side = float(np.clip(side, self.least_side * min(height, width), self.most_side * max(height, width)))
        return location.x, location.y, side

    def apply(
        self, pixels: NDArray[np.uint8], location: CellLocation | None = None, *, margin: float = 1.0
    ) -> NDArray[np.uint8]:
        """Crop and resize a picture to the network's input.

        Parameters
        ----------
        pixels : ndarray of uint8, shape (height, width, 3)
            Picture in RGB.
        location : CellLocation, optional
            Where the cell lies; found here if not given.
        margin : float
            Crop this many times wider at the same scale, for augmentation that rotates and shifts: the result
            is then ``round(margin * size)`` pixels wide.

        Returns
        -------
        ndarray of uint8, shape (size, size, 3)
            The network's input in RGB, 0 to 255.

        Raises
        ------
        ModelError
            If super resolution is asked for and its network cannot be read.
        """
        if location is None:
            location = self.locate(pixels)
        height, width = pixels.shape[:2]
        x, y, side = self.window(height, width, location)
        out = round(self.size * margin)
        enlarged = self.super_resolution != "none" and round(side) < self.size
        side *= out / self.size
        left, top, extent = round(x - side / 2), round(y - side / 2), max(1, round(side))
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + extent, width), min(top + extent, height)
        if (x0, y0, x1, y1) == (left, top, left + extent, top + extent):
            square = pixels[y0:y1, x0:x1]
        else:
            square = np.empty((extent, extent, 3), np.uint8)
            square[:] = 0 if location.cut_out else slide_colour(pixels)
            square[y0 - top : y1 - top, x0 - left : x1 - left] = pixels[y0:y1, x0:x1]
        if enlarged:
            square = enlarge(square, self.super_resolution)
        shrinks = square.shape[0] > out
        resized = cv2.resize(square, (out, out), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        crop = np.asarray(resized, dtype=np.uint8)
        first = (out - self.size) // 2
        plain = (slice(first, first + self.size), slice(first, first + self.size))
        if self.colour_normalisation == "reinhard":
            crop = normalise_colour(crop, cut_out=location.cut_out, measured=crop[plain])
        if self.sharpening == "adaptive":
            crop = sharpen(crop, measured=crop[plain])
        return np.ascontiguousarray(crop)


def slide_colour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Estimate the colour of the empty slide: the median of the brightest fifth in green, where nothing is stained.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    ndarray of uint8, shape (3,)
        Red, green and blue.
    """
    step = max(1, min(pixels.shape[:2]) // 64)
    sample = pixels[::step, ::step].reshape(-1, 3)
    bright = sample[sample[:, 1] >= np.percentile(sample[:, 1], 80)]
    colour: NDArray[np.uint8] = np.median(bright, axis=0).astype(np.uint8)
    return colour

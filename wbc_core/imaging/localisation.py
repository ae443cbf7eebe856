"""Find the stained cell in a picture, by the one thing all Romanowsky stains share: nuclei take up purple.

Nuclei (and the granules of platelets) absorb green light far more than red and blue light, in every laboratory's stain;
red cells absorb green and blue alike, and the empty slide absorbs nothing. The contrast ``(R + B) / 2 - G`` therefore
separates nuclei from both. Its threshold is chosen per picture (Otsu 1979, doi:10.1109/TSMC.1979.4310076), so that
faint and strong stains, warm and cold lamps, are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_SIDE = 160
"""Longest side, in pixels, at which the search runs."""

MINIMUM_CONTRAST = 14.0
"""Least difference, in grey levels of ``(R + B) / 2 - G``, between a nucleus and its surroundings."""

CONVINCING_CONTRAST = 40.0
"""Contrast from which the region is taken for a stained cell, in grey levels.

Measured on training pictures (``benchmarks/cell_contrast.py``): 99 % of the pictures of pbc, kaggle and raabin reach
76, 60 and 49; 95 % of 266 cuttings of BCCD fields that hold red cells alone stay below 41.
"""

SIMILAR_AREA = 0.45
"""A second region counts as a further cell from this fraction of the chosen region's area on."""


@dataclass(frozen=True)
class CellLocation:
    """Where the cell lies, in pixels of the picture it was found in.

    Attributes
    ----------
    found : bool
        Whether any stained region stood out; if not, the centre of the picture is given.
    x, y : float
        Centre of the stained region's smallest enclosing circle, from the left and from the top.
    diameter : float
        Diameter of that circle: the extent of the nucleus (of the whole body for a platelet).
    others : int
        Further regions of a similar size, each at least one diameter away.
    strength : float
        Contrast of the region against its surroundings in grey levels; 0 where nothing was found.
    cut_out : bool
        Whether the cell was cut out on black: circle and contrast are then those of the whole cell, see
        :mod:`wbc_core.imaging.foreground`.
    foreign : bool
        Whether the picture has colours that no stain gives, see :mod:`wbc_core.imaging.foreign_colours`.
    """

    found: bool
    x: float
    y: float
    diameter: float
    others: int = 0
    strength: float = 0.0
    cut_out: bool = False
    foreign: bool = False

    @property
    def convincing(self) -> bool:
        """Whether the region stands out as stained cells do; red cells alone can be found, but do not convince."""
        return self.found and (self.cut_out or (self.strength >= CONVINCING_CONTRAST and not self.foreign))


def locate_cell(pixels: NDArray[np.uint8]) -> CellLocation:
    """Locate the most prominent stained cell.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.

    Returns
    -------
    CellLocation
        The most prominent region: large, strongly stained and, among equals, near the centre.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(height, width))
    small = pixels
    if scale < 1.0:
        resized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        small = np.asarray(resized, dtype=np.uint8)
    contrast = _nuclear_contrast(small)
    regions, strength = _stained_regions(contrast)
    if not regions:
        return CellLocation(False, width / 2, height / 2, float(min(height, width)) / 2)
    best = max(regions, key=lambda region: region.weight)
    others = sum(
        region.area >= SIMILAR_AREA * best.area
        and np.hypot(region.x - best.x, region.y - best.y) > (region.diameter + best.diameter) / 2
        for region in regions
    )
    return CellLocation(
        True, (best.x + 0.5) / scale, (best.y + 0.5) / scale, best.diameter / scale, int(others), strength
    )


@dataclass(frozen=True)
class _Region:
    x: float
    y: float
    diameter: float
    area: float
    weight: float


def _nuclear_contrast(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return ``(R + B) / 2 - G`` plus a share of the darkness in green, smoothed: float32, (height, width)."""
    red, green, blue = (pixels[..., channel].astype(np.float32) for channel in range(3))
    purple = (red + blue) / 2 - green
    black = pixels.max(axis=2) < 12
    ground = float(np.percentile(green[~black], 80)) if (~black).any() else 255.0
    darkness = np.clip(ground - green, 0, None)
    contrast = purple + 0.35 * np.minimum(darkness, 2 * np.clip(purple, 0, None))
    contrast[black] = min(0.0, float(contrast.min()))
    smoothed: NDArray[np.float32] = cv2.GaussianBlur(contrast, (0, 0), max(1.0, max(pixels.shape[:2]) / 130))
    return smoothed


def _nuclear_threshold(levels: NDArray[np.uint8]) -> float:
    """Return the grey level above which a pixel belongs to a nucleus.

    Where red cells or cytoplasm form a class of their own between slide and nucleus, Otsu's first cut falls below it;
    a second cut within the upper class then parts it from the nucleus.
    """
    first, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)
    upper = levels[levels > first]
    if not upper.size:
        return float(first)
    second, _ = cv2.threshold(upper.reshape(-1, 1), 0, 255, cv2.THRESH_OTSU)
    low = float(levels[levels <= first].mean())
    middle, high = upper[upper <= second], upper[upper > second]
    if middle.size and high.size and high.mean() - middle.mean() >= 0.5 * (middle.mean() - low):
        return float(second)
    return float(first)


def _stained_regions(contrast: NDArray[np.float32]) -> tuple[list[_Region], float]:
    """Split the contrast map at Otsu's threshold into regions; lobes of one nucleus are joined first."""
    low, high = (float(value) for value in np.percentile(contrast, (2, 99.7)))
    if high - low < MINIMUM_CONTRAST:
        return [], 0.0
    levels = np.clip((contrast - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    mask = (levels > _nuclear_threshold(levels)).astype(np.uint8)
    inside, outside = contrast[mask > 0], contrast[mask == 0]
    if not inside.size or not outside.size:
        return [], 0.0
    strength = float(np.median(inside) - np.median(outside))
    if strength < MINIMUM_CONTRAST:
        return [], 0.0
    side = max(contrast.shape)
    reach = max(3, round(side * 0.045)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    # Opening first takes away the thin rims of bluish red cells, which closing would otherwise tie to the nucleus.
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel)
    count, labels = cv2.connectedComponents(joined)
    regions = []
    centre = np.array([(contrast.shape[1] - 1) / 2, (contrast.shape[0] - 1) / 2])
    for index in range(1, count):
        member = (labels == index) & (mask > 0)
        area = float(member.sum())
        if area < (side * 0.03) ** 2:
            continue
        rows, columns = np.nonzero(member)
        # Percentiles, not extremes: a touching platelet or a stray rim must not move the circle.
        x, y = (float(np.percentile(axis, (2, 98)).mean()) for axis in (columns, rows))
        radius = float(np.percentile(np.hypot(columns - x, rows - y), 98))
        distance = float(np.hypot(*(np.array([x, y]) - centre))) / side
        stain = float(np.clip(contrast[member].mean() - np.median(outside), 1, None))
        weight = area * stain * float(np.exp(-((distance / 0.45) ** 2)))
        regions.append(_Region(x, y, 2 * radius + 1, area, weight))
    return regions, strength

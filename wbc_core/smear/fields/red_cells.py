"""Red cells of a field: where they lie, how large they are, and which of them are round enough to measure by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.slide import StainMaps

LEAST_DENSITY: Final = 0.025
"""Least density in green at which a pixel may belong to a cell."""
MOST_DENSITY: Final = 0.09
"""Density from which on every pixel belongs to one."""

_LEAST_RADIUS: Final = 3.0


def cell_mask(maps: StainMaps) -> NDArray[np.uint8]:
    """Return where any cell covers the slide, with the pale middles of red cells: uint8 0 or 1, (height, width)."""
    density = cv2.GaussianBlur(maps.density, (0, 0), 0.8)
    levels = np.clip(density * (255 / 0.25), 0, 255).astype(np.uint8)
    cut, _ = cv2.threshold(levels[maps.lit].reshape(-1, 1), 0, 255, cv2.THRESH_OTSU)
    mask = (density > float(np.clip(cut * 0.25 / 255, LEAST_DENSITY, MOST_DENSITY))).astype(np.uint8)
    return fill_pale_middles(mask)


def fill_pale_middles(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill holes that are round, as the pale middle of a red cell is; gaps between touching cells have corners."""
    holes = (mask == 0).astype(np.uint8)
    contours, _ = cv2.findContours(holes, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = mask.copy()
    height, width = mask.shape
    for contour in contours:
        x, y, wide, high = cv2.boundingRect(contour)
        if x == 0 or y == 0 or x + wide == width or y + high == height:
            continue
        area = cv2.contourArea(contour)
        hull = cv2.contourArea(cv2.convexHull(contour))
        if area < 4 or (area > 0.86 * hull and max(wide, high) < 2.2 * min(wide, high)):
            cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED)
    return filled


@dataclass(frozen=True)
class Discs:
    """Discs that fit into the cells.

    Attributes
    ----------
    x, y, radius : ndarray of float32, shape (discs,)
        In pixels; largest first.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    radius: NDArray[np.float32]


def inscribed_discs(mask: NDArray[np.uint8]) -> Discs:
    """Return the largest discs that fit into the covered part, one where a cell is, whole ones only."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    smooth = cv2.GaussianBlur(distance, (0, 0), 1.0)
    peaks = (smooth >= cv2.dilate(smooth, np.ones((5, 5), np.uint8))) & (distance > _LEAST_RADIUS)
    rows, columns = np.nonzero(peaks)
    radii = distance[rows, columns]
    order = np.argsort(-radii)
    kept: list[int] = []
    for index in order:
        if kept:
            gaps = np.hypot(rows[kept] - rows[index], columns[kept] - columns[index])
            if (gaps < np.maximum(radii[kept], 1.2 * radii[index])).any():
                continue
        kept.append(int(index))
    # A cell that the edge cuts would be measured too small.
    height, width = mask.shape
    margin = np.minimum.reduce([rows, columns, height - 1 - rows, width - 1 - columns])
    whole = [index for index in kept if margin[index] > 1.15 * radii[index]]
    return Discs(
        columns[whole].astype(np.float32), rows[whole].astype(np.float32), radii[whole].astype(np.float32)
    )


def usual_diameter(discs: Discs) -> float | None:
    """Return the diameter that most of the covered part goes by, in pixels; None without a cell."""
    if len(discs.radius) < 3:
        return None
    order = np.argsort(discs.radius)
    weight = np.cumsum(discs.radius[order] ** 2)
    return 2 * float(discs.radius[order][int(np.searchsorted(weight, weight[-1] / 2))])

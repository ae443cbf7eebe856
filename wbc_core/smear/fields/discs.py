"""Round bodies in a field, found by their edges: each piece of edge votes for the centre it points to.

The fast radial symmetry transform (Loy and Zelinsky 2003, IEEE TPAMI 25(8):959-973, doi:10.1109/TPAMI.2003.1217601),
with votes for dark bodies alone. The outer edge of a red cell points to its middle and the edge of its pale middle away
from it, so that pallor does no harm; and cells that overlap still have most of their edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_SLOPE: Final = 0.006
"""Least change of density per pixel, of a map smoothed by one pixel, that counts as an edge."""

SOFTNESS: Final = 0.13
"""Deviation of the votes' smoothing in radii: red cells are not perfect circles."""


@dataclass(frozen=True)
class Discs:
    """Round bodies, best first.

    Attributes
    ----------
    x, y, radius : ndarray of float64, shape (discs,)
        In pixels of the map.
    roundness : ndarray of float64, shape (discs,)
        Share of the circle's edge that points to the middle: 1 for a lone circle, more where edges are double.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    radius: NDArray[np.float64]
    roundness: NDArray[np.float64]


def find_discs(
    density: NDArray[np.float32], radii: NDArray[np.float64], *, least_roundness: float, apart: float = 0.75
) -> Discs:
    """Return the round dark bodies of a map.

    Parameters
    ----------
    density : ndarray of float32, shape (height, width)
        Optical density, zero on the slide.
    radii : ndarray of float64, shape (radii,)
        Radii to look for in pixels, ascending.
    least_roundness : float
        Least share of a circle's edge that must be there.
    apart : float
        Least distance of two bodies in radii of the larger one.

    Returns
    -------
    Discs
        Those whose middle lies in the map.
    """
    smooth = cv2.GaussianBlur(density, (0, 0), 1.0)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *step) / 8 for step in ((1, 0), (0, 1)))
    slope = np.hypot(across, down)
    rows, columns = np.nonzero(slope > LEAST_SLOPE)
    if not len(rows):
        return Discs(*(np.zeros(0) for _ in range(4)))
    steep = slope[rows, columns]
    towards_x, towards_y = across[rows, columns] / steep, down[rows, columns] / steep
    # Blurred edges are several pixels thick: only their steepest line votes.
    ahead = _at(slope, rows + towards_y, columns + towards_x)
    behind = _at(slope, rows - towards_y, columns - towards_x)
    crest = (steep >= ahead) & (steep >= behind)
    rows, columns, towards_x, towards_y = rows[crest], columns[crest], towards_x[crest], towards_y[crest]
    found: list[NDArray[np.float64]] = []
    for radius in radii:
        votes = _votes(density.shape, rows + radius * towards_y, columns + radius * towards_x)
        width = max(SOFTNESS * radius, 0.8)
        # A full circle whose votes spread by this much reaches the level 1 in its middle.
        level = cv2.GaussianBlur(votes, (0, 0), width) * (2 * np.pi * width**2 * 1.6 / (2 * np.pi * radius))
        reach = 2 * max(1, round(0.4 * radius)) + 1
        tops = (level >= cv2.dilate(level, np.ones((reach, reach), np.uint8))) & (level > least_roundness)
        y, x = np.nonzero(tops)
        found.append(np.stack([x, y, np.full(len(x), radius), level[y, x]]))
    x, y, radius_of, roundness = np.concatenate(found, axis=1)
    keep = _best(x, y, radius_of, roundness, apart)
    return Discs(x[keep], y[keep], radius_of[keep], roundness[keep])


def _at(values: NDArray[np.float32], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float32]:
    height, width = values.shape
    taken: NDArray[np.float32] = values[
        np.clip(np.rint(rows), 0, height - 1).astype(np.intp), np.clip(np.rint(columns), 0, width - 1).astype(np.intp)
    ]
    return taken


def _votes(shape: tuple[int, ...], y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float32]:
    height, width = shape
    down, across = np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)
    inside = (down >= 0) & (down < height) & (across >= 0) & (across < width)
    counted = np.bincount(down[inside] * width + across[inside], minlength=height * width)
    return counted.reshape(height, width).astype(np.float32)


def _best(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    radius: NDArray[np.float64],
    value: NDArray[np.float64],
    apart: float,
) -> list[int]:
    """Return the positions of those that no better one lies too near to, best first."""
    kept: list[int] = []
    for index in np.argsort(-value):
        if kept:
            gap = np.hypot(x[kept] - x[index], y[kept] - y[index])
            if (gap < apart * np.maximum(radius[kept], radius[index])).any():
                continue
        kept.append(int(index))
    return kept

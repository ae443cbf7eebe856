"""Paint a coarse map over the picture it belongs to, in the picture's own coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOR, AGAINST = (255, 176, 0), (0, 114, 178)
"""Orange and blue of the palette of Okabe and Ito (2008), told apart by most colour-blind readers too."""

FRAME = (255, 255, 255), (60, 60, 60)
"""Light and dark line of the square's frame: one of them shows on any picture."""


def spread_over(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Enlarge a map bilinearly, each value standing in the middle of its place; beyond the outer middles it is level.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        The map.
    height, width : int
        Size wanted in pixels.

    Returns
    -------
    ndarray of float32, shape (height, width)

    Examples
    --------
    >>> spread_over(np.array([[0.0, 1.0]], np.float32), 1, 4).tolist()
    [[0.0, 0.25, 0.75, 1.0]]
    """
    rows, columns = values.shape
    down = _interpolation(height, np.arange(height, dtype=np.float64), rows, height)
    across = _interpolation(width, np.arange(width, dtype=np.float64), columns, width)
    return np.asarray(down @ values @ across.T, np.float32)


def placed(
    values: NDArray[np.float32], square: tuple[float, float, float], height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Lay a square map over the part of a picture that it was computed from.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
        The map.
    square : tuple of float
        Left edge, top edge and side of that part, in pixels of the picture; it may reach beyond the picture.
    height, width : int
        Size of the picture in pixels.

    Returns
    -------
    tuple of (ndarray of float32, ndarray of bool), both of shape (height, width)
        The enlarged map, 0 outside the square, and whether a pixel lies in the square.
    """
    left, top, side = square
    x, y = np.arange(width, dtype=np.float64) - left, np.arange(height, dtype=np.float64) - top
    down = _interpolation(height, y, values.shape[0], side)
    across = _interpolation(width, x, values.shape[1], side)
    inside = np.outer((y + 0.5 > 0) & (y + 0.5 < side), (x + 0.5 > 0) & (x + 0.5 < side))
    field = np.where(inside, down @ values @ across.T, 0.0)
    return np.asarray(field, np.float32), inside


def _interpolation(pixels: int, positions: NDArray[np.float64], places: int, extent: float) -> NDArray[np.float64]:
    """Return the share of each place in each pixel: (pixels, places); pixel centres lie half a pixel in."""
    at = np.clip((positions + 0.5) / extent * places - 0.5, 0, places - 1)
    first = np.minimum(at.astype(int), max(places - 2, 0))
    shares = np.zeros((pixels, places))
    rows = np.arange(pixels)
    shares[rows, first] = 1 - (at - first)
    if places > 1:
        shares[rows, first + 1] += at - first
    return shares


def painted(
    picture: NDArray[np.uint8],
    field: NDArray[np.float32],
    inside: NDArray[np.bool_],
    *,
    limit: float,
    opacity: float,
) -> NDArray[np.uint8]:
    """Paint a map over a picture: orange speaks for the class, blue against it, and what counts little stays clear.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
        In RGB.
    field : ndarray of float32, shape (height, width)
        From :func:`placed`.
    inside : ndarray of bool, shape (height, width)
        The square that the network saw; its frame is drawn.
    limit : float
        Absolute value that is painted with full strength.
    opacity : float
        0 to 1: share of the colour where the strength is full.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    strength = np.clip(field / limit, -1, 1) if limit > 0 else np.zeros_like(field)
    colour = np.where(strength[..., np.newaxis] > 0, np.array(FOR, np.float32), np.array(AGAINST, np.float32))
    share = (opacity * np.abs(strength))[..., np.newaxis]
    mixed: NDArray[np.uint8] = np.rint(picture * (1 - share) + colour * share).astype(np.uint8)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if len(rows) and len(columns):
        for inset, grey in enumerate(FRAME):
            y = rows[0] + inset, rows[-1] - inset
            x = columns[0] + inset, columns[-1] - inset
            mixed[list(y), x[0] : x[1] + 1] = grey
            mixed[y[0] : y[1] + 1, list(x)] = grey
    return mixed


def legend(opacity: float, width: int = 320, height: int = 20) -> NDArray[np.uint8]:
    """Return the scale of :func:`painted` on light grey, from full strength against to full strength for the class."""
    ground = np.full((height, width, 3), 225, np.uint8)
    field = np.tile(np.linspace(-1, 1, width, dtype=np.float32), (height, 1))
    return painted(ground, field, np.zeros((height, width), bool), limit=1.0, opacity=opacity)

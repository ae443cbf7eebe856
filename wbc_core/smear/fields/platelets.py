"""Platelets of a field: small stained bodies outside the leukocytes, large ones and clumps among them."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.leukocytes import Body, opened, regions, smoothed
from wbc_core.smear.fields.slide import StainMaps

STAIN: Final = 0.05
"""Nuclear density from which on a pixel may belong to a platelet."""

LEAST_STRENGTH: Final = 0.09
"""Nuclear density that the strongest tenth of a platelet reaches."""

LEAST_RISE: Final = 0.045
"""How much more red light a platelet takes out than what lies around it; the rims of red cells hardly do."""

MOST_BLUE: Final = 0.03
"""Most density in blue, or 0.3 of that in red where this is more: overlapping red cells have more."""

AREAS: Final = (0.02, 2.5)
"""Least and largest area, in squares of the red cell's diameter."""

GIANT: Final = 0.93
"""Diameter from which on a platelet is giant: that of a red cell of 7 µm."""

_LEAST_FILL: Final = 0.58
_MOST_LONG: Final = 2.2


def find_platelets(maps: StainMaps, leukocytes: list[Body]) -> list[Body]:
    """Return the platelets of a field at the working scale.

    Parameters
    ----------
    maps : StainMaps
        A red cell is ``RED_CELL`` pixels wide in them.
    leukocytes : list of Body
        What is no platelet.

    Returns
    -------
    list of Body
        In no order; single platelets and clumps.
    """
    nuclear = smoothed(maps)
    free = opened(nuclear > STAIN, 0.1)
    for cell in leukocytes:
        free[cell.top : cell.bottom, cell.left : cell.right][cell.mask] = 0
    labels, boxes = regions(free)
    found = []
    for number, (left, top, wide, high) in enumerate(boxes, start=1):
        here = (slice(top, top + high), slice(left, left + wide))
        body = Body(labels[here] == number, left, top, 0.0, 0.0)
        if not AREAS[0] <= body.area <= AREAS[1]:
            continue
        strength = float(np.percentile(nuclear[here][body.mask], 90))
        if strength >= LEAST_STRENGTH and _is_platelet(body, maps):
            found.append(Body(body.mask, left, top, 0.0, strength))
    return found


def name_of(platelet: Body) -> str:
    """Return ``platelet``, ``giant_platelet``, or ``platelet_clump`` for what is too large or ragged to be one."""
    if platelet.diameter < GIANT * 0.75:
        return "platelet"
    contours, _ = cv2.findContours(platelet.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)
    solid = cv2.contourArea(largest) / max(cv2.contourArea(cv2.convexHull(largest)), 1.0)
    if solid < 0.85 or platelet.diameter > 1.5 * GIANT:
        return "platelet_clump"
    return "giant_platelet" if platelet.diameter >= GIANT else "platelet"


def _is_platelet(body: Body, maps: StainMaps) -> bool:
    high, wide = body.mask.shape
    if max(wide, high) > _MOST_LONG * min(wide, high) or body.mask.mean() < _LEAST_FILL:
        return False
    here = (slice(body.top, body.bottom), slice(body.left, body.right))
    around = (slice(max(0, body.top - 4), body.bottom + 4), slice(max(0, body.left - 4), body.right + 4))
    surroundings = _outside(maps.red[around], body, around)
    red = float(np.percentile(maps.red[here][body.mask], 75))
    blue = float(np.median(maps.blue[here][body.mask]))
    return red - surroundings > LEAST_RISE and blue < max(MOST_BLUE, 0.3 * red)


def _outside(red: NDArray[np.float32], body: Body, around: tuple[slice, slice]) -> float:
    """Return the usual red density in the window around a body, the body itself left out."""
    outside = np.ones(red.shape, bool)
    top, left = body.top - int(around[0].start), body.left - int(around[1].start)
    outside[top : top + body.mask.shape[0], left : left + body.mask.shape[1]] = ~body.mask
    return float(np.median(red[outside])) if outside.any() else 0.0

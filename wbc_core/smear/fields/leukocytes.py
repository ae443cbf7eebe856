"""Leukocytes of a field, whole and parted from one another.

All lengths are in red cells, so that nothing here knows of pixels or micrometres: at the working scale a red cell is
``RED_CELL`` pixels wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.slide import StainMaps

RED_CELL: Final = 40
"""Diameter of a red cell at the working scale, in pixels."""

BODY: Final = 0.035
"""Nuclear density from which on a pixel may belong to a leukocyte's cytoplasm or a platelet."""

GRANULES: Final = 0.055
"""Least excess of green over blue light taken out, from which on a pixel may be the eosinophil's granules."""

GRANULES_ABOVE: Final = 0.03
"""How much this must exceed that of nine in ten pixels of the field's own red cells."""

NUCLEUS: Final = 0.085
"""Nuclear density from which on a pixel may belong to a nucleus."""

LEAST_NUCLEUS: Final = 0.28
"""Least area of a leukocyte's nucleus in squares of the red cell's diameter; a small lymphocyte's has 0.6."""

LEAST_CUT_NUCLEUS: Final = 0.12
"""The same for a cell that the picture's edge cuts."""

LEAST_CUT_SIDE: Final = 0.62
"""Least length, in red cells, at which the picture's edge cuts a leukocyte; a platelet is cut at less."""

LEAST_PAIR: Final = 1.95
"""Length, in red cells, from which on a body may be two cells."""

MOST_GAP: Final = 0.15
"""Widest gap, in red cells, between the boxes of two pieces of one cell."""

LEAST_LOBE: Final = 0.12
"""Least area of a piece's nucleus, in squares of the red cell's diameter: smaller ones are platelets."""

NECK: Final = 0.74
"""Two bodies are parted where the neck between them is narrower than this share of the smaller one."""


@dataclass(frozen=True)
class Body:
    """A stained body at the working scale.

    Attributes
    ----------
    mask : ndarray of bool, shape (height, width)
        Its pixels within its box.
    left, top : int
        Of the box.
    nucleus : float
        Area of the nucleus in squares of the red cell's diameter.
    strength : float
        Median nuclear density of the nucleus, or of the whole of a platelet.
    """

    mask: NDArray[np.bool_]
    left: int
    top: int
    nucleus: float
    strength: float

    @property
    def right(self) -> int:
        """First column behind the box."""
        return self.left + int(self.mask.shape[1])

    @property
    def bottom(self) -> int:
        """First row below the box."""
        return self.top + int(self.mask.shape[0])

    @property
    def area(self) -> float:
        """Area in squares of the red cell's diameter."""
        return float(self.mask.sum()) / RED_CELL**2

    @property
    def diameter(self) -> float:
        """Diameter, in red cells, of the circle of the same area."""
        return 2 * math.sqrt(self.area / math.pi)


def find_leukocytes(maps: StainMaps) -> list[Body]:
    """Return the leukocytes of a field at the working scale.

    Parameters
    ----------
    maps : StainMaps
        A red cell is ``RED_CELL`` pixels wide in them.

    Returns
    -------
    list of Body
        In no order.
    """
    nuclear = smoothed(maps)
    # Light is refracted at the rims of red cells into colours that look like thin stain: opening takes them away.
    granules = np.asarray(cv2.GaussianBlur(maps.density - maps.blue, (0, 0), RED_CELL / 20), np.float32)
    body = _without_small_holes(opened((nuclear > BODY) | (granules > _granular(maps, nuclear, granules)), 0.14))
    nucleus = opened(nuclear > NUCLEUS, 0.08)
    pieces = []
    labels, boxes = regions(body)
    for number, (left, top, wide, high) in enumerate(boxes, start=1):
        here = (slice(top, top + high), slice(left, left + wide))
        region = labels[here] == number
        edges = (top == 0, top + high == nuclear.shape[0], left == 0, left + wide == nuclear.shape[1])
        for part in _parted(region, edges):
            found = _measured(part, nucleus[here].astype(bool), nuclear[here], left, top)
            if found.nucleus > 0:
                pieces.append(found)
    return [body for body in _joined(pieces) if _is_leukocyte(body, nuclear.shape)]


def _granular(maps: StainMaps, nuclear: NDArray[np.float32], granules: NDArray[np.float32]) -> float:
    """Return the excess of green over blue from which on a pixel is redder than the field's red cells."""
    red_cells = granules[(maps.density > 0.05) & (nuclear < 0.02)]
    return max(GRANULES, float(np.percentile(red_cells, 90)) + GRANULES_ABOVE) if len(red_cells) > 99 else GRANULES


def smoothed(maps: StainMaps) -> NDArray[np.float32]:
    """Return the nuclear density without the camera's noise: float32, (height, width)."""
    return np.asarray(cv2.GaussianBlur(maps.nuclear, (0, 0), RED_CELL / 40), np.float32)


def opened(mask: NDArray[np.bool_], width: float) -> NDArray[np.uint8]:
    """Take away what is thinner than a width in red cells: uint8 0 or 1, (height, width)."""
    reach = max(1, round(width * RED_CELL / 2)) * 2 + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    # Beyond the picture's edge a cell goes on as it is at the edge.
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, kernel)[reach:-reach, reach:-reach]
    return np.ascontiguousarray(opened, np.uint8)


def regions(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], list[tuple[int, int, int, int]]]:
    """Return the connected regions, numbered from 1 on, and left, top, width and height of each."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    boxes = [(int(left), int(top), int(wide), int(high)) for left, top, wide, high, _ in facts[1:count]]
    return np.asarray(labels, np.int32), boxes


def _parted(region: NDArray[np.bool_], at_edge: tuple[bool, bool, bool, bool]) -> list[NDArray[np.bool_]]:
    """Part a region at its necks: each pixel goes to the body whose inside is nearest, in units of that body's depth.

    ``at_edge`` says of top, bottom, left and right whether the picture ends there: a body goes on behind the edge.
    """
    if _length(region) < LEAST_PAIR * RED_CELL:
        return [region]
    around = tuple(int(not edge) for edge in at_edge)
    padded = np.pad(region.astype(np.uint8), (around[:2], around[2:]))
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5), np.float32)
    if not (padded == 0).any():
        return [region]
    marks = _insides(depth)
    count = int(marks.max())
    if count < 2:
        return [region]
    away = [
        cv2.distanceTransform((marks != number).astype(np.uint8), cv2.DIST_L2, 5) / depth[marks == number].max()
        for number in range(1, count + 1)
    ]
    height, width = region.shape
    nearest = np.argmin(np.stack(away), axis=0)[around[0] : around[0] + height, around[2] : around[2] + width]
    return [region & (nearest == number) for number in range(count)]


def _length(region: NDArray[np.bool_]) -> float:
    """Return the longer side of the smallest rectangle, at any angle, around a region."""
    points = np.argwhere(region).astype(np.float32)
    return float(max(cv2.minAreaRect(points)[1])) + 1 if len(points) else 0.0


def _insides(depth: NDArray[np.float32]) -> NDArray[np.int32]:
    """Mark the insides of bodies that hang together by narrow necks, by cutting deeper and deeper: int32, from 1 on."""
    marks = np.zeros(depth.shape, np.int32)
    queue = [((depth > 0).astype(np.uint8), 0.0)]
    number = 0
    least = 0.32 * RED_CELL
    while queue:
        mask, level = queue.pop()
        deepest = float(depth[mask > 0].max())
        split = False
        for cut in np.arange(level + 1, NECK * deepest, 1.0):
            count, labels = cv2.connectedComponents(((depth > cut) & (mask > 0)).astype(np.uint8), connectivity=8)
            tops = [float(depth[labels == index].max()) for index in range(1, count)]
            solid = [index for index, top in enumerate(tops, start=1) if top >= least and cut <= NECK * top]
            if len(solid) >= 2:
                queue.extend(((labels == index).astype(np.uint8), float(cut)) for index in solid)
                split = True
                break
        if not split:
            number += 1
            marks[(mask > 0) & (depth > 0.5 * deepest)] = number
    return marks


def _without_small_holes(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill what a cell surrounds: pale cytoplasm, vacuoles; what is wider than a cell is slide between cells."""
    holes, boxes = regions((mask == 0).astype(np.uint8))
    filled = mask.copy()
    height, width = mask.shape
    for number, (left, top, wide, high) in enumerate(boxes, start=1):
        inside = left > 0 and top > 0 and left + wide < width and top + high < height
        if inside and max(wide, high) < 1.6 * RED_CELL:
            here = (slice(top, top + high), slice(left, left + wide))
            filled[here][holes[here] == number] = 1
    return filled


def _measured(
    part: NDArray[np.bool_], nucleus: NDArray[np.bool_], nuclear: NDArray[np.float32], left: int, top: int
) -> Body:
    """Return a part as a body with its own box."""
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    if not len(rows):
        return Body(np.zeros((1, 1), bool), left, top, 0.0, 0.0)
    here = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    stained = part[here] & nucleus[here]
    strength = float(np.median(nuclear[here][stained])) if stained.any() else 0.0
    return Body(part[here], left + int(columns[0]), top + int(rows[0]), float(stained.sum()) / RED_CELL**2, strength)


def _joined(pieces: list[Body]) -> list[Body]:
    """Join pieces that lie side by side within the length of one cell: lobes in cytoplasm too pale to be seen."""
    bodies = sorted(pieces, key=lambda body: -body.nucleus)
    at = 0
    while at < len(bodies):
        one = bodies[at]
        partner = next((other for other in bodies[at + 1 :] if _belong_together(one, other)), None)
        if partner is None:
            at += 1
            continue
        bodies = [body for body in bodies if body is not partner]
        bodies[at] = _union(one, partner)
    return bodies


def _belong_together(one: Body, other: Body) -> bool:
    gap_x = max(one.left, other.left) - min(one.right, other.right)
    gap_y = max(one.top, other.top) - min(one.bottom, other.bottom)
    wide = max(one.right, other.right) - min(one.left, other.left)
    high = max(one.bottom, other.bottom) - min(one.top, other.top)
    near = max(gap_x, gap_y) <= MOST_GAP * RED_CELL
    return near and max(wide, high) <= LEAST_PAIR * RED_CELL and min(one.nucleus, other.nucleus) >= LEAST_LOBE


def _union(one: Body, other: Body) -> Body:
    left, top = min(one.left, other.left), min(one.top, other.top)
    mask = np.zeros((max(one.bottom, other.bottom) - top, max(one.right, other.right) - left), bool)
    for body in (one, other):
        mask[body.top - top : body.bottom - top, body.left - left : body.right - left] |= body.mask
    return Body(mask, left, top, one.nucleus + other.nucleus, max(one.strength, other.strength))


def _is_leukocyte(body: Body, shape: tuple[int, ...]) -> bool:
    """Whether the nucleus is large enough, or the edge cuts a body too wide to be a platelet."""
    if body.nucleus >= LEAST_NUCLEUS:
        return True
    across = body.left == 0 or body.right == shape[1]
    down = body.top == 0 or body.bottom == shape[0]
    if body.nucleus < LEAST_CUT_NUCLEUS or not (across or down):
        return False
    if across and down:
        return True
    side = body.bottom - body.top if across else body.right - body.left
    return side >= LEAST_CUT_SIDE * RED_CELL

"""Red cells of a field: where they lie, and which are round and whole enough to measure by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.discs import find_discs
from wbc_core.smear.fields.leukocytes import RED_CELL, Body
from wbc_core.smear.fields.slide import StainMaps

RADII: Final = RED_CELL / 2 * np.linspace(0.7, 1.35, 22)
"""Radii looked for at the working scale, in pixels."""

LEAST_ROUNDNESS: Final = 0.45
"""Least roundness of a red cell: half of its edge may be hidden."""

LEAST_TO_MEASURE: Final = 0.8
"""Least roundness of one that is measured."""

_LEAST_DENSITY: Final = 0.03


@dataclass(frozen=True)
class RedCell:
    """A red cell at the working scale: middle and radius in pixels, how round it is, and whether it can be measured."""

    x: float
    y: float
    radius: float
    roundness: float
    measurable: bool


def find_red_cells(maps: StainMaps, leukocytes: list[Body]) -> list[RedCell]:
    """Return the red cells of a field.

    Parameters
    ----------
    maps : StainMaps
        A red cell is ``RED_CELL`` pixels wide in them.
    leukocytes : list of Body
        What is no red cell.

    Returns
    -------
    list of RedCell
        Those whose middle lies in the picture, roundest first.
    """
    taken = np.zeros(maps.density.shape, bool)
    for cell in leukocytes:
        taken[cell.top : cell.bottom, cell.left : cell.right] |= cell.mask
    discs = find_discs(maps.density, RADII, least_roundness=LEAST_ROUNDNESS)
    height, width = (int(side) for side in maps.density.shape)
    found = []
    for x, y, radius, roundness in zip(discs.x, discs.y, discs.radius, discs.roundness, strict=True):
        row, column = round(float(y)), round(float(x))
        if taken[row, column] or not maps.lit[row, column]:
            continue
        if _usual(maps.density, row, column, radius) < _LEAST_DENSITY:
            continue
        margin = min(x, y, width - 1 - x, height - 1 - y)
        found.append(
            RedCell(
                float(x),
                float(y),
                float(radius),
                float(roundness),
                bool(roundness >= LEAST_TO_MEASURE and margin > 1.1 * radius),
            )
        )
    return found


def _usual(density: NDArray[np.float32], row: int, column: int, radius: float) -> float:
    """Return the density that half of a disc's square exceeds: a gap between cells has none."""
    reach = max(1, round(0.7 * radius))
    window = density[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    return float(np.median(window))

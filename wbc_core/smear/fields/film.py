"""Where on the film a field lies, and whether its stain is the one expected: cautions about a field that is counted.

Cells are counted where red cells lie side by side and most are paler in their middle. In thicker parts they lie on one
another and leukocytes are small and dense; towards the feathered edge red cells are flat, without a pale middle, and
leukocytes are torn or swollen (Bain, Blood Cells, 6th ed. 2022). None of this is a reason to refuse a field: a person
decides, and must know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.ruler import shrink
from wbc_core.smear.fields.slide import StainMaps, lit_part, slide_colour_of, stain_maps

WIDTH: Final = 20.0
"""Width of a red cell, in pixels, at which all this is measured."""

MOST_NUCLEATED: Final = 0.35
"""Largest share of a field that leukocytes cover."""

MOST_TO_RED: Final = 0.4
"""Most leukocytes per red cell, where there are at least ``FEWEST_CROWDED``."""

FEWEST_CROWDED: Final = 8

LEAST_SINGLE: Final = 0.45
"""Least share of what red cells cover that lies in round ones."""

LEAST_PALLOR: Final = 0.15
"""Least usual pallor; see :class:`FilmFacts`."""

SPARSE, COBBLED = 0.36, 0.72
"""Share of the slide that red cells cover: below and above, they are flat where they have no pallor."""

MOST_VIOLET: Final = 0.048
"""Largest usual nuclear density of red cells."""

FOREIGN, MOST_FOREIGN = 0.08, 0.04
"""How much more red or blue than green light a pixel takes out, and the share of such pixels: from there on a caution;
:mod:`wbc_core.smear.fields.refusals` refuses more."""

DARK_BODY, DARKER = 0.22, 2.2
"""Density of a dark body: this, or so many times the usual one of what is stained, whichever is less."""

LEAST_DARK_BODY: Final = 0.3
"""Least area of a dark body in squares of the red cell's diameter."""

COARSE: Final = 20.0
"""Least width of a red cell in pixels of the picture."""

_LONGEST: Final = 1600
_COVERED: Final = 0.04
_STAINED: Final = 0.05
_NOT_VIOLET: Final = 0.03
_LEAST_FEW: Final = 5


@dataclass(frozen=True)
class FilmFacts:
    """What a field shows of its film.

    Attributes
    ----------
    nucleated : float
        Share of the field that leukocytes cover.
    leukocytes, red_cells : int
        How many were found.
    covered : float
        Share of the rest that red cells cover.
    single : float
        Share of this that lies in red cells that were found as round ones.
    pallor : float or None
        How much less dense the middle of a red cell is than the ring around it, as a share of the ring's density;
        median. None of fewer than five.
    violet : float
        Median nuclear density of what red cells cover.
    foreign : float
        Share of pixels that take out more red or blue than green light by ``FOREIGN``.
    dark_body : float
        Area of the largest dark body that is not violet, in squares of the red cell's diameter.
    red_cell : float
        Width of a red cell in pixels of the picture.
    """

    nucleated: float
    leukocytes: int
    red_cells: int
    covered: float
    single: float
    pallor: float | None
    violet: float
    foreign: float
    dark_body: float
    red_cell: float


def film_facts(pixels: NDArray[np.uint8], cells: Sequence[FieldCell], red_cell: float) -> FilmFacts:
    """Measure a field whose cells were found.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    cells : sequence of FieldCell
        Its cells.
    red_cell : float
        Width of a red cell in pixels.

    Returns
    -------
    FilmFacts
        Measured where a red cell is ``WIDTH`` pixels wide, or less in a field of very many cells.
    """
    scale = min(WIDTH / red_cell, _LONGEST / max(pixels.shape[:2]))
    small = shrink(pixels, scale)
    lit = lit_part(small)
    maps = stain_maps(small, slide_colour_of(small, lit), lit)
    density = np.asarray(cv2.GaussianBlur(maps.density, (0, 0), 0.7), np.float32)
    leukocytes = [cell for cell in cells if cell.kind == "wbc"]
    reds = [cell for cell in cells if cell.kind == "rbc"]
    free = lit & (_drawn(leukocytes, scale, lit.shape) == 0)
    covered = free & (density > _COVERED)
    in_round = covered & (_drawn(reds, scale, lit.shape) > 0)
    stained = free & (density > _STAINED)
    all_lit = max(1, int(lit.sum()))
    return FilmFacts(
        nucleated=sum(np.pi * (cell.diameter * scale / 2) ** 2 for cell in leukocytes) / all_lit,
        leukocytes=len(leukocytes),
        red_cells=len(reds),
        covered=float(covered.sum()) / max(1, int(free.sum())),
        single=float(in_round.sum()) / max(1, int(covered.sum())),
        pallor=_pallor(density, reds, scale),
        violet=float(np.median(maps.nuclear[stained])) if stained.any() else 0.0,
        foreign=float((np.maximum(maps.red, maps.blue) > np.maximum(maps.density, 0) + FOREIGN)[lit].mean()),
        dark_body=_dark_body(maps, density) / (red_cell * scale) ** 2,
        red_cell=red_cell,
    )


def film_cautions(facts: FilmFacts) -> tuple[str, ...]:
    """Return what to beware of in a field, the gravest first: words of ``film_words.CAUTIONS``."""
    return tuple(_cautions(facts))


def _cautions(facts: FilmFacts) -> Iterator[str]:
    many = facts.leukocytes >= FEWEST_CROWDED and facts.leukocytes > MOST_TO_RED * facts.red_cells
    crowded = facts.nucleated > MOST_NUCLEATED or many
    if crowded:
        yield "crowded"
    flat = facts.pallor is not None and facts.pallor < LEAST_PALLOR
    if not crowded:
        if facts.single < LEAST_SINGLE and facts.covered > SPARSE:
            yield "thick"
        elif flat and not SPARSE < facts.covered < COBBLED:
            yield "feathered_edge"
    if facts.violet > MOST_VIOLET:
        yield "violet_red_cells"
    if facts.foreign > MOST_FOREIGN:
        yield "foreign_colours"
    if not facts.leukocytes and facts.dark_body > LEAST_DARK_BODY:
        yield "no_violet"
    if facts.red_cell < COARSE:
        yield "coarse"


def _drawn(cells: Sequence[FieldCell], scale: float, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a mask of cells, each as the ellipse in its box: uint8, 0 or 1."""
    mask = np.zeros(shape, np.uint8)
    for cell in cells:
        middle = (round((cell.xmin + cell.xmax) / 2 * scale), round((cell.ymin + cell.ymax) / 2 * scale))
        axes = (round((cell.xmax - cell.xmin) / 2 * scale) + 1, round((cell.ymax - cell.ymin) / 2 * scale) + 1)
        cv2.ellipse(mask, middle, axes, 0, 0, 360, 1, -1)
    return mask


def _pallor(density: NDArray[np.float32], reds: Sequence[FieldCell], scale: float) -> float | None:
    height, width = density.shape
    found = []
    for cell in reds:
        radius = cell.diameter / 2 * scale
        x, y = (cell.xmin + cell.xmax) / 2 * scale, (cell.ymin + cell.ymax) / 2 * scale
        reach = int(np.ceil(radius))
        left, top = round(x) - reach, round(y) - reach
        if cell.cut or left < 0 or top < 0 or left + 2 * reach >= width or top + 2 * reach >= height:
            continue
        window = density[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
        rows, columns = np.mgrid[0 : window.shape[0], 0 : window.shape[1]]
        away = np.hypot(rows + top + 0.5 - y, columns + left + 0.5 - x) / radius
        ring = float(window[(away > 0.5) & (away < 0.8)].mean())
        found.append((ring - float(window[away < 0.3].mean())) / max(ring, 0.01))
    return float(np.median(found)) if len(found) >= _LEAST_FEW else None


def _dark_body(maps: StainMaps, density: NDArray[np.float32]) -> float:
    """Return the area of the largest dark body that is not violet, in pixels."""
    stained = density[density > _STAINED]
    least = min(DARK_BODY, DARKER * float(np.median(stained))) if stained.size else DARK_BODY
    dark = ((density > least) & (maps.nuclear < _NOT_VIOLET) & maps.lit).astype(np.uint8)
    opened = cv2.morphologyEx(dark, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))
    count, _, facts, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    return float(facts[1:count, cv2.CC_STAT_AREA].max()) if count > 1 else 0.0

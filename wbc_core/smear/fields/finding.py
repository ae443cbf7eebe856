"""Find the cells of a whole field, by colour and shape; any other detector can take the place of :func:`find_cells`.

The field is brought to a working scale by its own red cells, so that camera and magnification do not matter, and
measured against its own slide, so that lamp and white balance do not. Fields larger than a tile at that scale are
worked on tile by tile, with a margin in which each tile sees its neighbours' cells whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wbc_core.imaging.localisation import CellLocation
from wbc_core.smear.fields.cells import KINDS, FieldCell, FieldCells
from wbc_core.smear.fields.debris import ARTEFACT, SMUDGE_CELL, debris_name, find_dirt, focus_of, traits_of
from wbc_core.smear.fields.film import film_cautions, film_facts
from wbc_core.smear.fields.film_words import CAUTIONS
from wbc_core.smear.fields.leukocytes import RED_CELL, Body, find_leukocytes, smoothed
from wbc_core.smear.fields.platelets import find_platelets, name_of
from wbc_core.smear.fields.red_cells import RedCell, find_red_cells
from wbc_core.smear.fields.refusals import (
    Refusal,
    eyepiece_note,
    refusal_of_cells,
    refusal_of_colours,
    refusal_of_size,
    scale_note,
    told_apart,
)
from wbc_core.smear.fields.ruler import UsualSize, shrink, usual_size
from wbc_core.smear.fields.scale import RED_CELL_UM, scale_of
from wbc_core.smear.fields.slide import lit_part, slide_colour_of, stain_maps

TILE: Final = 1400
"""Side of a tile at the working scale, in pixels."""

MARGIN: Final = 4 * RED_CELL
"""What a tile sees beyond its own part: twice a leukocyte's diameter."""

RIM: Final = {"wbc": 0.05, "rbc": 0.06, "platelet": 0.07, SMUDGE_CELL: 0.05, ARTEFACT: 0.05}
"""Width, in red cells, of the rim that a box leaves around a cell: half an edge's blur, as people draw boxes."""


def find_cells(pixels: NDArray[np.uint8], scale: float | None = None) -> FieldCells:
    """Find leukocytes, platelets and red cells of a field.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    scale : float, optional
        Micrometres per pixel; taken from the red cells if not given.

    Returns
    -------
    FieldCells
        With a reason and without cells where the picture is no field that can be counted.

    Raises
    ------
    ImageError
        If the scale is no size of a pixel.
    """
    height, width = pixels.shape[:2]
    nothing = FieldCells(width, height)
    small = shrink(pixels, min(1.0, 1024 / max(height, width)))
    lit = lit_part(small)
    slide = slide_colour_of(small, lit)
    refusal = refusal_of_colours(stain_maps(small, slide, lit), slide)
    if refusal is not None:
        return _refused(nothing, told_apart(refusal, small))
    given = scale_of((), scale)
    usual = usual_size(pixels)
    size = usual if given is None else UsualSize(RED_CELL_UM / given.um_per_pixel, 0)
    refusal = refusal_of_size(size, (height, width))
    if refusal is not None or size is None:
        return nothing if refusal is None else _refused(nothing, told_apart(refusal, small))
    red_cell = size.diameter
    odd_scale = () if given is None or usual is None else scale_note(usual.diameter * given.um_per_pixel)
    notes = eyepiece_note(lit) + odd_scale
    cells: list[FieldCell] = []
    ruler: list[float] = []
    for found, diameters in _by_tiles(pixels, slide, RED_CELL / red_cell):
        cells.extend(found)
        ruler.extend(diameters)
    refusal = refusal_of_cells(cells, red_cell, (height, width), scale_given=given is not None)
    if refusal is not None:
        return _refused(nothing, told_apart(refusal, small))
    if not odd_scale:  # all of these are measured in red cells
        notes += tuple(CAUTIONS[word] for word in film_cautions(film_facts(pixels, cells, red_cell)))
    order = {kind: at for at, kind in enumerate(KINDS)}
    cells.sort(key=lambda cell: (order[cell.kind], cell.ymin, cell.xmin))
    return replace(nothing, cells=tuple(cells), red_cell=red_cell, round_red_cells=tuple(ruler), notes=notes)


def _refused(nothing: FieldCells, refusal: Refusal) -> FieldCells:
    return replace(nothing, reason=refusal.reason, message=refusal.message, hint=refusal.hint)


def _by_tiles(
    pixels: NDArray[np.uint8], slide: NDArray[np.float32], scale: float
) -> Iterator[tuple[list[FieldCell], list[float]]]:
    """Yield the cells whose middle lies in each tile, and the diameters of its round red cells, in picture pixels."""
    height, width = pixels.shape[:2]
    side, margin = max(1, round(TILE / scale)), round(MARGIN / scale)
    for top in range(0, height, side):
        for left in range(0, width, side):
            y0, x0 = max(0, top - margin), max(0, left - margin)
            part = pixels[y0 : min(height, top + side + margin), x0 : min(width, left + side + margin)]
            working = shrink(part, scale)
            down, across = working.shape[0] / part.shape[0], working.shape[1] / part.shape[1]
            place = _Place(x0, y0, across, down, width, height)
            cells, ruler = _in_one(working, slide, place)

            def own(cell: FieldCell, left: int = left, top: int = top) -> bool:
                x, y = (cell.xmin + cell.xmax) / 2, (cell.ymin + cell.ymax) / 2
                return left <= x < left + side and top <= y < top + side

            yield [cell for cell in cells if own(cell)], [size for cell, size in ruler if own(cell)]


class _Place:
    """Where a working picture lies in the field."""

    def __init__(self, x0: int, y0: int, across: float, down: float, width: int, height: int) -> None:
        self.x0, self.y0, self.across, self.down = x0, y0, across, down
        self.width, self.height = width, height

    def cell(
        self, box: tuple[float, float, float, float], kind: str, score: float, area: float, lit: NDArray[np.bool_]
    ) -> FieldCell:
        """Return a cell from its box and area at the working scale."""
        rim = RIM[kind] * RED_CELL
        left, top, right, bottom = (
            self.x0 + (box[0] - rim) / self.across,
            self.y0 + (box[1] - rim) / self.down,
            self.x0 + (box[2] + rim) / self.across,
            self.y0 + (box[3] + rim) / self.down,
        )
        slack = 0.5 * rim
        beyond = (
            self.x0 + (box[0] - slack) / self.across <= 0,
            self.y0 + (box[1] - slack) / self.down <= 0,
            self.x0 + (box[2] + slack) / self.across >= self.width,
            self.y0 + (box[3] + slack) / self.down >= self.height,
        )
        dark = _touches_dark(box, lit)
        return FieldCell(
            max(0.0, left),
            max(0.0, top),
            min(float(self.width), right),
            min(float(self.height), bottom),
            kind,
            round(float(np.clip(score, 0, 1)), 4),
            any(beyond) or any(dark),
            not (beyond[2] or beyond[3] or dark[2] or dark[3]),
            2 * float(np.sqrt(area / np.pi / (self.across * self.down))),
        )


def _touches_dark(box: tuple[float, float, float, float], lit: NDArray[np.bool_]) -> tuple[bool, bool, bool, bool]:
    """Return whether dark surroundings lie just left, above, right and below a box."""
    if lit.all():
        return (False, False, False, False)
    left, top, right, bottom = (round(value) for value in box)
    reach = 3
    sides = (
        lit[max(0, top) : bottom, max(0, left - reach) : max(0, left) + reach],
        lit[max(0, top - reach) : max(0, top) + reach, max(0, left) : right],
        lit[max(0, top) : bottom, max(0, right - reach) : right + reach],
        lit[max(0, bottom - reach) : bottom + reach, max(0, left) : right],
    )
    return (not sides[0].all(), not sides[1].all(), not sides[2].all(), not sides[3].all())


def _in_one(
    working: NDArray[np.uint8], slide: NDArray[np.float32], place: _Place
) -> tuple[list[FieldCell], list[tuple[FieldCell, float]]]:
    lit = lit_part(working)
    maps = stain_maps(working, slide, lit)
    stained = find_leukocytes(maps)
    cells: list[FieldCell] = []
    nuclear, focus = smoothed(maps), focus_of(maps)
    for body in stained:
        box = (body.left, body.top, body.right, body.bottom)
        score = min(1.0, body.nucleus / 0.6) ** 0.5 * min(1.0, body.strength / 0.2) ** 0.5
        debris = debris_name(traits_of(body, maps, nuclear, focus), focus)
        found = place.cell(box, debris or "wbc", score, body.area * RED_CELL**2, lit)
        cells.append(replace(found, label=debris, nucleus=_nucleus_of(body, nuclear, place)))
    for body in (dirt := find_dirt(maps, stained)):
        box = (body.left, body.top, body.right, body.bottom)
        cells.append(replace(place.cell(box, ARTEFACT, 1.0, body.area * RED_CELL**2, lit), label=ARTEFACT))
    stained = stained + dirt
    for body in find_platelets(maps, stained):
        box = (body.left, body.top, body.right, body.bottom)
        found = place.cell(box, "platelet", body.strength / 0.2, body.area * RED_CELL**2, lit)
        cells.append(replace(found, label=name_of(body)))
    ruler = []
    for red in find_red_cells(maps, stained):
        cell = _red_cell(red, place, lit)
        cells.append(cell)
        if red.measurable:
            ruler.append((cell, cell.diameter))
    return cells, ruler


def _red_cell(red: RedCell, place: _Place, lit: NDArray[np.bool_]) -> FieldCell:
    box = (red.x - red.radius, red.y - red.radius, red.x + red.radius + 1, red.y + red.radius + 1)
    found = place.cell(box, "rbc", red.roundness, np.pi * (red.radius + 0.5) ** 2, lit)
    return replace(found, label="red_cell", measures=red.measurable)


def _nucleus_of(body: Body, nuclear: NDArray[np.float32], place: _Place) -> CellLocation:
    """Return where the nucleus lies, measured as :mod:`wbc_core.imaging.localisation` does."""
    here = nuclear[body.top : body.bottom, body.left : body.right]
    rows, columns = np.nonzero(body.mask & (here > 0.55 * body.strength))
    if not len(rows):
        rows, columns = np.nonzero(body.mask)
    x, y = (float(np.percentile(axis, (2, 98)).mean()) for axis in (columns, rows))
    radius = float(np.percentile(np.hypot(columns - x, rows - y), 98))
    return CellLocation(
        True,
        place.x0 + (body.left + x + 0.5) / place.across,
        place.y0 + (body.top + y + 0.5) / place.down,
        (2 * radius + 1) / place.across,
        0,
        255 * (1 - 10 ** -max(body.strength, 0.0)),
    )

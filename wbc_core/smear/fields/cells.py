"""What was found in a field: cells with their boxes, and how large the field's red cells are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wbc_core.imaging.localisation import CellLocation

KINDS: Final = ("wbc", "smudge_cell", "artefact", "platelet", "rbc")
"""Leukocytes; broken ones and what is no cell, both outside the leukocyte count; platelets; red cells."""


@dataclass(frozen=True)
class FieldCell:
    """A cell of a field, in pixels of the picture.

    Attributes
    ----------
    xmin, ymin, xmax, ymax : float
        Box around the whole cell, within the picture; the last two are just behind the cell.
    kind : str
        One of ``KINDS``.
    score : float
        0 to 1: how clearly the cell stands out. An order, not a probability.
    cut : bool
        Whether the picture's edge cuts the cell.
    counted : bool
        False for a cell that the lower or the right edge cuts: counted on two sides, each cell of neighbouring fields
        counts once.
    diameter : float
        Of the circle of the cell's area, in pixels; of a cut cell that of the visible part.
    label : str
        ``red_cell``, ``platelet``, ``giant_platelet``, ``platelet_clump``, ``smudge_cell`` or ``artefact``; empty for a
        leukocyte: a model names it.
    nucleus : CellLocation or None
        Of what is stained like a nucleus: where that lies in the picture.
    measures : bool
        Whether it is a red cell round and whole enough to be part of the ruler.
    """

    xmin: float
    ymin: float
    xmax: float
    ymax: float
    kind: str
    score: float
    cut: bool
    counted: bool
    diameter: float
    label: str = ""
    nucleus: CellLocation | None = None
    measures: bool = False


@dataclass(frozen=True)
class FieldCells:
    """What one field shows.

    Attributes
    ----------
    width, height : int
        Of the picture in pixels.
    cells : tuple of FieldCell
        By their kinds in the order of ``KINDS``, each from the top of the field down.
    red_cell : float or None
        Usual diameter of its red cells in pixels; None where no red cells were found.
    round_red_cells : tuple of float
        Diameters in pixels of the red cells that are round and whole: the ruler.
    reason : str
        Why the picture is no field that can be counted; empty where it is one.
    message, hint : str
        The same as a sentence, and what to do.
    notes : tuple of str
        Sentences about a field that can be counted.
    """

    width: int
    height: int
    cells: tuple[FieldCell, ...] = ()
    red_cell: float | None = None
    round_red_cells: tuple[float, ...] = ()
    reason: str = ""
    message: str = ""
    hint: str = ""
    notes: tuple[str, ...] = field(default=())

    def of_kind(self, kind: str) -> tuple[FieldCell, ...]:
        """Return the cells of one kind."""
        return tuple(cell for cell in self.cells if cell.kind == kind)

"""What is said of a field and of each of its cells, as rows and as a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.scale import Scale

COLUMNS = ("file", "xmin", "ymin", "xmax", "ymax", "kind", "score", "label", "confidence", "status")
"""Of the table of cells."""

MORE_COLUMNS = ("reason", "counted_in")
"""What JSON says of each cell beside these."""

REVIEW_COLUMNS = ("reviewed", "corrected_from", "model_label", "model_confidence")
"""What files of fields that a person may have corrected say of each cell besides."""

ON_BORDER = "on_border"
"""Reason of a cell that the lower or the right edge cuts."""

ELSEWHERE = "counted_in_another_field"
"""Reason of a cell that an overlapping field counts."""

NOT_FOUND = "not_found"
"""What a cell was corrected from that only a person has seen."""


@dataclass(frozen=True)
class FoundCell:
    """A cell of a field with what is said of it.

    Attributes
    ----------
    cell : FieldCell
        Box, kind and score.
    label : str
        The model's top label of a leukocyte; of any other cell its own.
    confidence : float or None
        Calibrated probability of a leukocyte's label.
    status : str
        ``classified`` or ``unidentified`` for a leukocyte, ``found`` for other cells; ``not_counted`` for any that does
        not count in this field.
    reason : str
        Why unidentified; why not counted: ``on_border`` or ``counted_in_another_field``; else empty.
    probabilities : dict of str to float
        Of a leukocyte: of every label.
    counted_in : str
        Name of the field that counts it, where another one does.
    reviewed : bool
        Whether a person has said what it is.
    corrected_from : str
        What it was called before, where a person calls it something else: a label, ``unidentified``, or ``not_found``
        of a cell that the search had missed.
    """

    cell: FieldCell
    label: str
    confidence: float | None = None
    status: str = "found"
    reason: str = ""
    probabilities: dict[str, float] = field(default_factory=dict)
    counted_in: str = ""
    reviewed: bool = False
    corrected_from: str = ""

    @property
    def counts(self) -> bool:
        """Whether it counts in this field."""
        return self.status != "not_counted"

    @property
    def model_label(self) -> str:
        """The label that the model finds likeliest; empty of what no model has named."""
        return max(self.probabilities, key=self.probabilities.__getitem__) if self.probabilities else ""

    def diameter_um(self, scale: Scale | None) -> float | None:
        """Return the diameter in µm; None without a scale, and of a cell that the edge cuts."""
        return None if scale is None or self.cell.cut else self.cell.diameter * scale.um_per_pixel


@dataclass(frozen=True)
class FieldResult:
    """What was found in one field.

    Attributes
    ----------
    file : str
        Its name as given.
    width, height : int
        In pixels; 0 of what could not be read.
    cells : tuple of FoundCell
        By their kinds in the order of ``KINDS``.
    status : str
        ``counted`` or ``failed``.
    reason, error, hint : str
        Why it failed: a word, a sentence, and what to do.
    scale : Scale or None
        Of this field's camera; None where too few red cells are round.
    red_cell : float or None
        Usual diameter of its red cells in pixels.
    notes : tuple of str
        Sentences about the picture.
    stated_scale : float or None
        Micrometres per pixel as the file states them, be it a microscope's, a screen's or a printer's.
    overview : ndarray of uint8 or None
        By which overlapping fields are recognised; None once that is done.
    """

    file: str
    width: int = 0
    height: int = 0
    cells: tuple[FoundCell, ...] = ()
    status: str = "counted"
    reason: str = ""
    error: str = ""
    hint: str = ""
    scale: Scale | None = None
    red_cell: float | None = None
    notes: tuple[str, ...] = ()
    stated_scale: float | None = None
    overview: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    @property
    def round_red_cells(self) -> tuple[float, ...]:
        """Diameters in pixels of the red cells that measure, those that another field measures left out."""
        return tuple(found.cell.diameter for found in self.cells if found.cell.measures and found.reason != ELSEWHERE)

    def counted(self, kind: str) -> tuple[FoundCell, ...]:
        """Return the cells of a kind that count in this field."""
        return tuple(found for found in self.cells if found.cell.kind == kind and found.counts)

    @property
    def clumped(self) -> bool:
        """Whether platelets lie in clumps: no estimate of their number holds then."""
        return any(found.label == "platelet_clump" for found in self.cells)


def as_rows(result: FieldResult, columns: Sequence[str] = COLUMNS) -> list[dict[str, Any]]:
    """Return a field as rows of the ``detect`` table, one per cell; of a failed one a single row that says so."""
    if result.status == "failed":
        said = {"file": result.file, "status": "failed", "reason": result.reason}
        return [{column: said.get(column, "") for column in columns}]
    rows = [
        {
            "file": result.file,
            "xmin": round(found.cell.xmin),
            "ymin": round(found.cell.ymin),
            "xmax": round(found.cell.xmax),
            "ymax": round(found.cell.ymax),
            "kind": found.cell.kind,
            "score": "" if found.corrected_from == NOT_FOUND else found.cell.score,
            "label": found.label,
            "confidence": "" if found.corrected_from else _rounded(found.confidence),
            "status": found.status,
            "reason": found.reason,
            "counted_in": found.counted_in,
            "reviewed": found.reviewed,
            "corrected_from": found.corrected_from,
            "model_label": found.model_label,
            "model_confidence": _rounded(found.confidence),
        }
        for found in result.cells
    ]
    return [{column: row[column] for column in columns} for row in rows]


def _rounded(confidence: float | None) -> float | str:
    return "" if confidence is None else round(confidence, 6)


def as_summary(result: FieldResult) -> dict[str, Any]:
    """Return what one field comes to: cells that count, scale with its error, and what is to be said about it."""
    scale = result.scale
    return {
        "file": result.file,
        "status": result.status,
        "reason": result.reason,
        "error": result.error,
        "hint": result.hint,
        "width": result.width,
        "height": result.height,
        "leukocytes": len(result.counted("wbc")),
        "smudge_cells": len(result.counted("smudge_cell")),
        "artefacts": len(result.counted("artefact")),
        "platelets": len(result.counted("platelet")),
        "platelet_clumps": result.clumped,
        "red_cells": len(result.counted("rbc")),
        "counted_in_other_fields": sum(found.reason == ELSEWHERE for found in result.cells),
        "reviewed": sum(found.reviewed for found in result.cells),
        "corrected": sum(found.corrected_from != "" for found in result.cells),
        "um_per_pixel": None if scale is None else round(scale.um_per_pixel, 6),
        "um_per_pixel_error": None if scale is None else round(scale.error, 6),
        "scale_from": "" if scale is None else scale.source,
        "notes": list(result.notes),
    }

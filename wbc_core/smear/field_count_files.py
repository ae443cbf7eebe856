"""Counts from what ``wbc detect`` or the page *Fields* wrote as JSON: cells, fields, and what a person has decided."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wbc_core.biology.counted_cells import counted_cells
from wbc_core.errors import DatasetError
from wbc_core.smear.counts import Counts, model_counts
from wbc_core.smear.decisions import NOT_A_CELL, NOT_CLASSED
from wbc_core.smear.fields.film_words import cautions_of_fields

_HINT: Final = "Write it anew by `wbc detect … --out cells.json`, or take JSON on the page Fields."
_LEUKOCYTE, _OUTSIDE = "wbc", ("smudge_cell", "artefact")


def holds_fields(data: bytes) -> bool:
    """Return whether a file is JSON, as fields are written, and no table."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def counts_of_fields(data: bytes, name: str) -> Counts:
    """Count the cells of whole fields.

    Parameters
    ----------
    data : bytes
        JSON with ``fields``, ``labels`` of the model, and the cells as ``cells`` or ``results``.
    name : str
        For messages.

    Returns
    -------
    Counts
        With cautions about film and stain; as counted by eye where it says that every cell was reviewed.

    Raises
    ------
    DatasetError
        It holds no fields, or a cell that is none.
    """
    try:
        content = json.loads(data)
    except ValueError as error:
        raise DatasetError(f"{name} cannot be read as JSON.", _HINT) from error
    labels, cells = content.get("labels"), content.get("cells", content.get("results"))
    fields = content.get("fields")
    if not (_are(fields, dict) and _are(cells, dict) and _are(labels, str)):
        raise DatasetError(f"{name} holds no fields with their cells and the labels of a model.", _HINT)
    try:
        classified, reasons, outside = _counted(cells, name)
        notes = {str(each["file"]): each["notes"] for each in fields if each["status"] == "counted"}
        failed = [str(each["file"]) for each in fields if each["status"] == "failed"]
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{name} has a field or a cell without all that belongs to it.", _HINT) from error
    return model_counts(
        labels,
        classified,
        reasons,
        outside=outside,
        reviewed=content.get("reviewed") is True,
        film=cautions_of_fields(notes, failed),
    )


def _are(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _counted(cells: Sequence[Mapping[str, Any]], name: str) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return leukocytes by label, those left open by reason, and what lies outside by label."""
    classified, reasons, outside = Counter[str](), Counter[str](), Counter[str]()
    for cell in cells:
        kind, label, status, reason = cell["kind"], cell["label"], cell["status"], cell["reason"]
        if status == "not_counted":
            outside[NOT_CLASSED] += reason in (NOT_CLASSED, NOT_A_CELL)
        elif kind in _OUTSIDE:
            outside[kind] += 1
        elif kind == _LEUKOCYTE and status == "unidentified":
            reasons[str(reason)] += 1
        elif kind == _LEUKOCYTE:
            if label not in counted_cells():
                raise DatasetError(f'{name}: "{str(label)[:40]}" is no cell that a differential counts.', _HINT)
            classified[label] += 1
    return classified, reasons, outside

"""The results of a batch as a file: CSV, XLSX with typed cells, or JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator

from wbc_core import __version__
from wbc_core.batches.rows import as_record, repeated
from wbc_core.biology.labels import in_bone_marrow_study
from wbc_core.biology.statements import BONE_MARROW_STUDY, RESEARCH_USE
from wbc_core.errors import WbcError
from wbc_core.reports.tables import Cell, Record, as_csv, as_json, as_workbook
from wbc_core.services.access import require
from wbc_core.services.batch_corrections import corrected_rows, review_of_batch
from wbc_core.services.batches import BatchView, view_batch
from wbc_core.services.prediction import COLUMNS
from wbc_core.services.roles import Action

MORE_COLUMNS = ("same_as", "note", "reviewed", "corrected_from")
ENDINGS = (".csv", ".xlsx", ".json")


def batch_file(batch_id: str, ending: str) -> bytes:
    """Return the rows done so far as a file.

    Parameters
    ----------
    batch_id : str
        The batch.
    ending : str
        ``.csv``, ``.xlsx`` or ``.json``.

    Raises
    ------
    WbcError
        If there is no such batch or kind of file.
    """
    require(Action.CLASSIFY)
    if ending not in ENDINGS:
        raise WbcError(f"There is no result file that ends in {ending}.", f"Choose one of {', '.join(ENDINGS)}.")
    view = view_batch(batch_id)
    columns = columns_of(view)
    if ending == ".csv":
        return as_csv(_records(view), columns).encode()
    about = _about(view)
    if ending == ".json":
        left = [{"file": file, "reason": reason} for file, reason in view.left_out.items()]
        return as_json(_records(view), {**about, "left out": left}).encode()
    left_out: Iterator[Record] = ({"file": file, "reason": reason} for file, reason in view.left_out.items())
    sheets: dict[str, tuple[tuple[str, ...], Iterator[Record]]] = {"Pictures": (columns, _records(view))}
    if view.left_out:
        sheets["Left out"] = (("file", "reason"), left_out)
    return as_workbook(sheets, about)


def columns_of(view: BatchView) -> tuple[str, ...]:
    """Return the columns of a batch's table: those of ``predict``, then what else is known of a picture."""
    return (*COLUMNS, *(f"p_{label}" for label in view.request.labels), *MORE_COLUMNS)


def _records(view: BatchView) -> Iterator[Record]:
    rows = corrected_rows(view.request.id)
    again = repeated(rows)
    return (as_record(row, view.request.labels, again) for row in rows)


def _about(view: BatchView) -> dict[str, Cell]:
    request, tally = view.request, view.tally
    review = review_of_batch(request.id)
    study = in_bone_marrow_study(request.labels)
    return {
        "statement": f"{RESEARCH_USE} {BONE_MARROW_STUDY}" if study else RESEARCH_USE,
        "batch": request.id,
        "handed in": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(request.created)),
        "state": view.standing.state,
        "pictures handed in": view.standing.total,
        "pictures done": tally.done,
        "failed": tally.statuses["failed"],
        "same as an earlier picture": tally.repeats,
        "left out": len(view.left_out),
        "every picture reviewed": review.finished,
        "corrected by hand": review.corrected,
        "model": request.model_id,
        "model title": request.model_title,
        "network SHA-256": request.network,
        "program version": __version__,
    }

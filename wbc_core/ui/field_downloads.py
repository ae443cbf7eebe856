"""The cells of all fields as files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import streamlit as st

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.reports.tables import Cell, Record, as_csv, as_json, as_workbook
from wbc_core.services.field_corrections import corrected_results, review_of
from wbc_core.services.field_results import COLUMNS, MORE_COLUMNS, REVIEW_COLUMNS, as_rows, as_summary
from wbc_core.services.field_runs import FieldRun, field_run
from wbc_core.ui.batch_downloads import KINDS

_FIELD_COLUMNS = (
    *("file", "status", "reason", "leukocytes", "platelets", "red_cells", "reviewed", "corrected"),
    *("um_per_pixel", "scale_from", "error", "notes"),
)


def show_downloads(run: FieldRun) -> None:
    """Offer the table of cells as CSV, XLSX and JSON; each is made when it is asked for."""
    st.subheader("Take the results along", anchor=False)
    with st.container(horizontal=True, gap="small"):
        for ending, (name, mime) in KINDS.items():
            st.download_button(
                name,
                partial(fields_file, run.id, ending),
                file_name=f"fields{ending}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"field_download_{ending[1:]}",
            )
    st.caption(
        "One row a cell, with its box in pixels of the picture; what you corrected stands there beside what the model"
        " said."
    )


def fields_file(run_id: str, ending: str) -> bytes:
    """Return the cells of a run as a file that ends in ``.csv``, ``.xlsx`` or ``.json``."""
    run = field_run(run_id)
    results = corrected_results(run)
    columns = (*COLUMNS, *REVIEW_COLUMNS) if ending == ".csv" else (*COLUMNS, *MORE_COLUMNS, *REVIEW_COLUMNS)
    rows = [row for result in results for row in as_rows(result, columns)]
    if ending == ".csv":
        return as_csv(rows, columns).encode()
    fields = [as_summary(result) for result in results]
    about: dict[str, Cell] = {
        "statement": RESEARCH_USE,
        "model": run.model_id,
        "reviewed": review_of(run).finished,
    }
    left_out = [{"file": file, "reason": reason} for file, reason in run.left_out.items()]
    if ending == ".json":
        more = {"labels": list(run.labels), "fields": fields, "left_out": left_out}
        return as_json(rows, {**about, **more}).encode()
    said = [{**facts, "notes": " ".join(facts["notes"])} for facts in fields]
    sheets: dict[str, tuple[Sequence[str], Iterable[Record]]] = {
        "Cells": (columns, rows),
        "Fields": (_FIELD_COLUMNS, said),
    }
    if left_out:
        sheets["Left out"] = (("file", "reason"), left_out)
    return as_workbook(sheets, {**about, "model title": run.model_title})

"""The ``wbc detect`` command: cells of whole fields, one row each."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wbc_core.errors import WbcError

if TYPE_CHECKING:
    from wbc_core.services.field_results import FieldResult

_ENDINGS = (".csv", ".json")
_DEBRIS = (("smudge_cells", "smudge cells"), ("artefacts", "artefacts"))


def detect(
    paths: Annotated[list[Path], typer.Argument(help="Pictures of whole fields, folders of them, zip archives.")],
    model: Annotated[str | None, typer.Option("--model", help="Model id; the default model if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write .csv or .json here instead of printing CSV.")] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="Micrometres per pixel; from the file or the round red cells if not given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find the cells of whole fields and name the leukocytes: one row per cell, a bad file is a row too."""
    from wbc_core.batches.listing import list_paths
    from wbc_core.services.field_results import COLUMNS, MORE_COLUMNS, as_rows
    from wbc_core.services.fields import find_in_paths

    if out is not None and out.suffix.lower() not in _ENDINGS:
        raise WbcError(f"The result file {out} ends neither in .csv nor in .json.", "Choose one of the two.")
    results = find_in_paths(paths, model_id=model, scale=scale)
    if not results:
        raise WbcError(
            "No picture was found under the given paths.", "Name picture files, folders that hold some, or a zip."
        )
    in_json = as_json or (out is not None and out.suffix.lower() == ".json")
    columns = (*COLUMNS, *MORE_COLUMNS) if in_json else COLUMNS
    rows = [row for result in results for row in as_rows(result, columns)]
    left_out = list_paths(paths).left_out
    text = _json(results, rows, left_out, model) if in_json else None
    if out is None:
        _write(sys.stdout, rows, text)
    else:
        try:
            with out.open("w", newline="", encoding="utf-8") as stream:
                _write(stream, rows, text)
        except OSError as error:
            raise WbcError(f"The file {out} cannot be written: {error.strerror}.", "Choose another place.") from error
    _report(results)
    for file, why in left_out.items():
        print(f"wbc: {file} {why}.", file=sys.stderr)
    if all(result.status == "failed" for result in results):
        raise typer.Exit(1)


def _json(results: list[FieldResult], rows: list[dict[str, Any]], left_out: dict[str, str], model: str | None) -> str:
    from wbc_core.biology.statements import RESEARCH_USE
    from wbc_core.services.field_results import as_summary
    from wbc_core.services.models import classifier_for

    card = classifier_for(model).card
    fields = [as_summary(result) for result in results]
    left = [{"file": file, "reason": reason} for file, reason in left_out.items()]
    about = {"statement": RESEARCH_USE, "model": card.id, "labels": list(card.labels)}
    return json.dumps({**about, "fields": fields, "left_out": left, "cells": rows}, indent=1) + "\n"


def _write(stream: Any, rows: list[dict[str, Any]], text: str | None) -> None:
    from wbc_core.reports.tables import on_one_line
    from wbc_core.services.field_results import COLUMNS

    if text is not None:
        stream.write(text)
        return
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: on_one_line(value) for key, value in row.items()} for row in rows)


def _report(results: list[FieldResult]) -> None:
    """Say on stderr what the rows leave out: counts and scale of each field, and why a file failed."""
    from wbc_core.services.field_results import as_summary

    for result in results:
        facts = as_summary(result)
        if result.status == "failed":
            print(f"wbc: {result.error} {result.hint} [{result.reason}]", file=sys.stderr)
            continue
        scale = result.scale
        known = "scale unknown: fewer than 30 round red cells"
        if scale is not None:
            error = f" ± {scale.error:.4f}" if scale.error else ""
            known = f"{scale.um_per_pixel:.4f}{error} µm per pixel ({facts['scale_from']})"
        clumps = ", in clumps: no estimate holds" if result.clumped else ""
        debris = "".join(f", {facts[kind]} {words}" for kind, words in _DEBRIS if facts[kind])
        print(
            f"wbc: {result.file}: {facts['leukocytes']} leukocytes{debris}, {facts['platelets']} platelets{clumps};"
            f" {known}",
            file=sys.stderr,
        )
        for note in result.notes:
            print(f"wbc: {result.file}: {note}", file=sys.stderr)

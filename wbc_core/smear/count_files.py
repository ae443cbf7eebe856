"""Counts from files: a table of predictions, another person's count, or an analyser's percentages."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from wbc_core.biology.counted_cells import counted_cells, differential_labels
from wbc_core.biology.spelling import closest_names, comparison_form, quoted
from wbc_core.errors import DatasetError
from wbc_core.smear.counts import Counts, model_counts, typed_counts

Kind = Literal["predictions", "counts", "percentages"]

PREDICTION_COLUMNS = ("file", "label", "confidence", "status", "reason", "error")
STATUSES = ("classified", "unidentified", "failed")

_PREDICTIONS_FORM = f"Expected a table of `wbc predict`: {','.join(PREDICTION_COLUMNS)} and p_<label> for each label."
_FORM = (
    "Expected a table of `wbc predict`, or the columns label and count, or of an analyser label and percent, separated"
    " by commas."
)


def kind_of(data: bytes, name: str) -> Kind:
    """Return what a table holds, by its heading.

    Raises
    ------
    DatasetError
        It is no table, or none of the three.
    """
    heading = _heading(_text(data, name), name)
    if "status" in heading or any(column.startswith("p_") for column in heading):
        return "predictions"
    if "label" in heading and "count" in heading:
        return "counts"
    if "label" in heading and "percent" in heading:
        return "percentages"
    shown = ", ".join(heading)[:80]
    raise DatasetError(f"{name} has the columns {shown}." if shown else f"{name} is empty.", _FORM)


def counts_of_predictions(data: bytes, name: str) -> Counts:
    """Count the cells that a model named.

    Parameters
    ----------
    data : bytes
        CSV in UTF-8 as ``wbc predict`` and ``wbc batch`` write it. The columns ``p_<label>`` say what the model could
        answer; a picture that names an earlier one in ``same_as`` is not counted again. With ``reviewed`` and
        ``corrected_from`` a person's name goes before the model's, and the count is one by eye where all were decided.
    name : str
        For messages.

    Returns
    -------
    Counts
        As :func:`wbc_core.smear.counts.model_counts` makes them.

    Raises
    ------
    DatasetError
        It is no such table, lists a file twice, or has a row that cannot be read; the message names the line.
    """
    text = _text(data, name)
    heading = _heading(text, name)
    missing = [column for column in PREDICTION_COLUMNS if column not in heading]
    labels = tuple(column.removeprefix("p_") for column in heading if column.startswith("p_"))
    if missing or len(labels) < 2:
        lacking = [*missing, *(["p_<label> of at least two labels"] if len(labels) < 2 else [])]
        raise DatasetError(f"{name} lacks the column {', '.join(lacking)}.", _PREDICTIONS_FORM)
    differential_labels(labels)
    classified, reasons = Counter[str](), Counter[str]()
    lines_of: dict[str, int] = {}
    failed = repeats = unseen = 0
    for number, row in _rows(text, name):
        place = f"{name}, line {number} ({row['file'][:80]})"
        first = lines_of.setdefault(row["file"], number)
        if first != number:
            raise DatasetError(
                f"{name} lists {row['file'][:80]} twice, in lines {first} and {number}.", "Keep one line for each cell."
            )
        _check(row, labels, place)
        if row["status"] == "failed":
            failed += 1
        elif row.get("same_as"):
            repeats += 1
        else:
            unseen += row.get("reviewed", "").lower() != "true" or row["status"] != "classified"
            if row["status"] == "classified":
                classified[row["label"]] += 1
            else:
                reasons[row["reason"]] += 1
    if not lines_of:
        raise DatasetError(f"{name} lists no picture.", "Add one line for each cell below the heading.")
    reviewed = not unseen and failed + repeats < len(lines_of)
    return model_counts(labels, classified, reasons, failed=failed, repeats=repeats, reviewed=reviewed)


def counts_of_table(data: bytes, name: str) -> Counts:
    """Read the count of a person: columns ``label`` and ``count``, one line for each kind of cell.

    Raises
    ------
    DatasetError
        As :func:`wbc_core.smear.counts.typed_counts`, with the file's name before it.
    """
    found = {label: row["count"] for label, row in _by_label(data, name, "count")}
    try:
        return typed_counts(found)
    except DatasetError as error:
        raise DatasetError(f"{name}: {error.message}", error.hint) from error


def percentages_of_table(data: bytes, name: str) -> dict[str, float]:
    """Read the percentages of an analyser: columns ``label`` and ``percent``.

    Raises
    ------
    DatasetError
        A value is no number; the message names the cell.
    """
    found = {}
    for label, row in _by_label(data, name, "percent"):
        value = _number(row["percent"])
        if not math.isfinite(value):
            raise DatasetError(
                f'{name}: the percentage of {label} is "{row["percent"][:20]}".',
                "Expected a number from 0 to 100, with a decimal point.",
            )
        found[label] = value
    return found


def _check(row: Mapping[str, str], labels: Sequence[str], place: str) -> None:
    """Refuse a row that does not say what became of its picture."""
    status = row["status"]
    if status not in STATUSES:
        raise DatasetError(f'{place}: status is "{status[:20]}".', f"Expected one of: {', '.join(STATUSES)}.")
    if status == "failed":
        return
    corrected = bool(row.get("corrected_from"))
    for column in (*(() if corrected else ("confidence",)), *(f"p_{label}" for label in labels)):
        if not -1e-6 <= _number(row[column]) <= 1 + 1e-6:
            raise DatasetError(
                f'{place}: {column} is "{row[column][:20]}".',
                "Expected a number from 0 to 1; predict the pictures again.",
            )
    if row["label"] not in labels and not (corrected and row["label"] in counted_cells()):
        hint = closest_names(comparison_form(row["label"]), dict(zip(labels, labels, strict=True)), labels)
        raise DatasetError(f"{place}: {quoted(row['label'])} is not among the labels of the table.", hint)


def _by_label(data: bytes, name: str, column: str) -> list[tuple[str, dict[str, str]]]:
    text = _text(data, name)
    heading = _heading(text, name)
    missing = [wanted for wanted in ("label", column) if wanted not in heading]
    if missing:
        raise DatasetError(
            f"{name} lacks the column {', '.join(missing)}.", f"Expected the columns label and {column}."
        )
    rows = [(row["label"], row) for _, row in _rows(text, name)]
    if not rows:
        raise DatasetError(f"{name} lists no cell.", "Add one line for each kind of cell below the heading.")
    seen = set()
    for label, _ in rows:
        if label in seen:
            raise DatasetError(f"{name} lists {quoted(label)} twice.", "Keep one line for each kind of cell.")
        seen.add(label)
    return rows


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name} cannot be read as a table.", "Save it as CSV in UTF-8.") from error


def _heading(text: str, name: str) -> list[str]:
    try:
        heading = [column.strip() for column in next(csv.reader(io.StringIO(text)), [])]
    except csv.Error as error:
        raise DatasetError(f"{name} cannot be read as a table.", "Save it as CSV in UTF-8.") from error
    twice = sorted({column for column in heading if heading.count(column) > 1})
    if twice:
        raise DatasetError(f"{name} has the column {quoted(twice[0])} twice.", "Keep one of them.")
    return heading


def _rows(text: str, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Return every row that is not empty with its line number, values without spaces around them."""
    heading = _heading(text, name)
    reader = csv.reader(io.StringIO(text))
    try:
        next(reader)
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(heading):
                raise DatasetError(
                    f"{name}, line {reader.line_num}: {len(values)} values for {len(heading)} columns.",
                    "Save it as CSV again, with a comma between columns and a point in numbers.",
                )
            yield reader.line_num, dict(zip(heading, (value.strip() for value in values), strict=True))
    except csv.Error as error:
        raise DatasetError(f"{name}, line {reader.line_num}, cannot be read.", "Save it as CSV in UTF-8.") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

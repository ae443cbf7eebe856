"""A laboratory's own reference ranges, from a CSV file that says who approved each of them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from datetime import date
from itertools import combinations
from pathlib import Path

from wbc_core.biology.age_ranges import LEUKOCYTES, AgeRange, age_span
from wbc_core.biology.counted_cells import counted_cells, counted_label
from wbc_core.biology.ranges import NormalRange
from wbc_core.biology.sources import Source
from wbc_core.errors import DatasetError

COLUMNS = (
    "cell",
    "age_from",
    "age_to",
    "absolute_low",
    "absolute_high",
    "percent_low",
    "percent_high",
    "source",
    "approver",
    "approved",
)
"""``approved`` is the day, as year-month-day; absolute limits are in 10⁹/L."""

_FORM = f"Expected the columns {', '.join(COLUMNS)}, one line for each cell and age."
_REQUIRED = ("cell", "source", "approver", "approved")


def read_own_ranges(path: Path) -> tuple[AgeRange, ...]:
    """Read a laboratory's ranges.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 with the columns of :data:`COLUMNS`. Ages are written as :func:`wbc_core.biology.ages.parse_age`
        reads them; an empty one means that there is no end. Limits include their ends.

    Raises
    ------
    DatasetError
        The file cannot be read, a row lacks its source, approver or date, a figure is none, or two rows of one cell
        hold for the same age. The message names the line.
    """
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), restval="", restkey="more")
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"The reference ranges {path} cannot be read.", "Save them as CSV in UTF-8.") from error
    missing = [name for name in COLUMNS if name not in reader.fieldnames]
    if missing:
        raise DatasetError(f"The reference ranges {path} lack the column {', '.join(missing)}.", _FORM)
    if not rows:
        raise DatasetError(f"The reference ranges {path} have no row.", _FORM)
    found = [(number, _range(row, f"{path}, line {number}")) for number, row in rows]
    _refuse_overlaps(found, path)
    return tuple(row for _, row in found)


def _range(row: Mapping[str, str], place: str) -> AgeRange:
    if "more" in row:
        raise DatasetError(f"{place}: there are more values than columns.", _FORM)
    values = {name: row[name].strip() for name in COLUMNS}
    for name in _REQUIRED:
        if not values[name]:
            raise DatasetError(
                f"{place}: the column {name} is empty.", "Every range needs its source, approver and day of approval."
            )
    try:
        label = LEUKOCYTES if values["cell"].lower().rstrip("s") == LEUKOCYTES else counted_label(values["cell"])
        days = age_span(values["age_from"], values["age_to"])
    except DatasetError as error:
        raise DatasetError(f"{place}: {error.message}", error.hint) from error
    if label != LEUKOCYTES and counted_cells()[label].place != "line":
        raise DatasetError(f"{place}: {label} is no line of the 100 %.", "Give ranges of leukocytes and their types.")
    if days[0] >= days[1]:
        raise DatasetError(
            f"{place}: the age ends before it begins.", "age_to is the first age that the range no longer holds for."
        )
    absolute = _limits(values["absolute_low"], values["absolute_high"], "absolute", place)
    percent = _limits(values["percent_low"], values["percent_high"], "percent", place)
    if absolute is None and percent is None:
        raise DatasetError(f"{place}: the row has no limits.", "Give absolute limits, percent limits, or both.")
    ages = f"from {values['age_from'] or 'birth'}" + (f" to {values['age_to']}" if values["age_to"] else "")
    return AgeRange(
        label,
        *days,
        NormalRange(
            absolute_low=absolute[0] if absolute else None,
            absolute_high=absolute[1] if absolute else None,
            percent_low=percent[0] if percent else None,
            percent_high=percent[1] if percent else None,
            percent_high_excluded=False,
            population=ages,
            method="",
            remark="",
            source=Source(values["source"], values["source"]),
        ),
        approver=values["approver"],
        approved=_day(values["approved"], place),
    )


def _limits(low: str, high: str, kind: str, place: str) -> tuple[float, float] | None:
    if not low and not high:
        return None
    limits = []
    for name, text in ((f"{kind}_low", low), (f"{kind}_high", high)):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise DatasetError(f'{place}: {name} is "{text[:20]}"; expected a number.', "Write a decimal point.")
        limits.append(value)
    if not 0 <= limits[0] < limits[1]:
        raise DatasetError(
            f"{place}: the {kind} limits are {limits[0]:g} and {limits[1]:g}; expected 0 <= low < high.",
            "Give the lower limit first.",
        )
    return limits[0], limits[1]


def _day(text: str, place: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise DatasetError(
            f'{place}: approved is "{text[:20]}"; expected a day.', "Write it as year-month-day, such as 2026-03-01."
        ) from None


def _refuse_overlaps(rows: list[tuple[int, AgeRange]], path: Path) -> None:
    for (first, row), (second, other) in combinations(rows, 2):
        if row.label == other.label and max(row.from_days, other.from_days) < min(row.to_days, other.to_days):
            raise DatasetError(
                f"{path}: the lines {first} and {second} are both for {row.label} at the same age.",
                "Let one end where the other begins.",
            )

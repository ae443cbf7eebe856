"""From counted cells to a differential: shares with their limits, absolute counts, flags and what to beware of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wbc_core.biology.age_ranges import LEUKOCYTES, AgeRange
from wbc_core.biology.counted_cells import CountedCell, band_rule, counted_cells, lines, parts_of
from wbc_core.errors import DatasetError
from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.cautions import cautions_of, notes_of
from wbc_core.smear.counts import Counts, in_order
from wbc_core.smear.flags import flag_of, flag_of_leukocytes
from wbc_core.smear.intervals import (
    AFTER_REVIEW,
    BEFORE_REVIEW,
    exact_limits,
    limits_per_hundred,
    rounded_outward,
)
from wbc_core.smear.leukocyte_count import LeukocyteCount, leukocyte_count
from wbc_core.smear.percentages import as_text, decimals_of, largest_remainder
from wbc_core.smear.progress import progress_to
from wbc_core.smear.result import Absolute, Differential, Line, OutsideCount


def differential_of(
    counts: Counts, case: Case, rules: CountingRules, references: Mapping[str, AgeRange]
) -> Differential:
    """Count the differential.

    Parameters
    ----------
    counts : Counts
        Cells by label.
    case : Case
        What is known of the smear.
    rules : CountingRules
        Of the laboratory.
    references : mapping of str to AgeRange
        Reference ranges at the age of the case, by label.

    Returns
    -------
    Differential

    Raises
    ------
    DatasetError
        No leukocyte was counted.
    """
    if case.smudge_as_lymphocytes:
        counts = _smudge_as_lymphocytes(counts)
    total = counts.leukocytes
    if not total:
        raise DatasetError(_nothing_counted(counts), "A differential needs at least one leukocyte.")
    outside = _outside(counts, total)
    erythroblasts = next((row.per_100 for row in outside if row.label == "erythroblast"), None) or 0.0
    measured = leukocyte_count(case, rules, erythroblasts)
    if measured is not None:
        measured = _judged(measured, references.get(LEUKOCYTES))
    table = _lines(counts, rules, references, None if measured is None else measured.used)
    result = Differential(
        leukocytes=total,
        reviewed=counts.by_eye,
        limits_are=AFTER_REVIEW if counts.by_eye else BEFORE_REVIEW,
        lines=tuple(row for row in table if _is_shown(row)),
        unseen=tuple(row for row in table if not _is_shown(row)),
        outside=outside,
        progress=progress_to(rules.target, [each.leukocytes for each in counts.examiners or (counts,)]),
        leukocyte_count=measured,
        age="" if case.age is None else case.age.text,
        sampling=case.sampling,
        smudge_as_lymphocytes=case.smudge_as_lymphocytes,
        cautions=(),
        notes=(),
        sources=_sources(
            [LEUKOCYTES] * (measured is not None) + [row.label for row in table if _is_shown(row)], references
        ),
    )
    return replace(
        result,
        cautions=cautions_of(result, counts, case, rules),
        notes=notes_of(result, counts, case, rules, references),
    )


def _nothing_counted(counts: Counts) -> str:
    titles = counted_cells()
    seen = [f"{titles[label].title.lower()}: {count}" for label, count in counts.cells.items() if count]
    if counts.failed:
        seen.append(f"pictures that could not be read: {counts.failed}")
    return f"No leukocyte was counted ({'; '.join(seen)})." if seen else "No leukocyte was counted."


def _smudge_as_lymphocytes(counts: Counts) -> Counts:
    cells = dict(counts.cells)
    cells["lymphocyte"] = cells.get("lymphocyte", 0) + cells.get("smudge_cell", 0)
    examiners = tuple(_smudge_as_lymphocytes(each) for each in counts.examiners)
    return replace(counts, cells=in_order(cells), examiners=examiners)


def _outside(counts: Counts, total: int) -> tuple[OutsideCount, ...]:
    rows = []
    for label, cell in counted_cells().items():
        count = counts.cells.get(label, 0)
        if not count or cell.place in ("line", "part"):
            continue
        row = OutsideCount(label, cell.title, count)
        if cell.place == "per_100":
            low, high = limits_per_hundred(count, total)
            row = replace(row, per_100=100 * count / total, low=low, high=high)
        rows.append(row)
    return tuple(rows)


def _judged(measured: LeukocyteCount, reference: AgeRange | None) -> LeukocyteCount:
    text = reference.limits.absolute_text if reference is not None else None
    return replace(measured, flag=flag_of_leukocytes(reference, measured.used), range=text or "")


def _sources(labels: list[str], references: Mapping[str, AgeRange]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(references[label].provenance for label in labels if label in references))


def _is_shown(row: Line) -> bool:
    return row.count > 0 or counted_cells()[row.label].shown


def _lines(
    counts: Counts, rules: CountingRules, references: Mapping[str, AgeRange], leukocytes: float | None
) -> tuple[Line, ...]:
    cells = [cell for cell in lines() if counts.assessed(cell.label)]
    numbers = [counts.of_line(cell.label) for cell in cells]
    decimals = decimals_of(sum(numbers))
    units = largest_remainder(100 * 10**decimals, numbers)
    table = []
    for cell, number, unit in zip(cells, numbers, units, strict=True):
        row = _line(cell, number, as_text(unit, decimals), counts, leukocytes)
        reference = references.get(cell.label)
        if reference is not None:
            row = replace(
                row,
                flag=flag_of(reference, (row.percent, row.low, row.high), leukocytes),
                range_absolute=reference.limits.absolute_text or "",
                range_percent=reference.limits.percent_text or "",
            )
        table.append(replace(row, parts=_parts(cell, unit, decimals, counts, rules, leukocytes)))
    return tuple(table)


def _parts(
    cell: CountedCell, units: int, decimals: int, counts: Counts, rules: CountingRules, leukocytes: float | None
) -> tuple[Line, ...]:
    """Return the parts of a line that were counted; bands only where the laboratory has a rule for them."""
    if cell.label == "neutrophil" and rules.band_rule == "none":
        return ()
    parts = [part for part in parts_of(cell.label) if counts.cells.get(part.label)]
    if not parts:
        return ()
    numbers = [counts.cells[part.label] for part in parts]
    undivided = counts.of_line(cell.label) - sum(numbers)
    shares = largest_remainder(units, [*numbers, undivided])
    rows = []
    for part, number, share in zip(parts, numbers, shares[: len(parts)], strict=True):
        row = _line(part, number, as_text(share, decimals), counts, leukocytes)
        if part.label == "band_neutrophil" and rules.band_rule != "none":
            row = replace(row, title=f"{part.title} ({band_rule(rules.band_rule).title})")
        rows.append(row)
    return tuple(rows)


def _line(cell: CountedCell, number: int, shown: str, counts: Counts, leukocytes: float | None) -> Line:
    total = counts.leukocytes
    percent = 100 * number / total
    low, high = exact_limits(number, total)
    low_shown, high_shown = rounded_outward(low, high)
    undecided = counts.cells.get("unidentified", 0)
    return Line(
        label=cell.label,
        title=cell.title,
        count=number,
        percent=percent,
        percent_shown=shown,
        low=low,
        high=high,
        low_shown=low_shown,
        high_shown=high_shown,
        open_low=100 * number / (total + undecided),
        open_high=100 * (number + undecided) / (total + undecided),
        absolute=None
        if leukocytes is None
        else Absolute(*(leukocytes * share / 100 for share in (percent, low, high))),
    )

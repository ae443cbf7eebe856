"""The differential: from a table of predictions or from a count typed in, and beside another count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wbc_core.biology.age_ranges import AgeRange, ranges_at
from wbc_core.biology.ages import Age
from wbc_core.biology.own_ranges import read_own_ranges
from wbc_core.errors import DatasetError
from wbc_core.services.access import require, values_are_judged
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.smear.agreement import Agreement, beside_analyser, beside_count
from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.count_files import counts_of_predictions, counts_of_table, kind_of, percentages_of_table
from wbc_core.smear.counts import Counts, model_counts, pooled_counts, typed_counts
from wbc_core.smear.differential import differential_of
from wbc_core.smear.field_count_files import counts_of_fields, holds_fields
from wbc_core.smear.fields.film_words import CAUTIONS
from wbc_core.smear.progress import Target
from wbc_core.smear.result import Caution, Differential, Line

ABOUT_COUNTING = frozenset(
    {
        "unidentified",
        "failed",
        "not_a_cell",
        "repeats",
        "sampling_unknown",
        "chosen_crops",
        "not_assessed",
        "not_reviewed",
        *CAUTIONS,
    }
)
"""Codes of the cautions that a public server shows; the others speak to a clinic."""


def site_rules(target: Target | None = None) -> CountingRules:
    """Return how this laboratory counts, from the settings; a target given here goes before theirs."""
    chosen = settings()
    return CountingRules(
        target=target or chosen.differential_target,
        band_rule=chosen.band_rule,
        many_smudge_cells=chosen.many_smudge_cells,
        erythroblast_threshold=chosen.erythroblast_threshold,
    )


def site_ranges(age: Age | None) -> Mapping[str, AgeRange]:
    """Return the reference ranges at an age: the laboratory's own where it has them, else the built-in ones.

    There are none on a public server: nothing there is called low or high.

    Raises
    ------
    DatasetError
        The file that the settings name cannot be read, or a row lacks its source or approver.
    """
    if not values_are_judged():
        return {}
    own = settings().reference_ranges
    return ranges_at(age, () if own in (None, Path()) else read_own_ranges(own))


def count_table(data: bytes, name: str, case: Case, target: Target | None = None) -> Differential:
    """Count the differential of a file: predictions of a model, or a person's count.

    Parameters
    ----------
    data : bytes
        CSV as ``wbc predict`` writes it, or with the columns label and count; or JSON as ``wbc detect`` writes it.
    name : str
        For messages.
    case : Case
        What is known of the smear.
    target : {"100", "200", "2x200"}, optional
        How many leukocytes are to be counted; as the laboratory's settings say if not given.

    Raises
    ------
    DatasetError
        It is neither, cannot be read, or holds no leukocyte.
    """
    require(Action.CLASSIFY)
    _refuse_large(len(data), name)
    return _differential(_counts(data, name), case, target)


def count_typed(given: Mapping[str, object], case: Case, target: Target | None = None) -> Differential:
    """Count the differential of cells that a person counted and typed in, by label or alias.

    Raises
    ------
    DatasetError
        A name is unknown, a count is no whole number, or no leukocyte was counted.
    """
    require(Action.CLASSIFY)
    return _differential(typed_counts(given), case, target)


def count_answers(
    labels: Iterable[str],
    classified: Mapping[str, int],
    reasons: Mapping[str, int],
    case: Case,
    target: Target | None = None,
    *,
    outside: Mapping[str, int] | None = None,
    failed: int = 0,
    repeats: int = 0,
    reviewed: bool = False,
    film: tuple[Caution, ...] = (),
) -> Differential:
    """Count the differential of a batch or of fields, running or done, from the numbers by label and by reason.

    Parameters and errors are those of :func:`wbc_core.smear.counts.model_counts`.
    """
    require(Action.CLASSIFY)
    counts = model_counts(
        labels,
        classified,
        reasons,
        outside=outside,
        failed=failed,
        repeats=repeats,
        reviewed=reviewed,
        film=film,
    )
    return _differential(counts, case, target)


def count_file(path: Path, case: Case, target: Target | None = None) -> Differential:
    """Count the differential of a file; see :func:`count_table`."""
    return count_table(_read(path), path.name, case, target)


def count_examiners(
    first: tuple[bytes, str], second: tuple[bytes, str], case: Case, target: Target | None = None
) -> tuple[Differential, Agreement]:
    """Count the differential of two examiners of one smear together, as the reference method does.

    Parameters
    ----------
    first, second : (bytes, str)
        Content and name of each one's table, with the columns label and count.
    case, target
        As in :func:`count_table`.

    Returns
    -------
    tuple of Differential and Agreement
        Of all cells together, and whether the two agree.

    Raises
    ------
    DatasetError
        A table cannot be read, holds no leukocyte, or is a model's.
    """
    counts = []
    for data, name in (first, second):
        _refuse_large(len(data), name)
        counts.append(_counts(data, name))
    together = _differential(pooled_counts(*counts), case, target)
    one, other = (differential_of(each, case, site_rules(target), {}) for each in counts)
    return together, beside_count(one, other)


def count_files(first: Path, second: Path, case: Case, target: Target | None = None) -> tuple[Differential, Agreement]:
    """Count the differential of two examiners' files; see :func:`count_examiners`."""
    return count_examiners((_read(first), first.name), (_read(second), second.name), case, target)


def compare_with_table(ours: Differential, data: bytes, name: str) -> Agreement:
    """Put another count of the same smear beside ours.

    Parameters
    ----------
    ours : Differential
        Our count.
    data : bytes
        CSV with the columns label and count (another person's), or label and percent (an analyser's).
    name : str
        For messages.

    Raises
    ------
    DatasetError
        It is neither, cannot be read, or shares no line with ours.
    """
    _refuse_large(len(data), name)
    kind = "predictions" if holds_fields(data) else kind_of(data, name)
    if kind == "predictions":
        raise DatasetError(
            f"{name} holds a model's predictions: on the same pictures they are no count of their own.",
            "Compare models with `wbc compare`; give a count here, or an analyser's percentages.",
        )
    if kind == "percentages":
        return beside_analyser(ours, percentages_of_table(data, name))
    case = Case(smudge_as_lymphocytes=ours.smudge_as_lymphocytes)
    return beside_count(ours, differential_of(counts_of_table(data, name), case, site_rules(), {}))


def compare_with_file(ours: Differential, path: Path) -> Agreement:
    """Put the count of a file beside ours; see :func:`compare_with_table`."""
    return compare_with_table(ours, _read(path), path.name)


def as_report(
    differential: Differential, agreement: Agreement | None = None, between_examiners: Agreement | None = None
) -> dict[str, Any]:
    """Return the differential as plain data for JSON, with the comparisons where there are some."""
    return differential.as_dict() | {
        "agreement": None if agreement is None else agreement.as_dict(),
        "between_examiners": None if between_examiners is None else between_examiners.as_dict(),
    }


def as_rows(differential: Differential) -> list[dict[str, Any]]:
    """Return the table of a differential as flat rows for a spreadsheet: each line, its parts below it, then the rest.

    ``part_of`` is empty of the lines that make up the 100 %; ``per_100`` is of erythroblasts and smudge cells alone.
    """
    rows = []
    for line in differential.lines:
        rows.append(_row(line, ""))
        rows += [_row(part, line.label) for part in line.parts]
    empty = dict.fromkeys(rows[0], None)
    rows += [
        empty | {"label": row.label, "title": row.title, "count": row.count, "per_100_leukocytes": row.per_100}
        for row in differential.outside
    ]
    return rows


def _row(line: Line, part_of: str) -> dict[str, Any]:
    absolute = line.absolute
    return {
        "label": line.label,
        "title": line.title,
        "part_of": part_of,
        "count": line.count,
        "percent": float(line.percent_shown),
        "low_percent": line.low_shown,
        "high_percent": line.high_shown,
        "absolute_10e9_per_l": None if absolute is None else round(absolute.value, 2),
        "range_absolute": line.range_absolute,
        "range_percent": line.range_percent,
        "flag": line.flag.words if line.flag is not None else "",
        "per_100_leukocytes": None,
    }


def _differential(counts: Counts, case: Case, target: Target | None) -> Differential:
    if values_are_judged():
        return differential_of(counts, case, site_rules(target), site_ranges(case.age))
    case = replace(case, leukocyte_count=None, counter_includes_erythroblasts=None, age=None)
    return without_clinic(differential_of(counts, case, site_rules(target), {}))


def without_clinic(result: Differential) -> Differential:
    """Return a differential that says how it was counted, and nothing about the person it came from."""
    cautions = tuple(caution for caution in result.cautions if caution.code in ABOUT_COUNTING)
    return replace(result, cautions=cautions)


def _counts(data: bytes, name: str) -> Counts:
    if holds_fields(data):
        return counts_of_fields(data, name)
    kind = kind_of(data, name)
    if kind == "percentages":
        raise DatasetError(
            f"{name} holds percentages: without the number of cells nothing can be said about their error.",
            "Give counts; an analyser's percentages go beside a count, with --against.",
        )
    return counts_of_predictions(data, name) if kind == "predictions" else counts_of_table(data, name)


def _read(path: Path) -> bytes:
    try:
        _refuse_large(path.stat().st_size, path.name)
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"The file {path} cannot be read: {error.strerror}.", "Name a CSV file.") from error


def _refuse_large(size: int, name: str) -> None:
    most = settings().max_upload_mb
    if size > most * 1_000_000:
        raise DatasetError(
            f"{name} has {size / 1e6:,.0f} MB; the limit is {most} MB.", "Split it, or raise WBC_MAX_UPLOAD_MB."
        )

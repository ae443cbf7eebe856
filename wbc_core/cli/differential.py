"""The ``wbc differential`` command: counts, shares with their limits, flags, and another count beside them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from wbc_core.errors import WbcError

if TYPE_CHECKING:
    from wbc_core.smear.agreement import Agreement
    from wbc_core.smear.case import Sampling
    from wbc_core.smear.result import Differential, Line

_SAMPLINGS = {"consecutive": "consecutive_fields", "chosen": "chosen_crops", "unknown": "unknown"}


def differential(
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV of `wbc predict`, or of a count by eye with the columns label,count; JSON of `wbc detect`."
        ),
    ],
    leukocytes: Annotated[
        float | None, typer.Option("--leukocyte-count", help="Of the counter, in 10⁹/L, for absolute counts.")
    ] = None,
    includes: Annotated[
        bool | None,
        typer.Option(
            "--counter-includes-erythroblasts/--counter-excludes-erythroblasts",
            help="Whether the counter counts nucleated red cells as leukocytes.",
        ),
    ] = None,
    age: Annotated[str | None, typer.Option(help='For reference ranges: "34" (years), "8 months", "2 days".')] = None,
    sampling: Annotated[
        str, typer.Option(help="How the cells were come by: consecutive, chosen or unknown.")
    ] = "unknown",
    smudge_as_lymphocytes: Annotated[
        bool, typer.Option("--smudge-as-lymphocytes", help="Count smudge cells as lymphocytes (in CLL).")
    ] = False,
    target: Annotated[str | None, typer.Option(help="Leukocytes asked for: 100, 200 or 2x200.")] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="CSV of another count (label,count) or of an analyser (label,percent) of the same smear."),
    ] = None,
    second: Annotated[
        Path | None, typer.Option(help="CSV of a second examiner's count (label,count), added to the first.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write .json (everything) or .csv (one row a line) here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count a differential: shares with exact limits, absolute counts, flags, and what to beware of."""
    from wbc_core.biology.ages import parse_age
    from wbc_core.services.differential import as_report, compare_with_file, count_file, count_files
    from wbc_core.smear.case import Case
    from wbc_core.smear.progress import TARGETS

    if out is not None and out.suffix.lower() not in (".csv", ".json"):
        raise WbcError(f"The result file {out} ends neither in .csv nor in .json.", "Choose one of the two.")
    if sampling not in _SAMPLINGS:
        raise WbcError(f'"{sampling}" is no way to sample cells.', f"Choose from: {', '.join(_SAMPLINGS)}.")
    if target is not None and target not in TARGETS:
        raise WbcError(f'"{target}" is no number of cells to count to.', f"Choose from: {', '.join(TARGETS)}.")
    case = Case(
        leukocyte_count=leukocytes,
        counter_includes_erythroblasts=includes,
        age=None if age is None else parse_age(age),
        sampling=cast("Sampling", _SAMPLINGS[sampling]),
        smudge_as_lymphocytes=smudge_as_lymphocytes,
    )
    between = None
    if second is None:
        counted = count_file(table, case, target)
    else:
        counted, between = count_files(table, second, case, target)
    agreement = None if against is None else compare_with_file(counted, against)
    if out is not None:
        _write(counted, as_report(counted, agreement, between), out)
    if as_json:
        print(json.dumps(as_report(counted, agreement, between), indent=1))
    else:
        name = table.name if second is None else f"{table.name} and {second.name}"
        print("\n".join([*_table(counted, name), *_agreement(between), *_agreement(agreement), *_remarks(counted)]))


def _write(counted: Differential, report: dict[str, Any], out: Path) -> None:
    from wbc_core.services.differential import as_rows

    try:
        with out.open("w", newline="", encoding="utf-8") as stream:
            if out.suffix.lower() == ".json":
                stream.write(json.dumps(report, indent=1) + "\n")
                return
            rows = as_rows(counted)
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise WbcError(f"The file {out} cannot be written: {error.strerror}.", "Choose another place.") from error


def _table(counted: Differential, name: str) -> list[str]:
    """Return the table and what lies outside it, line by line."""
    shown = [f"{name}: {counted.progress.sentence}"]
    count = counted.leukocyte_count
    if count is not None:
        corrected = f", corrected to {count.corrected:.2f}" if count.corrected is not None else ""
        flag = f", {count.flag.words}" if count.flag is not None else ""
        known = f" (range {count.range})" if count.range else ""
        shown.append(f"Leukocytes {count.measured:g} × 10⁹/L{corrected}{known}{flag}")
    shown += [f"95 % limits: {counted.limits_are}", ""]
    heading = ["", "cells", "%", "limits", "10⁹/L", "range", ""]
    rows = [heading]
    for line in counted.lines:
        rows.append(_cells(line, line.title))
        rows += [_cells(part, f"  {part.title}") for part in line.parts]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heading))]
    for row in rows:
        left, *numbers, limits, flag = row
        middle = "  ".join(f"{number:>{width}}" for number, width in zip(numbers, widths[1:-2], strict=True))
        shown.append(f"{left:<{widths[0]}}  {middle}  {limits:<{widths[-2]}}  {flag}".rstrip())
    shown += ["", *(["outside the 100 %"] if counted.outside else [])]
    for outside in counted.outside:
        per_100 = ""
        if outside.per_100 is not None and outside.low is not None and outside.high is not None:
            per_100 = f", {outside.per_100:.1f} per 100 leukocytes ({outside.low:.1f}–{outside.high:.1f})"
        shown.append(f"  {outside.title}: {outside.count:,}{per_100}")
    return [*shown, ""] if counted.outside else shown


def _cells(line: Line, title: str) -> list[str]:
    absolute = "" if line.absolute is None else f"{line.absolute.value:.2f}"
    limits = line.range_absolute if line.absolute is not None and line.range_absolute else line.range_percent
    flag = "" if line.flag is None else line.flag.words
    return [
        title, f"{line.count:,}", line.percent_shown, f"{line.low_shown}–{line.high_shown}", absolute, limits, flag
    ]  # fmt: skip


def _agreement(agreement: Agreement | None) -> list[str]:
    """Return the comparison line by line; nothing where there is none."""
    if agreement is None:
        return []
    other = "analyser" if agreement.kind == "analyser" else "other count"
    shown = []
    for line in agreement.lines:
        p = (
            ""
            if line.p_corrected is None
            else f" (p = {line.p_corrected:.3f}, corrected for {len(agreement.lines)} lines)"
        )
        shown.append(f"{line.title}: ours {line.ours:.1f} %, {other} {line.other:.1f} %, {line.words}{p}")
    if agreement.not_compared:
        shown.append(f"not compared: {', '.join(agreement.not_compared)}")
    return [*shown, agreement.sentence, ""]


def _remarks(counted: Differential) -> list[str]:
    from wbc_core.biology.statements import RESEARCH_USE

    return [
        *(f"caution: {caution.sentence}" for caution in counted.cautions),
        *(f"note: {note}" for note in counted.notes),
        *([f"ranges: {'; '.join(counted.sources)}"] if counted.sources else []),
        RESEARCH_USE,
    ]

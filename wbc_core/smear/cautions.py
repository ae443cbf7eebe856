"""What a reader of a differential must beware of, and how its table was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wbc_core.biology.age_ranges import AgeRange
from wbc_core.biology.counted_cells import band_rule, counted_cells, lines, reliable_count
from wbc_core.biology.statements import ADULTS_ONLY
from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.counts import Counts
from wbc_core.smear.result import Caution, Differential

_SAMPLING = {
    "unknown": Caution(
        "sampling_unknown",
        "It is not known how the cells were sampled: the limits hold only for consecutive fields without any choice.",
    ),
    "chosen_crops": Caution(
        "chosen_crops",
        "The cells were chosen: their shares are those of the choice, not of the blood, and the limits do not hold.",
    ),
}


def cautions_of(result: Differential, counts: Counts, case: Case, rules: CountingRules) -> tuple[Caution, ...]:
    """Return what to beware of, the gravest first."""
    return (
        *_of_cells(result),
        *counts.film,
        *_of_pictures(result, counts),
        *_of_smear(result, case, rules),
        *_of_model(result, counts),
    )


def _of_cells(result: Differential) -> Iterator[Caution]:
    blasts = result.line("blast")
    if blasts is not None and blasts.count:
        yield Caution(
            "blasts",
            f"{_number(blasts.count, 'blast')} counted: one is a reason for a second reader, whatever the share.",
        )
    undecided = result.count_outside("unidentified")
    if undecided:
        largest = max(result.lines, key=lambda line: line.count)
        yield Caution(
            "unidentified",
            f"{_number(undecided, 'cell')} not identified: outside the 100 % until a person decides. The share of"
            f" {largest.title.lower()} may then become {largest.open_low:.1f} to {largest.open_high:.1f} %.",
        )
    if result.leukocyte_count is not None and result.leukocyte_count.question:
        yield Caution("erythroblasts", result.leukocyte_count.question)


def _of_pictures(result: Differential, counts: Counts) -> Iterator[Caution]:
    if counts.failed:
        pictures, verb, rows = (
            ("picture", "was", "its row says") if counts.failed == 1 else ("pictures", "were", "their rows say")
        )
        yield Caution("failed", f"{counts.failed:,} {pictures} could not be read and {verb} not counted; {rows} why.")
    empty = result.count_outside("not_a_cell")
    if empty:
        seen, more = ("", "") if result.reviewed else (", as the model sees it,", "; look for missed cells")
        yield Caution("not_a_cell", f"{_number(empty, 'picture')} without a stained cell{seen} and not counted{more}.")
    if counts.repeats:
        yield Caution("repeats", f"{_number(counts.repeats, 'picture')} the same as an earlier one and counted once.")
    if result.sampling in _SAMPLING:
        yield _SAMPLING[result.sampling]


def _of_smear(result: Differential, case: Case, rules: CountingRules) -> Iterator[Caution]:
    count, (reliable, source) = result.leukocyte_count, reliable_count()
    if count is not None and not reliable.low <= count.used <= reliable.high:
        side = "below" if count.used < reliable.low else "above"
        limit = reliable.low if count.used < reliable.low else reliable.high
        yield Caution(
            f"leukocytes_{side}",
            f"The leukocyte count of {count.used:.4g} × 10⁹/L is {side} {limit:g}: counting from pictures was found to"
            f" agree well with eyes only between {reliable.low:g} and {reliable.high:g} ({source.short}).",
        )
    smudge = next((row.per_100 for row in result.outside if row.label == "smudge_cell"), None)
    if smudge is not None and smudge >= rules.many_smudge_cells and not case.smudge_as_lymphocytes:
        yield Caution(
            "smudge_cells",
            f"{smudge:.1f} smudge cells per 100 leukocytes: the differential is biased, since fragile cells are missing"
            " from it. Make an albumin film, or count them as lymphocytes where their origin is plain.",
        )
    if result.count_outside("platelet_clump"):
        yield Caution("platelet_clumps", "Platelets lie in clumps: no estimate of the platelet count holds.")


def _of_model(result: Differential, counts: Counts) -> Iterator[Caution]:
    missing = [
        cell.title.lower() for cell in lines() if not counts.assessed(cell.label) and cell.label != "other_leukocyte"
    ]
    if missing:
        yield Caution("not_assessed", f"Not assessed, since the model knows no such class: {', '.join(missing)}.")
    if not result.reviewed:
        yield Caution(
            "not_reviewed",
            "Preliminary until a person has seen every leukocyte; the limits do not contain the model's own mistakes,"
            " which weigh most on rare cells.",
        )


def notes_of(
    result: Differential, counts: Counts, case: Case, rules: CountingRules, references: Mapping[str, AgeRange]
) -> tuple[str, ...]:
    """Return how the table was made: what was added to what, and which ranges stand in it."""
    return (*_counting_notes(result, counts, case, rules), *_range_notes(result, case, references))


def _counting_notes(result: Differential, counts: Counts, case: Case, rules: CountingRules) -> Iterator[str]:
    bands = counts.cells.get("band_neutrophil", 0)
    if rules.band_rule != "none":
        rule = band_rule(rules.band_rule)
        known = "" if "band_neutrophil" in counts.cells else "; in this count they were not"
        yield f"Bands are part of the neutrophils and told apart by the {rule.title}: {rule.says}{known}."
    elif bands:
        yield f"{_number(bands, 'band')} counted with the neutrophils."
    if case.smudge_as_lymphocytes and counts.cells.get("smudge_cell"):
        yield f"{_number(counts.cells['smudge_cell'], 'smudge cell')} counted as lymphocytes."
    count = result.leukocyte_count
    if count is not None and count.corrected is not None:
        yield (
            f"The leukocyte count of {count.measured:g} × 10⁹/L was corrected to {count.corrected:.2f}, since the"
            " counter counts nucleated red cells as leukocytes."
        )
    none_seen = [line.title.lower() for line in result.lines if not line.count]
    if none_seen:
        yield f"None seen is not absent: {', '.join(none_seen)} may make up as much as the upper limit."


def _range_notes(result: Differential, case: Case, references: Mapping[str, AgeRange]) -> Iterator[str]:
    if not references:
        return
    adult = any(row.limits.population == "adults" and not row.approver for row in references.values())
    if case.age is None:
        yield "The age is not given: reference ranges are those of adults."
    if adult:
        yield ADULTS_ONLY
    without = [
        line.title.lower() for line in result.lines if line.label not in references and _expects_range(line.label)
    ]
    if case.age is not None and without:
        yield f"There is no reference range at the age of {case.age.text} for {', '.join(without)}."
    for line in result.lines:
        limits = references[line.label].limits if line.label in references else None
        if limits is not None and limits.remark:
            yield f"Range of {line.title.lower()}: {limits.remark}."
        if limits is not None and limits.method:
            yield f"Range of {line.title.lower()}: {limits.method}, {limits.population}."


def _expects_range(label: str) -> bool:
    return counted_cells()[label].shown


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{' was' if count == 1 else 's were'}"

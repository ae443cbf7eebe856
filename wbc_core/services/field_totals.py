"""What the fields of a run come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wbc_core.services.differential import count_answers
from wbc_core.services.field_cautions import film_cautions_of
from wbc_core.services.field_results import ELSEWHERE, FieldResult
from wbc_core.smear.case import Case
from wbc_core.smear.decisions import NOT_A_CELL, NOT_CLASSED
from wbc_core.smear.fields.debris import DEBRIS
from wbc_core.smear.progress import Target
from wbc_core.smear.result import Differential


@dataclass(frozen=True)
class FieldTotals:
    """What all fields of a run come to.

    Attributes
    ----------
    classified, reasons : Counter of str
        Leukocytes that count, by label, and those not identified, by reason.
    fields : int
        Fields that could be counted.
    debris : Counter of str
        Smudge cells and artefacts that count, by label: outside the leukocytes.
    platelets, red_cells : int
        That count.
    repeated : int
        Leukocytes left out since an overlapping field counts them.
    clumped : bool
        Whether platelets lie in clumps somewhere.
    not_classed : int
        Bodies that a person took out of the count, false boxes among them.
    """

    classified: Counter[str]
    reasons: Counter[str]
    debris: Counter[str]
    fields: int
    platelets: int
    red_cells: int
    repeated: int
    clumped: bool
    not_classed: int = 0

    @property
    def outside(self) -> dict[str, int]:
        """Return what lies outside the leukocytes and is part of a differential, by label."""
        return {**self.debris, "not_classed": self.not_classed}


def totals_of(results: Sequence[FieldResult]) -> FieldTotals:
    """Add up what counts in fields; cells that another field counts are left out."""
    totals = FieldTotals(Counter(), Counter(), Counter(), 0, 0, 0, 0, clumped=any(result.clumped for result in results))
    counted = [result for result in results if result.status == "counted"]
    for result in counted:
        for found in result.counted("wbc"):
            if found.status == "classified":
                totals.classified[found.label] += 1
            else:
                totals.reasons[found.reason] += 1
        for kind in DEBRIS:
            totals.debris[kind] += len(result.counted(kind))
    return replace(
        totals,
        fields=len(counted),
        platelets=sum(len(result.counted("platelet")) for result in counted),
        red_cells=sum(len(result.counted("rbc")) for result in counted),
        repeated=sum(
            found.cell.kind == "wbc" and found.reason == ELSEWHERE for each in counted for found in each.cells
        ),
        not_classed=sum(found.reason in (NOT_CLASSED, NOT_A_CELL) for each in counted for found in each.cells),
    )


def count_fields(
    results: Sequence[FieldResult],
    labels: Sequence[str],
    case: Case,
    target: Target | None = None,
    *,
    reviewed: bool = False,
) -> Differential:
    """Count the differential over fields, with what is to be said of their film and stain.

    Parameters
    ----------
    results : sequence of FieldResult
        Fields of one smear.
    labels : sequence of str
        What the model could answer.
    case, target
        As in :func:`wbc_core.services.differential.count_table`.
    reviewed : bool
        Whether a person has seen every cell and decided.

    Raises
    ------
    DatasetError
        If the labels make no differential, or there is no leukocyte.
    """
    totals = totals_of(results)
    return count_answers(
        labels,
        totals.classified,
        totals.reasons,
        case,
        target,
        outside=totals.outside,
        reviewed=reviewed,
        film=film_cautions_of(results),
    )

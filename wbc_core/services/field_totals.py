"""What the fields of a run come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wbc_core.services.field_results import ELSEWHERE, FieldResult
from wbc_core.smear.fields.debris import DEBRIS


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
    """

    classified: Counter[str]
    reasons: Counter[str]
    debris: Counter[str]
    fields: int
    platelets: int
    red_cells: int
    repeated: int
    clumped: bool


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
    )

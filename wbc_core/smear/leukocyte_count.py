"""The counter's leukocyte count, and its correction for nucleated red cells."""

from __future__ import annotations

from dataclasses import dataclass

from wbc_core.smear.case import Case, CountingRules
from wbc_core.smear.flags import Flag


@dataclass(frozen=True)
class LeukocyteCount:
    """The leukocyte count that absolute counts are made of, in 10⁹/L.

    Attributes
    ----------
    measured : float
        As entered.
    corrected : float or None
        After correction; None where there was nothing to correct.
    question : str
        What has to be asked about the counter; empty where it is known or does not matter.
    flag : Flag or None
        Low or high.
    range : str
        The reference range in words; empty where there is none.
    """

    measured: float
    corrected: float | None
    question: str = ""
    flag: Flag | None = None
    range: str = ""

    @property
    def used(self) -> float:
        """The count that absolute counts are made of."""
        return self.measured if self.corrected is None else self.corrected


def corrected_count(measured: float, erythroblasts_per_100: float) -> float:
    """Return a leukocyte count without the nucleated red cells that the counter took for leukocytes.

    Parameters
    ----------
    measured : float
        In 10⁹/L.
    erythroblasts_per_100 : float
        Per 100 leukocytes on the film.

    Examples
    --------
    >>> corrected_count(9.0, 20)
    7.5
    """
    return measured * 100 / (100 + erythroblasts_per_100)


def leukocyte_count(case: Case, rules: CountingRules, erythroblasts_per_100: float) -> LeukocyteCount | None:
    """Return the count to use, None where none was entered.

    A counter of which nobody has said whether it counts nucleated red cells is taken not to; the question is then asked
    as soon as one is seen.
    """
    measured = case.leukocyte_count
    if measured is None:
        return None
    concerned = erythroblasts_per_100 > 0 and erythroblasts_per_100 >= rules.erythroblast_threshold
    if not concerned or case.counter_includes_erythroblasts is False:
        return LeukocyteCount(measured, None)
    corrected = corrected_count(measured, erythroblasts_per_100)
    if case.counter_includes_erythroblasts:
        return LeukocyteCount(measured, corrected)
    question = (
        "Does the counter count nucleated red cells as leukocytes? It is taken not to; if it does, the leukocyte count"
        f" of {measured:g} × 10⁹/L must be corrected to {corrected:.2f} for {erythroblasts_per_100:.1f} erythroblasts"
        " per 100 leukocytes."
    )
    return LeukocyteCount(measured, None, question)

"""What is known of a smear besides its cells, and the rules by which a laboratory counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from wbc_core.biology.ages import Age
from wbc_core.errors import DatasetError
from wbc_core.smear.progress import Target

Sampling = Literal["consecutive_fields", "chosen_crops", "unknown"]
BandRuleName = Literal["none", "filament", "one_third"]

SAMPLINGS: tuple[Sampling, ...] = ("consecutive_fields", "chosen_crops", "unknown")

MOST_LEUKOCYTES = 2000.0
"""Leukocytes in 10⁹/L above which a count is taken for one in another unit."""


@dataclass(frozen=True)
class Case:
    """What a person tells about a smear.

    Attributes
    ----------
    leukocyte_count : float or None
        Of the counter, in 10⁹/L; None where not known.
    counter_includes_erythroblasts : bool or None
        Whether the counter counts nucleated red cells as leukocytes; None where nobody has said, taken as no.
    age : Age or None
        None where not known: ranges are then those of adults.
    sampling : {"consecutive_fields", "chosen_crops", "unknown"}
        How the cells were come by.
    smudge_as_lymphocytes : bool
        Count smudge cells as lymphocytes, where their origin is plain, as in chronic lymphocytic leukaemia.
    """

    leukocyte_count: float | None = None
    counter_includes_erythroblasts: bool | None = None
    age: Age | None = None
    sampling: Sampling = "unknown"
    smudge_as_lymphocytes: bool = False

    def __post_init__(self) -> None:
        count = self.leukocyte_count
        if count is not None and not (math.isfinite(count) and 0 < count <= MOST_LEUKOCYTES):
            raise DatasetError(
                f"The leukocyte count is {count:g} × 10⁹/L; expected more than 0 and at most {MOST_LEUKOCYTES:g}.",
                "Give it in 10⁹/L: 7,200 per µL are 7.2.",
            )
        if self.sampling not in SAMPLINGS:
            raise DatasetError(f'"{self.sampling}" is no way to sample cells.', f"Choose from: {', '.join(SAMPLINGS)}.")


@dataclass(frozen=True)
class CountingRules:
    """What laboratories do differently.

    Attributes
    ----------
    target : {"100", "200", "2x200"}
        How many leukocytes are to be counted.
    band_rule : {"none", "filament", "one_third"}
        By which rule bands get a line of their own below the neutrophils; none: they have no line.
    many_smudge_cells : float
        Smudge cells per 100 leukocytes from which on the differential is taken as biased.
    erythroblast_threshold : float
        Erythroblasts per 100 leukocytes from which on the leukocyte count is corrected.
    """

    target: Target = "100"
    band_rule: BandRuleName = "none"
    many_smudge_cells: float = 10.0
    erythroblast_threshold: float = 0.0

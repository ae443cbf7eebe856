"""The five published systems that this project measures itself against: what each claims, what is reached here."""

from __future__ import annotations

from dataclasses import dataclass

from wbc_core.errors import WbcError
from wbc_core.inference.measurements import Evaluation
from wbc_core.services.models import installed_ids, model_details


@dataclass(frozen=True)
class Claim:
    """What a reference system says of one of its models.

    Attributes
    ----------
    system : str
        Letter of the system, A to E.
    title : str
        The system in a few words.
    model_id : str
        The model of this project that does the same.
    on : tuple of str
        Test sets here that are comparable, the closest first, as evaluations name their source.
    accuracy, macro_f1 : float or None
        As claimed, shares of 1; None where nothing is.
    words : str
        What was claimed, on what.
    """

    system: str
    title: str
    model_id: str
    on: tuple[str, ...]
    accuracy: float | None
    macro_f1: float | None
    words: str


@dataclass(frozen=True)
class ReferenceRow:
    """A claim beside what was measured here; ``measured`` is empty where the model is not installed."""

    claim: Claim
    measured: tuple[Evaluation, ...]


_LEUKAEMIA = "Leukaemia screen on ALL-IDB1, five networks"
_A_WORDS = "no figure; its data is given on request only: C-NMC 2019 by subject here"
_E_SETS = ("pbc test", "kaggle test", "raabin test")
_E_WORDS = "no figure; its data is private: three public sets with its merge here"

CLAIMS: tuple[Claim, ...] = (
    *(
        Claim("A", _LEUKAEMIA, f"a-{name}", ("cnmc test",), None, None, _A_WORDS)
        for name in ("vgg19", "inceptionv3", "mobilenetv2", "densenet201", "resnet101v2")
    ),
    Claim(
        "B",
        "Four-class app on the Kaggle set",
        "b-kaggle-cnn",
        ("kaggle test",),
        0.8601,
        0.86,
        "test accuracy 86.01 %, macro F1 0.86 on the same TEST folder",
    ),
    Claim(
        "C",
        "Eight-class study on PBC, baseline network",
        "c-baseline-cnn",
        ("pbc test",),
        0.98,
        None,
        "about 98 % validation accuracy",
    ),
    Claim(
        "C",
        "Eight-class study on PBC, ResNet50",
        "c-resnet50",
        ("pbc test",),
        0.66,
        None,
        "about 66 % after fine-tuning",
    ),
    Claim(
        "D",
        "Network on Raabin-WBC",
        "d-raabin-cnn",
        ("raabin test", "pbc test"),
        0.9815,
        None,
        "test accuracy 98.15 %, loss 0.0648",
    ),
    Claim("E", "Merged classes, as they are", "e-merged-cnn", _E_SETS, None, None, _E_WORDS),
    Claim("E", "Merged classes, with super resolution", "e-merged-cnn-sr", _E_SETS, None, None, _E_WORDS),
)
"""In the order of the letters; figures are the systems' own."""


def reference_rows() -> tuple[ReferenceRow, ...]:
    """Return every claim with the evaluations of its model on the comparable test sets."""
    rows = []
    for claim in CLAIMS:
        measured: tuple[Evaluation, ...] = ()
        if claim.model_id in installed_ids():
            try:
                found = {row.source: row for row in model_details(claim.model_id).evaluations}
            except WbcError:
                found = {}  # `wbc models verify` says what is wrong with it
            measured = tuple(found[source] for source in claim.on if source in found)
        rows.append(ReferenceRow(claim, measured))
    return tuple(rows)

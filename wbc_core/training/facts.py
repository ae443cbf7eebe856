"""What cards say about the data sets and the tasks, beyond what a run can measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from wbc_core.biology.labels import LYMPHOBLAST_STUDY
from wbc_core.biology.statements import RESEARCH_USE

LICENCES: Mapping[str, str] = MappingProxyType(
    {
        "pbc": "PBC (CC BY 4.0, Acevedo et al. 2020)",
        "raabin": "Raabin-WBC (free for any use, Kouzehkanan et al. 2022)",
        "kaggle": "Kaggle Blood Cell Images (MIT)",
        "cnmc": "C-NMC 2019 (CC BY 3.0, Gupta and Gehlot, SBILab; The Cancer Imaging Archive)",
    }
)

SPLITS: Mapping[str, str] = MappingProxyType(
    {
        "pbc": "by picture, near duplicates kept together; the published set names no donors, so that cells of one "
        "donor or slide can stand in training and test: the figure is optimistic for a new patient",
        "raabin": "by slide, as the publishers parted Train from TestA; 49 test pictures of four types, no basophil",
        "kaggle": "the publishers' TEST folder, made from other original fields than TRAIN; same laboratory",
        "cnmc": "by subject: no subject of the test part stands in training or validation; one laboratory",
    }
)

_SMEAR_NEVER_SEEN = (
    "blasts of any lineage, lymphoma cells, plasma cells",
    "reactive lymphocytes and other pathology as classes of their own",
    "parasites, bacteria, smudge cells and artefacts",
    "bone marrow, and stains outside the Romanowsky family",
    "children, and any disease: the donors of the largest set were healthy by their laboratory's account",
)
_MARROW_NEVER_SEEN = (
    "blood films: every picture is a cell of bone marrow, cut out on black",
    "cells other than lymphoblasts of acute lymphoblastic leukaemia and normal B precursors",
    "other laboratories, stains and cameras; other leukaemias",
)

_MARROW_LIMITS = (
    "A research study, not a test: lymphoblasts and normal precursors look much alike, and no single cell is a "
    "diagnosis.",
    "Subjects differ so much in brightness and colour that a network can learn the subject instead of the cell.",
    "It answers with one of its two classes whatever it is shown.",
)
_CONFIDENCE_LIMIT = (
    "Confidence is calibrated on validation pictures of the laboratories that a model was trained in; elsewhere it can "
    "be too high."
)


def licence(sets: Sequence[str], first_weights: str) -> str:
    """Return under what terms the weights may be used, and what they came from."""
    named = [LICENCES.get(name, f"{name} (an imported set: its own terms hold)") for name in sets]
    listed = f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]
    start = f"; first weights: {first_weights}" if first_weights else ""
    terms = "MIT. Trained" if all(name in LICENCES for name in sets) else "Trained"
    return f"{terms} on {listed}{start}."


def intended_use(labels: Sequence[str]) -> str:
    """Return what a model of these labels is for."""
    if set(labels) <= set(LYMPHOBLAST_STUDY):
        task = "A study of how far networks part lymphoblasts from normal B precursors of bone marrow, cell by cell."
    else:
        task = "Naming single, stained cells of peripheral blood films in research and teaching."
    return f"{task} {RESEARCH_USE}"


def splits(sets: Sequence[str]) -> dict[str, str]:
    """Return by what the test part of each set is parted from training."""
    return {name: SPLITS.get(name, "as the set's own split.csv says") for name in sets}


def never_seen(labels: Sequence[str]) -> tuple[str, ...]:
    """Return what a model of these labels has never seen."""
    return _MARROW_NEVER_SEEN if set(labels) <= set(LYMPHOBLAST_STUDY) else _SMEAR_NEVER_SEEN


LEAST_LEARNED = 0.1
"""Share of the way from guessing to no mistake below which a card says that next to nothing was learned."""


def unlearned(labels: Sequence[str], balanced_accuracies: Mapping[str, float]) -> tuple[str, ...]:
    """Return a sentence for each set on whose validation pictures a model hardly does better than guessing.

    Parameters
    ----------
    labels : sequence of str
        The model's labels.
    balanced_accuracies : mapping of str to float
        Of each set's validation pictures, 0 to 1.

    Examples
    --------
    >>> unlearned(("lymphoblast", "normal_precursor"), {"cnmc": 0.51})  # doctest: +ELLIPSIS
    ('Do not use it: ... hardly better than guessing (balanced accuracy 0.51, guessing 0.50).',)
    >>> unlearned(("lymphoblast", "normal_precursor"), {"cnmc": 0.6})
    ()
    """
    chance = 1 / len(labels)
    return tuple(
        f"Do not use it: on validation pictures of {name} it is hardly better than guessing "
        f"(balanced accuracy {reached:.2f}, guessing {chance:.2f})."
        for name, reached in balanced_accuracies.items()
        if reached < chance + LEAST_LEARNED * (1 - chance)
    )


def limits(labels: Sequence[str], sets: Sequence[str], note: str) -> tuple[str, ...]:
    """Return the limits that a card states; ``note`` is the recipe's own."""
    lines = [note] if note else []
    if set(labels) <= set(LYMPHOBLAST_STUDY):
        lines += _MARROW_LIMITS
    else:
        lines.append(
            f"It answers with one of its {len(labels)} types whatever it is shown: another cell gets a wrong name."
        )
        if "neutrophil" in labels:
            lines.append("Bands and segmented neutrophils are one class.")
        if "immature_granulocyte" in labels:
            lines.append("Promyelocytes, myelocytes and metamyelocytes are one class.")
    lines.append(_CONFIDENCE_LIMIT)
    if "kaggle" in sets:
        lines.append("The labels of the Kaggle set are noisy: some of its pictures show no leukocyte at all.")
    return tuple(lines)

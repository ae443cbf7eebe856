"""Names of cell types: canonical labels, their aliases, choices of labels and declared merges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.biology.spelling import closest_names, comparison_form, quoted, singular
from wbc_core.biology.tables import read_table
from wbc_core.errors import DatasetError

LYMPHOBLAST_STUDY: tuple[str, ...] = ("lymphoblast", "normal_precursor")
"""Labels of the C-NMC bone-marrow study; never offered for blood smears or a differential."""

ALL_LABELS: tuple[str, ...] = CELL_TYPES + LYMPHOBLAST_STUDY

SMEAR_PREVALENCE: Mapping[str, float] = MappingProxyType(
    # Share of each leukocyte on an ordinary adult film, used to turn recall and false positives into precision there.
    # A working convention of this project: rounded figures inside the adult ranges of Bain, Bates, Laffan, Dacie and
    # Lewis Practical Haematology, 12th ed. 2017 (see data/normal_ranges.csv). They sum to 99.5 %, not to 100 %.
    {"neutrophil": 0.60, "lymphocyte": 0.30, "monocyte": 0.06, "eosinophil": 0.03, "basophil": 0.005}
)

_MERGE_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Merge:
    """Labels that are counted as one.

    Attributes
    ----------
    name : str
        Label of the merged class.
    members : tuple of str
        At least two canonical labels, in the order given.
    """

    name: str
    members: tuple[str, ...]


def canonical_label(text: str, allowed: Sequence[str] | None = None) -> str:
    """Return the canonical label that a name stands for.

    Parameters
    ----------
    text : str
        A label or an alias. Case, hyphens, spaces, underscores, a plural *s* and a remark in brackets do not matter.
    allowed : sequence of str, optional
        Canonical labels to choose from, for example those of one model. Default: every known label.

    Returns
    -------
    str
        One of `allowed`.

    Raises
    ------
    DatasetError
        The name is unknown, or stands for a label outside `allowed`.

    Examples
    --------
    >>> canonical_label("Neutrophils"), canonical_label("IG"), canonical_label("nucleated-red cell")
    ('neutrophil', 'immature_granulocyte', 'erythroblast')
    """
    choice = ALL_LABELS if allowed is None else tuple(allowed)
    key = comparison_form(text)
    if not key:
        raise DatasetError("A cell type is empty.", f"Choose from: {', '.join(choice)}.")
    names = _names()
    label = names.get(key) or names.get(singular(key)) or key
    if label in choice:
        return label
    if label in ALL_LABELS:
        raise DatasetError(
            f"{quoted(text)} means {label}, which is not among the cell types to choose from.",
            f"Choose from: {', '.join(choice)}.",
        )
    raise DatasetError(f"{quoted(text)} is not a known cell type.", _suggestion(key, choice))


def parse_labels(text: str, allowed: Sequence[str] | None = None) -> tuple[str, ...]:
    """Read a choice of labels such as ``"neutrophil,lymphocyte,ig"``.

    Parameters
    ----------
    text : str
        Labels or aliases, separated by commas.
    allowed : sequence of str, optional
        Canonical labels to choose from. Default: every known label.

    Returns
    -------
    tuple of str
        Canonical labels in the order given, each once.

    Raises
    ------
    DatasetError
        A label is empty, unknown, not allowed, or named twice (also under two aliases).

    Examples
    --------
    >>> parse_labels("polymorphs, IG")
    ('neutrophil', 'immature_granulocyte')
    """
    if not text.strip():
        raise DatasetError("No cell type was named.", "Name them separated by commas, such as neutrophil,lymphocyte.")
    return _distinct(text.split(","), text, allowed)


def parse_merge(text: str, allowed: Sequence[str] | None = None) -> Merge:
    """Read a merge such as ``"eosinophil_basophil=eosinophil+basophil"``.

    Parameters
    ----------
    text : str
        ``name=member+member[+member...]``. The name is in lower case and either new or one of the members.
    allowed : sequence of str, optional
        Canonical labels that may be members. Default: every known label.

    Returns
    -------
    Merge
        The name and its members.

    Raises
    ------
    DatasetError
        The text is not of this form, a member is unknown, not allowed or named twice, or the name already means a
        cell type outside the merge.

    Examples
    --------
    >>> parse_merge("granulocyte=neutrophil+eosinophil+baso").members
    ('neutrophil', 'eosinophil', 'basophil')
    """
    form = "Write it as new=a+b, such as eosinophil_basophil=eosinophil+basophil."
    name, equals, right = (part.strip() for part in text.partition("="))
    if not equals or "=" in right:
        raise DatasetError(f"{quoted(text)} is not a merge: expected one equals sign.", form)
    name = name.lower()
    if not _MERGE_NAME.fullmatch(name):
        raise DatasetError(
            f"{quoted(name)} cannot name a merge: expected a letter, then letters, digits or underscores.", form
        )
    members = _distinct(right.split("+"), text, allowed)
    if len(members) < 2:
        raise DatasetError(f"The merge {quoted(text)} has only one member: expected at least two.", form)
    meaning = _names().get(comparison_form(name))
    if meaning is not None and name not in members:
        raise DatasetError(
            f"The merge {quoted(text)} takes a name that already means {meaning}.",
            "Choose a new name, or the canonical name of one of the members.",
        )
    return Merge(name, members)


def members_of(label: str) -> tuple[str, ...]:
    """Return the cell types that the name of a merged class is made of.

    Parameters
    ----------
    label : str
        Label of a model, such as ``"eosinophil_basophil"``.

    Returns
    -------
    tuple of str
        At least two of the eight types in the order of the name; empty where the name is not made of them.

    Examples
    --------
    >>> members_of("eosinophil_basophil"), members_of("immature_granulocyte"), members_of("granulocyte")
    (('eosinophil', 'basophil'), (), ())
    """
    found: list[str] = []
    rest = f"{label}_"
    while rest:
        label_ahead = next((name for name in CELL_TYPES if rest.startswith(f"{name}_")), None)
        if label_ahead is None or label_ahead in found:
            return ()
        found.append(label_ahead)
        rest = rest.removeprefix(f"{label_ahead}_")
    return tuple(found) if len(found) > 1 else ()


def in_bone_marrow_study(labels: Iterable[str]) -> bool:
    """Return whether any of a model's labels belongs to the bone-marrow study."""
    return not set(LYMPHOBLAST_STUDY).isdisjoint(labels)


def fits_differential(labels: Iterable[str]) -> bool:
    """Return whether a model's labels can be counted in a differential: cell types of ordinary blood, none merged."""
    return set(labels) <= set(CELL_TYPES)


def _distinct(parts: Iterable[str], text: str, allowed: Sequence[str] | None) -> tuple[str, ...]:
    labels: list[str] = []
    for part in parts:
        label = canonical_label(part, allowed)
        if label in labels:
            raise DatasetError(f"{quoted(text)} names {label} twice.", "Name each cell type once.")
        labels.append(label)
    return tuple(labels)


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """Map every label and alias, in comparison form, to its label."""
    table = read_table("aliases.yaml")
    if not isinstance(table, dict) or set(table) != set(ALL_LABELS):
        raise DatasetError("aliases.yaml does not name exactly the known labels.", "Reinstall wbc-core.")
    names = {label: label for label in ALL_LABELS}
    for label, aliases in table.items():
        for alias in aliases:
            if names.setdefault(comparison_form(alias), label) != label:
                raise DatasetError(f"aliases.yaml gives {quoted(alias)} two meanings.", "Reinstall wbc-core.")
    return MappingProxyType(names)


def _suggestion(key: str, choice: Sequence[str]) -> str:
    names = {name: label for name, label in _names().items() if label in choice} | {label: label for label in choice}
    return closest_names(key, names, choice)

"""What pages say about any class that a model answers with: a cell type, a merged class, or one of the marrow study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from wbc_core.biology.cell_types import CELL_TYPES, CellType, cell_type
from wbc_core.biology.labels import LYMPHOBLAST_STUDY, members_of
from wbc_core.biology.morphology import form_of_row, look_alike
from wbc_core.biology.sources import cited
from wbc_core.biology.tables import read_table, validated
from wbc_core.errors import DatasetError

STUDY_CELLS = "study_cells.yaml"


@dataclass(frozen=True)
class ClassFacts:
    """One class of a model in words.

    Attributes
    ----------
    label : str
        As the model's card has it.
    name, plural : str
        Name for display, with a capital letter, and its plural without one: ``"Eosinophil or basophil"``.
    look : str
        How such a cell looks at first sight; empty where nothing is known.
    mimics : tuple of str
        What a cell of the class is mistaken for, members of the class left out.
    against : tuple of str
        What to look for before believing the class.
    members : tuple of CellType
        The type, the types that were merged, or the study's cell; empty for a class of another name.
    """

    label: str
    name: str
    plural: str
    look: str
    mimics: tuple[str, ...]
    against: tuple[str, ...]
    members: tuple[CellType, ...]

    @property
    def name_inside(self) -> str:
        """The name as it stands inside a sentence: only its first letter loses the capital."""
        return self.name[:1].lower() + self.name[1:]


@lru_cache(maxsize=256)
def class_facts(label: str) -> ClassFacts:
    """Describe a class of a model.

    Parameters
    ----------
    label : str
        Any label of a model's card.

    Returns
    -------
    ClassFacts
        A name that is neither a known label nor made of known ones stands for itself, without a description.

    Examples
    --------
    >>> class_facts("eosinophil_basophil").plural
    'eosinophils or basophils'
    """
    if label in CELL_TYPES:
        return _of_one(cell_type(label))
    if label in LYMPHOBLAST_STUDY:
        return _of_one(_study_cells()[label])
    members = tuple(cell_type(member) for member in members_of(label))
    if members:
        return _of_several(label, members)
    words = label.replace("_", " ").strip() or label
    return ClassFacts(label, f"{words[:1].upper()}{words[1:]}", f"cells of the class {words}", "", (), (), ())


def _of_one(cell: CellType) -> ClassFacts:
    return ClassFacts(cell.label, cell.name, cell.plural, cell.look, cell.mimics, cell.against, (cell,))


def _of_several(label: str, members: tuple[CellType, ...]) -> ClassFacts:
    names = [member.name for member in members]
    own = {name.lower() for name in names} | {form.name for member in members for form in member.forms}
    mimics = dict.fromkeys(name for member in members for name in member.mimics if name not in own)
    return ClassFacts(
        label,
        " or ".join([names[0], *(name.lower() for name in names[1:])]),
        " or ".join(member.plural for member in members),
        " ".join(f"{member.name}: {member.look}" for member in members),
        tuple(mimics),
        # What tells the members from each other is no doubt about their common class.
        tuple(
            f"{member.name}: {sentence}"
            for member in members
            for sentence in member.against
            if not any(other.name.lower() in sentence.lower() for other in members if other is not member)
        ),
        members,
    )


@lru_cache(maxsize=1)
def _study_cells() -> Mapping[str, CellType]:
    table = read_table(STUDY_CELLS)
    if set(table) != set(LYMPHOBLAST_STUDY):
        raise DatasetError(f"{STUDY_CELLS} does not describe exactly the study's two classes.", "Reinstall wbc-core.")
    return MappingProxyType({label: _study_cell(label, table[label]) for label in LYMPHOBLAST_STUDY})


def _study_cell(label: str, row: Mapping[str, Any]) -> CellType:
    fields = dict(row)
    named = fields.pop("form")
    form = look_alike(named) if isinstance(named, str) else form_of_row(named, STUDY_CELLS)
    sizes = list(form.sizes_um.values())
    return validated(
        CellType,
        {
            "label": label,
            "nucleus": f"{form.nucleus}; chromatin {form.chromatin}",
            "cytoplasm": form.cytoplasm,
            "granules": form.granules,
            "size_um": (min(low for low, _ in sizes), max(high for _, high in sizes)) if sizes else None,
            "mimics": form.taken_for,
            "normal": None,
            "other_ranges": (),
            "normally_absent": False,
            "normal_note": fields.pop("normal"),
            "forms": (form,),
            "sources": tuple(dict.fromkeys((*cited(fields.pop("sources")), *form.sources))),
            **fields,
        },
        f"{STUDY_CELLS}, {label}",
    )

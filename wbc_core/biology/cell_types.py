"""The eight cell types of ordinary blood: structure, role, look-alikes and normal ranges, read from ``data``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic.dataclasses import dataclass

from wbc_core.biology.morphology import CellForm, forms_of
from wbc_core.biology.ranges import NormalRange, ranges
from wbc_core.biology.sources import Source, cited
from wbc_core.biology.tables import STRICT, read_table, validated
from wbc_core.errors import DatasetError

__all__ = ["CELL_TYPES", "CellForm", "CellType", "NormalRange", "Source", "all_cell_types", "cell_type"]

CELL_TYPES: tuple[str, ...] = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "immature_granulocyte",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)
"""Canonical labels, in alphabetical order."""


@dataclass(frozen=True, config=STRICT)
class CellType:
    """What a page, a report or the atlas says about one cell type.

    Attributes
    ----------
    label : str
        Canonical label.
    name, plural : str
        Name for display, with a capital letter, and its plural without one.
    lineage, role, look : str
        Origin, what the cell does in the body, and how it looks at first sight.
    nucleus, cytoplasm, granules : str
        Structure, with the name of the form in front where forms of the type differ.
    size_um : (float, float) or None
        Smallest and largest diameter on the film in µm over all forms; None where no source states it.
    mimics : tuple of str
        What the type is mistaken for.
    against : tuple of str
        What to look for before believing this type.
    normal : NormalRange or None
        Adult range by default; None where the type is normally absent.
    other_ranges : tuple of NormalRange
        Ranges of other sources.
    normally_absent : bool
        A healthy adult's film shows none.
    normal_note : str
        What there is to add about the normal state; empty where the range says everything.
    forms : tuple of CellForm
        The forms that the type consists of.
    sources : tuple of Source
        Where role, look and warnings are from, then the sources of the forms.
    """

    label: str
    name: str
    plural: str
    lineage: str
    role: str
    look: str
    nucleus: str
    cytoplasm: str
    granules: str
    size_um: tuple[float, float] | None
    mimics: tuple[str, ...]
    against: tuple[str, ...]
    normal: NormalRange | None
    other_ranges: tuple[NormalRange, ...]
    normally_absent: bool
    normal_note: str
    forms: tuple[CellForm, ...]
    sources: tuple[Source, ...]


def cell_type(label: str) -> CellType:
    """Return the facts about one cell type.

    Parameters
    ----------
    label : str
        Canonical label; see `wbc_core.biology.labels.canonical_label` for aliases.

    Raises
    ------
    DatasetError
        The label is none of `CELL_TYPES`.

    Examples
    --------
    >>> cell_type("platelet").normal.absolute_text
    '150–410 × 10⁹/L'
    """
    try:
        return _cell_types()[label]
    except KeyError:
        raise DatasetError(
            f'There is no description of a cell type "{label}".', f"Choose from: {', '.join(CELL_TYPES)}."
        ) from None


def all_cell_types() -> tuple[CellType, ...]:
    """Return the facts about the eight cell types, in the order of `CELL_TYPES`."""
    return tuple(_cell_types()[label] for label in CELL_TYPES)


@lru_cache(maxsize=1)
def _cell_types() -> Mapping[str, CellType]:
    table = read_table("cell_types.yaml")
    if set(table) != set(CELL_TYPES):
        raise DatasetError("cell_types.yaml does not describe exactly the eight cell types.", "Reinstall wbc-core.")
    return MappingProxyType({label: _assemble(label, table[label]) for label in CELL_TYPES})


def _assemble(label: str, row: Mapping[str, Any]) -> CellType:
    forms = forms_of(label)
    sizes = [size for form in forms for size in form.sizes_um.values()]
    own_names = {form.name for form in forms}
    default, upper_limit = ranges(label, "default"), ranges(label, "upper_limit")
    fields = dict(row)
    note = [fields.pop("absence", "")]
    note += [
        f"In people of {limit.population} an {limit.method} counts up to {limit.absolute_high:g} × {limit.unit}"
        f" and {limit.percent_high:g} % ({limit.source.short})."
        for limit in upper_limit
    ]
    note += [f"{limit.remark[0].upper()}{limit.remark[1:]}." for limit in default if limit.remark]
    sources = dict.fromkeys((*cited(fields.pop("sources")), *(source for form in forms for source in form.sources)))
    return validated(
        CellType,
        {
            "label": label,
            "normally_absent": False,
            "nucleus": _described({form.name: _nucleus(form) for form in forms}),
            "cytoplasm": _described({form.name: form.cytoplasm for form in forms}),
            "granules": _described({form.name: form.granules for form in forms}),
            "size_um": (min(low for low, _ in sizes), max(high for _, high in sizes)),
            "mimics": _distinct(name for form in forms for name in form.taken_for if name not in own_names),
            "normal": default[0] if default else None,
            "other_ranges": upper_limit + ranges(label, "other"),
            "normal_note": " ".join(part for part in note if part),
            "forms": forms,
            "sources": tuple(sources),
            **fields,
        },
        f"cell_types.yaml, {label}",
    )


def _nucleus(form: CellForm) -> str:
    return f"{form.nucleus}; chromatin {form.chromatin}" if form.chromatin else form.nucleus


def _described(texts: Mapping[str, str]) -> str:
    """Join the descriptions of the forms of a type; one text where they agree."""
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return ". ".join(f"{name[0].upper()}{name[1:]}: {text}" for name, text in texts.items())


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))

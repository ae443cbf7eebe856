"""What differs between the specs of two runs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wbc_core.errors import RecipeError
from wbc_core.recipes.spec import parse_recipe
from wbc_core.recipes.yaml_text import load_fields

ABSENT = "–"
NOTHING = "none"


@dataclass(frozen=True)
class SpecDifference:
    """One field in which two specs differ; ``–`` stands where one of them lacks it."""

    field: str
    first: str
    second: str


@dataclass(frozen=True)
class SpecComparison:
    """What differs between two specs.

    Attributes
    ----------
    fields : tuple of SpecDifference
        Fields that mean something different, defaults filled in.
    text_diff : str
        Unified difference of the two texts as written; empty where they are equal.
    notes : tuple of str
        What stood in the way of a full comparison.
    """

    fields: tuple[SpecDifference, ...]
    text_diff: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Flat:
    """The fields of a spec by their path, and which of them are parts of a list."""

    values: dict[str, str]
    parts: set[str]


def compare_specs(first: str, second: str, names: tuple[str, str]) -> SpecComparison:
    """Compare two specs field by field and line by line.

    Fields are compared with their defaults filled in, so that a field written out equals one left out. A spec that
    does not validate, such as one of an earlier version, is compared as it is written.

    Parameters
    ----------
    first, second : str
        The YAML texts.
    names : tuple of str
        Names of the two runs.

    Returns
    -------
    SpecComparison

    Raises
    ------
    RecipeError
        If one of the texts is no YAML with fields.
    """
    notes: list[str] = []
    contents = [_fields(text, name) for text, name in zip((first, second), names, strict=True)]
    if any(not valid for _, valid in contents):
        broken = [name for name, (_, valid) in zip(names, contents, strict=True) if not valid]
        notes.append(f"The spec of {' and '.join(broken)} is of another version: fields are compared as written.")
        contents = [(_flat(load_fields(text, name)), False) for text, name in zip((first, second), names, strict=True)]
    fields = _differences(contents[0][0], contents[1][0])
    lines = difflib.unified_diff(
        first.rstrip().splitlines(), second.rstrip().splitlines(), names[0], names[1], lineterm="", n=2
    )
    return SpecComparison(tuple(fields), "\n".join(lines), tuple(notes))


def _differences(one: _Flat, two: _Flat) -> list[SpecDifference]:
    """Return the fields that differ; a part that only one spec has, such as a data set, is one field."""
    parts = one.parts ^ two.parts
    alone = tuple(f"{part}." for part in parts)
    found = []
    for field in dict.fromkeys([*one.values, *two.values]):
        first, second = one.values.get(field, ABSENT), two.values.get(field, ABSENT)
        if first == second or field.startswith(alone) or (field in one.parts | two.parts and field not in parts):
            continue
        if NOTHING in (first, second) and any(other.startswith(f"{field}.") for other in {*one.values, *two.values}):
            continue  # its fields are listed
        found.append(SpecDifference(field, first, second))
    return found


def _fields(text: str, name: str) -> tuple[_Flat, bool]:
    """Return the flat fields of a spec, and whether it validates."""
    written = load_fields(text, name)
    try:
        return _flat(parse_recipe(text, name).model_dump(mode="json")), True
    except RecipeError:
        return _flat(written), False


def _flat(content: Mapping[str, Any]) -> _Flat:
    flat = _Flat({}, set())
    _walk(content, "", flat)
    return flat


def _walk(value: Any, path: str, flat: _Flat) -> None:
    """Take each field's path and value; parts of a list that have a name are found by it, others by their number."""
    below = f"{path}." if path else ""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            _walk(inner, f"{below}{key}", flat)
    elif isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(v, Mapping) for v in value):
        for number, inner in enumerate(value, 1):
            inside = dict(inner) if isinstance(inner, Mapping) else {"value": inner}
            part = f"{below}{inside.pop('name', number)}"
            flat.parts.add(part)
            flat.values[part] = _shown(inside)
            _walk(inside, part, flat)
    else:
        flat.values[path] = _shown(value)


def _shown(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_shown(part) for part in value) or NOTHING
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items() if inner is not None) or NOTHING
    return str(value)

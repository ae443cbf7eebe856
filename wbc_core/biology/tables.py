"""Reading of the data files of this room."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, TypeVar

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from wbc_core.errors import DatasetError

STRICT = ConfigDict(extra="forbid")
"""A row with a column that its type does not have is refused."""

_T = TypeVar("_T")

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it: ten times faster


def read_table(name: str) -> Any:
    """Return the content of a YAML file of ``biology/data``.

    Parameters
    ----------
    name : str
        File name, such as ``"aliases.yaml"``.
    """
    return yaml.load(_text(name), Loader=_LOADER)  # noqa: S506  # a safe loader: plain data only


def read_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of ``biology/data``, one dict per row, empty cells as empty strings.

    Parameters
    ----------
    name : str
        File name, such as ``"normal_ranges.csv"``.
    """
    return list(csv.DictReader(_text(name).splitlines()))


def validated(kind: type[_T], fields: Mapping[str, Any], place: str) -> _T:
    """Return a row as `kind`.

    Parameters
    ----------
    kind : type
        A pydantic dataclass.
    fields : mapping
        Its values.
    place : str
        File and row, for the error.

    Raises
    ------
    DatasetError
        The values do not fit the type.
    """
    try:
        return TypeAdapter(kind).validate_python(dict(fields))
    except ValidationError as error:
        raise DatasetError(
            f"A row of the biology data does not fit ({place}): {error}", "Reinstall wbc-core."
        ) from error


def _text(name: str) -> str:
    return files("wbc_core.biology").joinpath("data", name).read_text(encoding="utf-8")

"""Reading of the data files of this room."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

import yaml

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


def _text(name: str) -> str:
    return files("wbc_core.biology").joinpath("data", name).read_text(encoding="utf-8")

"""The two files of an imported set: ``split.csv``, one row a picture, and ``dataset.json``, what is known of the whole.

``split.csv`` has the columns `COLUMNS`; ``file`` is relative to it, ``sha256`` is the file's, and ``published`` keeps
the part that the source gave a picture, whatever it is split into later.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wbc_core.datasets.contents import Skipped
from wbc_core.errors import DatasetError

TABLE_NAME, RECORD_NAME, PICTURES_NAME = "split.csv", "dataset.json", "images"
COLUMNS = ("file", "label", "group", "split", "subtype", "source_label", "width", "height", "sha256", "published")
MOST_LISTED = 200
"""Most files that are listed by name for one reason."""

Row = dict[str, str]


class LeftOut(BaseModel):
    """Files that were left out for one reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    count: int
    files: tuple[str, ...]
    """At most `MOST_LISTED` of them."""


class SplitRecord(BaseModel):
    """How a set was split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fractions: dict[str, float]
    """Asked for, of train, val and test."""
    seed: int
    by: str = "group"
    joined_duplicates: int
    """Pairs of (near) duplicates that were joined into groups."""
    kept_published_test: bool
    counts: dict[str, dict[str, int]]
    """Pictures by label and part."""
    digest: str
    """SHA-256 of every picture's file, label, group and part, in order-free form."""


class DatasetRecord(BaseModel):
    """What ``dataset.json`` says of an imported set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    name: str
    layout: str
    source: str
    """Name of the file or folder it was imported from, without its path."""
    imported: str
    """Date and time, UTC."""
    licence: str = ""
    pictures: int
    counts: dict[str, dict[str, int]]
    """Pictures by label and published part; the empty name stands for no part."""
    labels: dict[str, str]
    """The source's labels to the canonical ones."""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str
    """SHA-256 of every picture's file, label and content, in order-free form."""
    split: SplitRecord | None = Field(None, description="None as long as only the published parts are used.")


def write_table(folder: Path, rows: Iterable[Mapping[str, str]], columns: Sequence[str] = COLUMNS) -> None:
    """Replace a folder's ``split.csv`` atomically."""
    partial = folder / f"{TABLE_NAME}.{os.getpid()}.partial"
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n", extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(folder / TABLE_NAME)


def read_rows(table: Path) -> tuple[list[Row], tuple[str, ...]]:
    """Return a table's rows and its columns.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            return [{key: value for key, value in row.items() if key} for row in reader], tuple(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"The table {table} cannot be read.", "Write it anew, as CSV in UTF-8.") from error


def write_record(folder: Path, record: DatasetRecord) -> None:
    """Replace a folder's ``dataset.json`` atomically."""
    partial = folder / f"{RECORD_NAME}.{os.getpid()}.partial"
    partial.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / RECORD_NAME)


def read_record(folder: Path) -> DatasetRecord | None:
    """Return what ``dataset.json`` says; None where there is none.

    Raises
    ------
    DatasetError
        If there is one that does not validate.
    """
    path = folder / RECORD_NAME
    if not path.is_file():
        return None
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return DatasetRecord.model_validate(content)
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise DatasetError(f"{path} is damaged or of another version.", "Import the set again.") from error


def counts_of(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, int]]:
    """Count pictures by label and part, both in alphabetical order."""
    counts = Counter((row["label"], row.get("split") or "") for row in rows)
    table: dict[str, dict[str, int]] = {}
    for (label, part), count in sorted(counts.items()):
        table.setdefault(label, {})[part] = count
    return table


def digest_of_rows(rows: Iterable[Mapping[str, str]], columns: Sequence[str]) -> str:
    """Return the SHA-256 of the given columns of a table, whatever the order of its rows."""
    lines = sorted(json.dumps([row.get(column) or "" for column in columns], ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def grouped(skipped: Iterable[Skipped]) -> tuple[LeftOut, ...]:
    """Gather what was left out by its reason, the most frequent first."""
    reasons: dict[str, list[str]] = {}
    for each in skipped:
        reasons.setdefault(each.reason, []).append(each.file)
    ordered = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        LeftOut(reason=reason, count=len(files), files=tuple(files[:MOST_LISTED])) for reason, files in ordered
    )

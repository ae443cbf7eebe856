"""A CSV table with the columns ``file`` and ``label``, and if it has them ``group``, ``split`` and ``subtype``.

File names are relative to the table. Column names may be written in any case; commas or semicolons part the columns.
A ``split.csv`` in the outermost folder is the form in which sets are kept here, and decides over other layouts.
"""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Iterator

from wbc_core.datasets.contents import TABLE, Contents, Member, Skipped
from wbc_core.datasets.importers.layout import GENERAL, OWN, FoundPicture, Layout, Reading, part_of
from wbc_core.errors import DatasetError

LARGEST_TABLE = 200_000_000
"""Most bytes of a table."""

_OTHER_KINDS = frozenset({"xmin", "patient_id", "new_names"})
"""Columns of tables that other layouts read: boxes within fields, and C-NMC's."""


def read(contents: Contents) -> Reading:
    """Read every table of labelled pictures in a source."""
    tables = contents.ending_in(TABLE)
    own = [member for member in tables if member.name.lower() == "split.csv"]
    pictures: list[FoundPicture] = []
    skipped: list[Skipped] = []
    for member in own or tables:
        rows = tuple(_rows(member))
        if rows:
            found, left = _pictures(contents, member, rows)
            pictures += found
            skipped += left
    return Reading(tuple(pictures), tuple(skipped))


def read_own(contents: Contents) -> Reading:
    """Read a set in the form in which sets are kept here: with ``split.csv`` in its outermost folder."""
    own = any(member.name.lower() == "split.csv" for member in contents.members)
    return read(contents) if own else Reading()


def _rows(member: Member) -> Iterator[dict[str, str]]:
    """Yield a table's rows with column names in lower case; nothing where it is no table of labelled pictures."""
    try:
        if member.path.stat().st_size > LARGEST_TABLE:
            raise DatasetError(f"The table {member.name} is larger than {LARGEST_TABLE / 1e6:.0f} MB.", "Part it.")
        text = member.path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"The table {member.name} cannot be read: {error.strerror}.", "Check its rights.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"The table {member.name} is not written in UTF-8.", "Save it as CSV in UTF-8.") from error
    heading = text.partition("\n")[0]
    delimiter = ";" if ";" in heading and "," not in heading else ","
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        columns = [name.strip().lower() for name in next(reader, [])]
        if not {"file", "label"} <= set(columns) or _OTHER_KINDS & set(columns):
            return
        for values in reader:
            if any(value.strip() for value in values):
                filled = [*values, *[""] * (len(columns) - len(values))]
                yield {name: value.strip() for name, value in zip(columns, filled, strict=False)}
    except csv.Error as error:
        raise DatasetError(
            f"The table {member.name} is not well-formed CSV: {error}.", "Save it as CSV again."
        ) from error


def _pictures(
    contents: Contents, table: Member, rows: tuple[dict[str, str], ...]
) -> tuple[list[FoundPicture], list[Skipped]]:
    folder = "/".join(table.folders)
    found: dict[str, FoundPicture] = {}
    skipped: dict[str, Skipped] = {}
    for row in rows:
        listed = row["file"].replace("\\", "/")
        name = posixpath.normpath(posixpath.join(folder, listed))
        member = contents.find(name) if listed and not posixpath.isabs(listed) else None
        if member is None:
            skipped[f"{listed}?"] = Skipped(listed, f"is named in {table.name}, but is not there")
            continue
        part = row.get("split", "") or table.stem
        picture = FoundPicture(name, row["label"], member, row.get("group", ""), part_of(part), row.get("subtype", ""))
        if name in found and found[name].source_label != picture.source_label:
            skipped[name] = Skipped(name, f"stands under two labels in {table.name}")
        found.setdefault(name, picture)
    return [picture for name, picture in found.items() if name not in skipped], list(skipped.values())


LAYOUT = Layout("csv", "CSV table", "a .csv with the columns file,label[,group,split,subtype]", GENERAL, read)
OWN_LAYOUT = Layout(
    "split-csv", "set with its split.csv", "split.csv with file,label[,group,split,subtype]", OWN, read_own
)

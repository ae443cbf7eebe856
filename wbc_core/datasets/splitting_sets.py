"""Split a set on disk: its ``split.csv`` gets new parts, its ``dataset.json`` says how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wbc_core.datasets.checks import counted
from wbc_core.datasets.duplicates import exact_groups, joined, near_pairs
from wbc_core.datasets.fingerprints import Fingerprint
from wbc_core.datasets.records import (
    COLUMNS,
    TABLE_NAME,
    Row,
    SplitRecord,
    counts_of,
    digest_of_rows,
    read_record,
    read_rows,
    write_record,
    write_table,
)
from wbc_core.datasets.sources import LabelledImage
from wbc_core.datasets.splitting import assign_parts
from wbc_core.datasets.statistics import PARTS
from wbc_core.errors import DatasetError, ImageError


@dataclass(frozen=True)
class SplitReport:
    """How a set was split.

    Attributes
    ----------
    table : Path
        The ``split.csv`` that was written.
    record : SplitRecord
        As ``dataset.json`` keeps it, where there is one.
    notes : tuple of str
        Sentences about pictures in no part, and classes missing in one.
    """

    table: Path
    record: SplitRecord
    notes: tuple[str, ...]


def rows_to_split(source: Path, images: Sequence[LabelledImage]) -> tuple[Path, list[Row], tuple[str, ...]]:
    """Return the table to write for a source, its rows in the order of `images`, and its columns.

    Parameters
    ----------
    source : Path
        A set's folder, a folder of class folders or a CSV table.
    images : sequence of LabelledImage
        As :func:`wbc_core.datasets.sources.read_source` returns them for the source.

    Raises
    ------
    DatasetError
        If the source has a ``split.csv`` that was not written here: it is somebody's published split.
    """
    folder = source if source.is_dir() else source.parent
    table = folder / TABLE_NAME
    if not table.exists():
        rows = [
            {"file": i.file, "label": i.label, "group": i.group, "subtype": i.subtype, "published": i.split}
            for i in images
        ]
        return table, rows, COLUMNS[:5] + COLUMNS[-1:]
    rows, columns = read_rows(table)
    if "published" not in columns or (source.is_file() and source.name != TABLE_NAME):
        raise DatasetError(
            f"{folder} has a {TABLE_NAME} that was not written here, and is left as it is.",
            "Import the set under a name of your own, and split that.",
        )
    return table, rows, columns


def split_rows(
    images: Sequence[LabelledImage],
    rows: Sequence[Row],
    marks: Sequence[Fingerprint | ImageError] | None,
    *,
    fractions: Mapping[str, float],
    seed: int,
    keep_test: bool,
) -> tuple[list[Row], SplitRecord, tuple[str, ...]]:
    """Give every picture a part.

    Parameters
    ----------
    images : sequence of LabelledImage
        The pictures.
    rows : sequence of dict
        Their rows, in the same order; ``published`` says which belong to a published test part.
    marks : sequence of Fingerprint or ImageError, or None
        What was found when each was decoded; with it, (near) duplicates are joined into groups, and unreadable
        pictures get no part.
    fractions : mapping of str to float
        Shares of train, val and test.
    seed : int
        Decides among equals.
    keep_test : bool
        Whether a published test part stays; the other pictures are then parted into train and val.

    Returns
    -------
    rows : list of dict
        With new ``group`` and ``split``.
    record : SplitRecord
        How it was done.
    notes : tuple of str
        See `SplitReport`.
    """
    groups, links = _groups(images, marks)
    unreadable = {at for at, mark in enumerate(marks or ()) if isinstance(mark, ImageError)}
    test = {at for at, row in enumerate(rows) if keep_test and row.get("published") == "test"} - unreadable
    tested = {groups[at] for at in test}
    free = [at for at in range(len(images)) if at not in unreadable | test and groups[at] not in tested]
    asked = {part: fractions[part] for part in PARTS if not (tested and part == "test")}
    if not free:
        raise DatasetError(
            "No picture is left to part: all belong to the published test part.", "Give --resplit to part it too."
        )
    chosen = assign_parts([images[at].label for at in free], [groups[at] for at in free], asked, seed)
    parts = dict.fromkeys(test, "test") | {at: chosen[groups[at]] for at in free}
    done = [
        {**row, "label": image.label, "group": groups[at], "split": parts.get(at, "")}
        for at, (row, image) in enumerate(zip(rows, images, strict=True))
    ]
    record = SplitRecord(
        fractions={part: fractions[part] for part in PARTS},
        seed=seed,
        joined_duplicates=links,
        kept_published_test=bool(tested),
        counts=counts_of(done),
        digest=digest_of_rows(done, ("file", "label", "group", "split")),
    )
    twins = len(images) - len(unreadable) - len(test) - len(free)
    return done, record, _notes(record, len(unreadable), twins)


def write_split(table: Path, rows: Sequence[Row], columns: Sequence[str], record: SplitRecord) -> None:
    """Write a split into ``split.csv`` and, where there is one, ``dataset.json``."""
    known = read_record(table.parent)
    write_table(table.parent, rows, columns)
    if known is not None:
        write_record(table.parent, known.model_copy(update={"split": record}))


def _groups(images: Sequence[LabelledImage], marks: Sequence[Fingerprint | ImageError] | None) -> tuple[list[str], int]:
    """Return every picture's group, duplicates joined, and the number of links that joined them."""
    names = [image.group or image.file for image in images]
    decoded = {at: mark for at, mark in enumerate(marks or ()) if isinstance(mark, Fingerprint)}
    links = [*exact_groups(decoded), *((pair.first, pair.second) for pair in near_pairs(decoded))]
    first = {name: at for at, name in reversed(list(enumerate(names)))}
    roots = joined(len(names), [*links, *((first[name], at) for at, name in enumerate(names))])
    # The alphabetically first name speaks for all, so that the order of files does not matter.
    spokesmen: dict[int, str] = {}
    for name, root in zip(names, roots, strict=True):
        spokesmen[root] = min(name, spokesmen.get(root, name))
    return [spokesmen[root] for root in roots], sum(len(link) - 1 for link in links)


def _notes(record: SplitRecord, unreadable: int, twins: int) -> tuple[str, ...]:
    notes = []
    if unreadable:
        notes.append(f"{counted(unreadable, 'picture')} that cannot be read: in no part.")
    if twins:
        notes.append(f"{counted(twins, 'picture')} of groups in the published test part: in no part.")
    present = [part for part in PARTS if any(row.get(part) for row in record.counts.values())]
    notes += [
        f"No {label} is in {part}: there are too few groups of it."
        for part in present
        for label, row in record.counts.items()
        if not row.get(part)
    ]
    return tuple(notes)

"""Labelled pictures from a folder of class folders, from a CSV file, or from a set with a fixed split."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wbc_core.biology.labels import canonical_label
from wbc_core.errors import DatasetError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True)
class LabelledImage:
    """One picture of a data set.

    Attributes
    ----------
    path : Path
        The picture's file.
    label : str
        Canonical label.
    file : str
        Name within its source, as reports print it.
    source : str
        Name of the data set.
    group : str
        Pictures of one group (slide, donor, original) must stay in one part of a split.
    subtype : str
        Finer label where the source has one, else empty.
    split : str
        Part of the data set it belongs to (train, val, test), empty where the source has none.
    """

    path: Path
    label: str
    file: str
    source: str
    group: str = ""
    subtype: str = ""
    split: str = ""


def read_source(
    source: Path, *, allowed: Sequence[str] | None = None, split: str | None = None
) -> tuple[LabelledImage, ...]:
    """Read a labelled source.

    It is a folder with a ``split.csv``, as imported sets are, a folder of class folders, or a CSV file with the columns
    ``file`` and ``label``.

    Parameters
    ----------
    source : Path
        Folder or CSV file. File names in a CSV file are relative to it.
    allowed : sequence of str, optional
        Canonical labels that may occur.
    split : str, optional
        Only the rows whose ``split`` column says so; a folder of class folders has none.

    Returns
    -------
    tuple of LabelledImage
        In sorted order of files for class folders, in the file's order for a CSV.

    Raises
    ------
    DatasetError
        If the source does not exist, is empty, or holds a label that is not known.
    """
    if source.is_dir() and (source / "split.csv").is_file():
        return _read_table(source / "split.csv", allowed, split)
    if source.is_dir():
        return _read_folder(source, allowed)
    if source.is_file() and source.suffix.lower() == ".csv":
        return _read_table(source, allowed, split)
    raise DatasetError(
        f"There is no labelled data at {source}.",
        "Name a folder of class folders, an imported set, or a CSV file with the columns file and label.",
    )


def _read_folder(folder: Path, allowed: Sequence[str] | None) -> tuple[LabelledImage, ...]:
    images = []
    for class_folder in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in class_folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        if not files:
            continue
        label = canonical_label(class_folder.name, allowed)
        images += [LabelledImage(path, label, str(path.relative_to(folder)), folder.name) for path in files]
    if not images:
        raise DatasetError(
            f"No picture lies in a class folder of {folder}.",
            "Expected FOLDER/<class>/<picture>, for example FOLDER/neutrophil/cell1.jpg.",
        )
    return tuple(images)


def _read_table(table: Path, allowed: Sequence[str] | None, split: str | None) -> tuple[LabelledImage, ...]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            missing = {"file", "label"} - set(reader.fieldnames or ())
            if missing:
                raise DatasetError(
                    f"{table} lacks the column {' and '.join(sorted(missing))}.",
                    "Its first line must name at least file and label, separated by commas.",
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{table} cannot be read as a table.", "Save it as CSV in UTF-8.") from error
    if not rows:
        raise DatasetError(f"{table} lists no picture.", "Add one line per picture below the heading.")
    if split is not None:
        parts = sorted({row.get("split") or "" for row in rows} - {""})
        rows = [row for row in rows if row.get("split") == split]
        if not rows:
            raise DatasetError(
                f"{table} lists no picture of the part {split!r}.",
                f"It has {' and '.join(parts) or 'no parts yet'}: part it with `wbc datasets split {table.parent}`.",
            )
    known = {text: canonical_label(text, allowed) for text in sorted({row["label"] for row in rows})}
    return tuple(
        LabelledImage(
            table.parent / row["file"],
            known[row["label"]],
            row["file"],
            table.parent.name,
            row.get("group") or "",
            row.get("subtype") or "",
            row.get("split") or "",
        )
        for row in rows
    )


def read_split(folder: Path, part: str, *, allowed: Sequence[str] | None = None) -> tuple[LabelledImage, ...]:
    """Read one part of a set that brings its own ``split.csv`` (columns ``file``, ``label``, ``split`` and more).

    Parameters
    ----------
    folder : Path
        The set's folder.
    part : str
        ``train``, ``val`` or ``test``.
    allowed : sequence of str, optional
        Canonical labels that may occur.

    Returns
    -------
    tuple of LabelledImage
        In the file's order; empty parts are an error.

    Raises
    ------
    DatasetError
        If the folder has no ``split.csv``, the part is empty, or a label is not known.
    """
    table = folder / "split.csv"
    if not table.is_file():
        raise DatasetError(
            f"The data set {folder.name} is not at {folder}.",
            "Set WBC_DATA_DIR to the folder that holds it, with its split.csv.",
        )
    return _read_table(table, allowed, part)


def hold_out_groups(
    images: Sequence[LabelledImage], share: float, seed: int
) -> tuple[tuple[LabelledImage, ...], tuple[LabelledImage, ...]]:
    """Part a validation set off by whole groups, class by class.

    Groups are taken in the order of a seeded digest of their names, so that the choice depends neither on the order
    of files nor on the machine.

    Parameters
    ----------
    images : sequence of LabelledImage
        What to part.
    share : float
        Least share of every class that goes to validation, as far as its groups allow while one stays for training.
    seed : int
        Seed of the order.

    Returns
    -------
    tuple of tuple of LabelledImage
        Training and validation pictures.
    """

    def order(group: str) -> str:
        return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()

    held: set[str] = set()
    for label in sorted({image.label for image in images}):
        members = [image for image in images if image.label == label]
        groups = sorted({image.group for image in members}, key=order)
        quota = share * len(members)
        taken = sum(image.group in held for image in members)
        for group in groups:
            size = sum(image.group == group for image in members)
            if taken >= quota or group in held or taken + size > 0.5 * len(members):
                continue
            held.add(group)
            taken += size
    train = tuple(image for image in images if image.group not in held)
    validation = tuple(image for image in images if image.group in held)
    return train, validation


def digest_of(images: Iterable[LabelledImage]) -> str:
    """Return the SHA-256 of a list of pictures: of their sources, names and labels, in order-free form."""
    lines = sorted(f"{image.source}/{image.file},{image.label}" for image in images)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()

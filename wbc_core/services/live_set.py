"""Labelled pictures that somebody brings to a comparison: uploaded files, an archive of class folders, or a folder."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from wbc_core.biology.labels import canonical_label
from wbc_core.datasets.archives import Limits, unpack
from wbc_core.datasets.file_names import is_archive
from wbc_core.datasets.sources import IMAGE_SUFFIXES, LabelledImage
from wbc_core.errors import DatasetError
from wbc_core.services.access import require, require_this_computer
from wbc_core.services.roles import Action
from wbc_core.settings import settings

MOST_PICTURES = 20_000
MOST_UNFOLDED = 20
"""An archive may unfold to so many times the largest upload."""

_TABLE = ".csv"
_FORM = "Bring a zip of class folders, or pictures and one CSV file with the columns file and label."


@dataclass(frozen=True)
class LiveSet:
    """Labelled pictures to run models on.

    Attributes
    ----------
    name : str
        As the comparison names the set; no shipped set bears it.
    images : tuple of LabelledImage
        Those whose label is known.
    notes : tuple of str
        What was left out, in sentences.
    """

    name: str
    images: tuple[LabelledImage, ...]
    notes: tuple[str, ...] = ()

    def named_unlike(self, taken: Collection[str]) -> LiveSet:
        """Return the set under a name that no other set bears."""
        name, number = self.name, 1
        while name in taken:
            number += 1
            name = f"{self.name} {number}"
        return LiveSet(name, tuple(replace(image, source=name) for image in self.images), self.notes)

    def path_of(self, source: str, file: str) -> Path | None:
        """Return where a picture of this set lies; None for any other."""
        return self._paths.get(file) if source == self.name else None

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {image.file: image.path for image in self.images}


def uploaded_set(files: Sequence[tuple[str, bytes]], folder: Path) -> LiveSet:
    """Read uploaded files as labelled pictures.

    Parameters
    ----------
    files : sequence of (str, bytes)
        Names and contents: archives of class folders, pictures, and at most one table of labels, which may also lie in
        the archive.
    folder : Path
        An empty folder to unfold them into; the caller removes it when the pictures are no longer needed.

    Raises
    ------
    DatasetError
        If they hold no labelled picture, an archive is broken or made to do harm, or there are two tables.
    """
    require(Action.CLASSIFY)
    found: dict[str, Path] = {}
    for number, (name, data) in enumerate(files):
        place = folder / f"{number:04d}{PurePosixPath(name).suffix.lower()[:10]}"
        place.write_bytes(data)
        if is_archive(name):
            limits = Limits(
                members=2 * MOST_PICTURES,
                total_bytes=MOST_UNFOLDED * settings().max_upload_mb * 1_000_000,
                file_bytes=settings().max_upload_mb * 1_000_000,
            )
            named = folder / f"{number:04d}" / PurePosixPath(name).name  # messages name it as it was uploaded
            named.parent.mkdir()
            place.rename(named)
            found |= unpack(named, folder / f"{number:04d}-files", {*IMAGE_SUFFIXES, _TABLE}, limits=limits).files
            named.unlink()
        else:
            found[PurePosixPath(name).name] = place
    archives = [name for name, _ in files if is_archive(name)]
    title = PurePosixPath(archives[0]).stem if len(archives) == 1 else "uploaded pictures"
    return _labelled(f"{title} (run here)", found)


def set_at(path: Path) -> LiveSet:
    """Read a folder of class folders, a folder with a table of labels, or such a table.

    Parameters
    ----------
    path : Path
        On this computer. Nothing outside the folder is read.

    Raises
    ------
    DatasetError
        If there is no labelled picture.
    AccessError
        If other computers reach the server.
    """
    require_this_computer()
    folder = path.parent if path.is_file() else path
    if not folder.is_dir() or (path.is_file() and path.suffix.lower() != _TABLE):
        raise DatasetError(f"There is no folder or CSV file at {path}.", _FORM)
    usual = [each for each in (folder / "split.csv", folder / "labels.csv") if each.is_file()]
    tables = [path] if path.is_file() else usual
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in IMAGE_SUFFIXES and file.resolve().is_relative_to(folder.resolve()) and file.is_file():
            found[file.relative_to(folder).as_posix()] = file
            if len(found) > MOST_PICTURES:
                raise DatasetError(
                    f"{path} holds more than {MOST_PICTURES:,} pictures.",
                    "Name a smaller folder, or run `wbc compare` with --on.",
                )
    found |= {table.name: table for table in tables[:1]}
    return _labelled(f"{folder.name} (run here)", found)


def _labelled(name: str, files: Mapping[str, Path]) -> LiveSet:
    tables = [file for file in files if file.lower().endswith(_TABLE)]
    pictures = {file: path for file, path in files.items() if PurePosixPath(file).suffix.lower() in IMAGE_SUFFIXES}
    if not pictures:
        raise DatasetError(f"There is no picture in {name.removesuffix(' (run here)')}.", _FORM)
    if len(pictures) > MOST_PICTURES:
        raise DatasetError(f"There are {len(pictures):,} pictures; the most is {MOST_PICTURES:,}.", "Bring fewer.")
    if len(tables) > 1:
        raise DatasetError(f"There are {len(tables)} CSV files; which one holds the labels is not clear.", "Bring one.")
    notes: list[str] = []
    rows = _from_table(tables[0], files[tables[0]], pictures, notes) if tables else _from_folders(pictures)
    known: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    for text in dict.fromkeys(rows.values()):
        try:
            known[text] = canonical_label(text)
        except DatasetError:
            unknown[text] = sum(1 for label in rows.values() if label == text)
    if unknown:
        what = ", ".join(repr(text) for text in list(unknown)[:5])
        if not known:
            raise DatasetError(
                f"None of the labels is known: {what}.", "Expected names such as neutrophil or monocyte."
            )
        notes.append(f"{_pictures(sum(unknown.values()))} labelled {what} left out: no class bears that name.")
    images = [LabelledImage(pictures[file], known[label], file, name) for file, label in rows.items() if label in known]
    return LiveSet(name, tuple(images), tuple(notes))


def _from_table(name: str, table: Path, pictures: Mapping[str, Path], notes: list[str]) -> dict[str, str]:
    """Return the label of each picture that a table names."""
    try:
        reader = csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"), newline=""), restval="")
        lacking = sorted({"file", "label"} - set(reader.fieldnames or ()))
        if lacking:
            raise DatasetError(f"{name} lacks the column {' and '.join(lacking)}.", _FORM)
        lines = [(row["file"].strip(), row["label"].strip()) for row in reader]
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise DatasetError(f"{name} cannot be read as a table.", "Save it as CSV in UTF-8.") from error
    above = PurePosixPath(name).parent
    rows: dict[str, str] = {}
    missing: list[str] = []
    for file, label in lines:
        place = (above / PurePosixPath(file.replace("\\", "/"))).as_posix()
        if place not in pictures:
            missing.append(file)
        elif rows.setdefault(place, label) != label:
            raise DatasetError(f"{name} gives {file} two labels.", "Keep one line for each picture.")
    if not rows:
        raise DatasetError(f"None of the pictures that {name} names is here.", "File names are relative to the table.")
    if missing:
        notes.append(f"{_pictures(len(missing))} of {name} left out, such as {missing[0]}: no such file.")
    unnamed = len(pictures) - len(rows)
    if unnamed:
        notes.append(f"{_pictures(unnamed)} left out: {name} does not name them.")
    return rows


def _from_folders(pictures: Mapping[str, Path]) -> dict[str, str]:
    """Return the class folder of each picture: its first folder, below those that hold all of them."""
    parts = {file: PurePosixPath(file).parts for file in pictures}
    depth = 0
    while all(len(part) > depth + 2 for part in parts.values()):
        tops = {part[depth] for part in parts.values()}
        if len(tops) > 1 or _is_label(next(iter(tops))):
            break
        depth += 1
    if not any(len(part) > depth + 1 for part in parts.values()):
        raise DatasetError("The pictures have no labels.", _FORM)
    return {file: part[depth] if len(part) > depth + 1 else "" for file, part in parts.items()}


def _is_label(text: str) -> bool:
    try:
        canonical_label(text)
    except DatasetError:
        return False
    return True


def _pictures(count: int) -> str:
    return f"{count:,} {'picture' if count == 1 else 'pictures'}"

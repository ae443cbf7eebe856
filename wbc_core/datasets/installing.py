"""From a source in any layout to a set of this program's own form, complete or absent.

Picture files are copied byte by byte; what was cut out of a field, or lay in an array, is written as PNG. Everything is
written into a folder beside the final one, which is renamed when the last file is there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from wbc_core.datasets.archives import DEFAULT_LIMITS, Limits, estimated_size
from wbc_core.datasets.contents import ARRAYS, Contents, Skipped, contents_of
from wbc_core.datasets.file_names import ending, is_archive
from wbc_core.datasets.importers.labelling import Meanings, meanings_of
from wbc_core.datasets.importers.layout import FoundPicture, Layout, Reading
from wbc_core.datasets.importers.registry import recognise
from wbc_core.datasets.picture_files import PictureWriter, file_names, unwritable
from wbc_core.datasets.records import (
    DatasetRecord,
    Row,
    counts_of,
    digest_of_rows,
    grouped,
    write_record,
    write_table,
)
from wbc_core.errors import DatasetError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done and how many there are."""


@dataclass(frozen=True)
class Wishes:
    """What the user said about an import.

    Attributes
    ----------
    layout : str or None
        The layout to read with; found out if None.
    labels : mapping of str to str
        What labels of the source mean.
    leave_out : sequence of str
        Labels whose pictures are not wanted.
    licence : str
        Under which terms the pictures may be used.
    replace : bool
        Whether a set of the same name gives way.
    """

    layout: str | None = None
    labels: Mapping[str, str] | None = None
    leave_out: Sequence[str] = ()
    licence: str = ""
    replace: bool = False


NO_WISHES = Wishes()


def name_for(source: Path) -> str:
    """Return the name under which a source is imported if none is given: its own, in letters that names may have."""
    name = source.resolve().name
    stem = name[: -len(ending(name))] if source.is_file() else name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64] or "set"


def install(
    source: Path,
    folder: Path,
    wishes: Wishes = NO_WISHES,
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> DatasetRecord:
    """Import a source into a folder of its own.

    Parameters
    ----------
    source : Path
        Folder, archive, CSV table or .npz file.
    folder : Path
        The set's folder; its name is the set's name.
    wishes : Wishes
        What the user said about it.
    limits : Limits
        What an archive may unfold to.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    DatasetRecord
        As written to ``dataset.json``.

    Raises
    ------
    DatasetError
        If the name is not allowed or taken, the source is refused, a label is unknown, no picture or none of a class
        could be read, or the disk is or would become full. Nothing is left behind then.
    """
    require_name(folder.name)
    if folder.exists() and not wishes.replace:
        raise DatasetError(f"There is a data set {folder.name} already.", "Choose another --name, or give --replace.")
    if source.exists() and source.resolve() == folder.resolve():
        raise DatasetError(f"{source} is that data set itself.", "Choose another --name.")
    with _beside(folder) as partial:
        scratch = partial / "unpacked"
        if source.is_file() and (is_archive(source.name) or ending(source.name) == ARRAYS):
            require_space(partial, estimated_size(source), f"Unpacking {source.name}")
            _tell(progress, "unpacking", 0, 1)
        contents = contents_of(source, scratch, limits=limits)
        layout, reading = recognise(contents, wishes.layout)
        meanings = meanings_of(reading, wishes.labels or {}, wishes.leave_out)
        record = _write_set(folder.name, partial, contents, layout, reading, meanings, wishes.licence, progress)
        shutil.rmtree(scratch, ignore_errors=True)
        _put_in_place(partial, folder)
    return record


def require_name(name: str) -> None:
    """Raise DatasetError if recipes could not use a name, for example because it leads to another folder."""
    if not NAME.fullmatch(name):
        raise DatasetError(
            f'"{name}" cannot name a data set.',
            "Use up to 64 letters, digits, dots, hyphens or underscores, beginning with a letter or a digit.",
        )


def require_space(folder: Path, needed: int, doing: str) -> None:
    """Raise DatasetError, with how much is missing, if a folder's disk has less free space than needed (bytes)."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DatasetError(
            f"{doing} takes about {_size(needed)} in {folder.parent}, where {_size(free)} are free: "
            f"{_size(needed - free)} are missing.",
            "Free some, or name a folder on another disk with --to.",
        )


def _size(count: int) -> str:
    return (
        f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count:,} bytes"
    )


def _write_set(
    name: str,
    partial: Path,
    contents: Contents,
    layout: Layout,
    reading: Reading,
    meanings: Meanings,
    licence: str,
    progress: Progress | None,
) -> DatasetRecord:
    chosen = [picture for picture in reading.pictures if picture.source_label in meanings.labels]
    files = {picture.member.path for picture in chosen if picture.member and not picture.cut}
    in_scratch = any(path.is_relative_to(partial) for path in files)
    require_space(partial, 0 if in_scratch else sum(path.stat().st_size for path in files), f"Importing {name}")
    writer = PictureWriter(partial, file_names(chosen))
    rows: list[Row] = []
    skipped = [*contents.skipped, *reading.skipped, *_unread(contents, layout, reading)]
    skipped += [
        Skipped(picture.name, meanings.left_out[picture.source_label])
        for picture in reading.pictures
        if picture.source_label in meanings.left_out
    ]
    with ThreadPoolExecutor(2) as pool:
        try:
            for done, (picture, result) in enumerate(zip(chosen, pool.map(writer.write, chosen), strict=True), start=1):
                if isinstance(result, Skipped):
                    skipped.append(result)
                else:
                    rows.append({**result, "label": meanings.labels[picture.source_label]})
                if done % 100 == 0 or done == len(chosen):
                    _tell(progress, "importing", done, len(chosen))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    _refuse_lost_classes(chosen, rows, skipped)
    record = DatasetRecord(
        name=name,
        layout=layout.name,
        source=contents.name,
        imported=datetime.now(UTC).isoformat(timespec="seconds"),
        licence=licence.strip(),
        pictures=len(rows),
        counts=counts_of(rows),
        labels=meanings.labels,
        left_out=grouped(skipped),
        notes=reading.notes,
        digest=digest_of_rows(rows, ("file", "label", "sha256")),
    )
    write_table(partial, rows)
    write_record(partial, record)
    return record


def _unread(contents: Contents, layout: Layout, reading: Reading) -> Iterator[Skipped]:
    """Yield the pictures of a source that its layout does not speak of."""
    known = {picture.member.name for picture in reading.pictures if picture.member}
    known |= {each.file for each in (*reading.skipped, *contents.skipped)}
    for member in contents.pictures:
        if member.name not in known:
            yield Skipped(member.name, f"has no place in the layout {layout.title}")


def _refuse_lost_classes(chosen: Sequence[FoundPicture], rows: Sequence[Row], skipped: Sequence[Skipped]) -> None:
    read = {row["source_label"] for row in rows}
    lost = Counter(picture.source_label for picture in chosen if picture.source_label not in read)
    if lost:
        reasons = {each.file: each.reason for each in skipped}
        label, count = lost.most_common(1)[0]
        example = next(picture.name for picture in chosen if picture.source_label == label)
        raise DatasetError(
            f'None of the {count:,} pictures labelled "{label}" could be read: {example} {reasons.get(example, "")}.',
            "Copy or unpack the source again; one class can be left out with --skip-label.",
        )


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Make a folder to write into, and remove it if it is still there at the end."""
    partial = folder.parent / f".{folder.name}.{os.getpid()}.partial"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for former in folder.parent.glob(f".{folder.name}.*.partial"):
            pid = former.suffixes[-2][1:] if len(former.suffixes) > 1 else ""
            if former == partial or (pid.isdigit() and not psutil.pid_exists(int(pid))):
                shutil.rmtree(former, ignore_errors=True)  # left behind by an import that was killed
        partial.mkdir()
    except OSError as error:
        raise unwritable(folder.parent, error) from error
    try:
        yield partial
    except OSError as error:
        raise unwritable(folder.parent, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _put_in_place(partial: Path, folder: Path) -> None:
    former = folder.parent / f".{folder.name}.{os.getpid()}.former"
    if folder.exists():
        folder.replace(former)
    partial.replace(folder)
    shutil.rmtree(former, ignore_errors=True)


def _tell(progress: Progress | None, doing: str, done: int, total: int) -> None:
    if progress is not None:
        progress(doing, done, total)

"""The files of a source, whether it is a folder or an archive: what an importer looks at."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from wbc_core.datasets.archives import DEFAULT_LIMITS, Limits, Unpacked, unpack
from wbc_core.datasets.file_names import ARCHIVE_SUFFIXES, ending, is_archive, is_clutter, printable
from wbc_core.datasets.sources import IMAGE_SUFFIXES
from wbc_core.errors import DatasetError

TABLE, BOXES, CENTRES, LIST, ARRAYS = ".csv", ".xml", ".xyc", ".txt", ".npz"
WANTED: Final = IMAGE_SUFFIXES | {TABLE, BOXES, CENTRES, LIST, ARRAYS}
"""Endings of the files that some layout reads."""

_READABLE: Final = IMAGE_SUFFIXES | {TABLE, ARRAYS}
_FOREIGN_ARCHIVES: Final = frozenset({".rar", ".7z", ".bz2", ".xz", ".gz", ".zst"})


@dataclass(frozen=True)
class Skipped:
    """Something that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Member:
    """One file of a source.

    Attributes
    ----------
    name : str
        Its path within the source, with slashes.
    path : Path
        Where its content lies.
    """

    name: str
    path: Path

    @property
    def ending(self) -> str:
        """The name's ending in lower case."""
        return ending(self.name)

    @property
    def stem(self) -> str:
        """The file's name without folders and ending."""
        return PurePosixPath(self.name).stem

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders it lies in, outermost first."""
        return PurePosixPath(self.name).parent.parts


@dataclass(frozen=True)
class Contents:
    """The files of a source, in sorted order of their names.

    Attributes
    ----------
    name : str
        The source's file or folder name.
    members : tuple of Member
        Files with an ending that some layout reads.
    scratch : Path
        Folder for what a layout must write while reading.
    skipped : tuple of Skipped
        Members that could not be read.
    others : Counter of str
        Endings of the other files.
    folders : tuple of str
        Folders, empty ones included.
    root : Path or None
        The folder that names in a table are relative to, where the source is one table.
    """

    name: str
    members: tuple[Member, ...]
    scratch: Path
    skipped: tuple[Skipped, ...] = ()
    others: Counter[str] = field(default_factory=Counter)
    folders: tuple[str, ...] = ()
    root: Path | None = None

    @cached_property
    def pictures(self) -> tuple[Member, ...]:
        """The picture files."""
        return tuple(member for member in self.members if member.ending in IMAGE_SUFFIXES)

    @cached_property
    def _by_name(self) -> dict[str, Member]:
        return {member.name: member for member in self.members}

    def ending_in(self, suffix: str) -> tuple[Member, ...]:
        """Return the files with one ending, such as ``.csv``."""
        return tuple(member for member in self.members if member.ending == suffix)

    def find(self, name: str) -> Member | None:
        """Return the file of that name within the source, None if there is none."""
        if self.root is None or name in self._by_name:
            return self._by_name.get(name)
        path = self.root / name
        inside = path.resolve().is_relative_to(self.root.resolve())
        return Member(name, path) if inside and path.is_file() else None

    def summary(self) -> str:
        """Say what the source holds, such as ``12 .jpg, 1 .csv``."""
        counts = Counter(member.ending for member in self.members) + self.others
        return (
            ", ".join(f"{count:,} {suffix or 'without ending'}" for suffix, count in counts.most_common(6)) or "nothing"
        )


def contents_of(source: Path, scratch: Path, *, limits: Limits = DEFAULT_LIMITS) -> Contents:
    """List a source's files; an archive is unpacked first.

    An archive that holds nothing to read but further archives is opened one level deeper, as downloads of several
    parts often come: what ``Train.zip`` holds is then found below ``Train/``.

    Parameters
    ----------
    source : Path
        A folder, an archive (.zip, .tar, .tar.gz, .tgz), a CSV table or a MedMNIST array file (.npz).
    scratch : Path
        Folder to unpack into.
    limits : Limits
        What an archive may unfold to.

    Raises
    ------
    DatasetError
        If there is no such source, it is of another kind, or the archive is refused.
    """
    if not source.exists():
        raise DatasetError(f"There is nothing at {source}.", "Name a folder, an archive, a CSV table or a .npz file.")
    if source.is_dir():
        found = _walk(source)
    elif is_archive(source.name):
        found = unpack(source, scratch / "0", WANTED | set(ARCHIVE_SUFFIXES), limits=limits)
    elif ending(source.name) in (TABLE, ARRAYS):
        return Contents(source.name, (Member(source.name, source),), scratch, root=source.parent)
    else:
        raise _unknown_kind(source)
    found = _open_inner(source, found, scratch, limits)
    members = [Member(name, path) for name, path in sorted(found.files.items()) if ending(name) in WANTED]
    return Contents(
        source.resolve().name,
        tuple(members),
        scratch,
        tuple(Skipped(name, reason) for name, reason in found.damaged.items()),
        found.others,
        found.folders,
    )


def _walk(folder: Path) -> Unpacked:
    found = Unpacked()
    folders: list[str] = []
    inside = folder.resolve()
    for place, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not is_clutter(name))
        here = Path(place)
        folders += [printable((here / name).relative_to(folder).as_posix()) for name in names]
        for file in sorted(files):
            name = (here / file).relative_to(folder).as_posix()
            if is_clutter(file):
                continue
            if (here / file).is_symlink() and not (here / file).resolve().is_relative_to(inside):
                found.damaged[printable(name)] = "is a link that leads out of the folder"
            elif ending(name) in WANTED or is_archive(name):
                found.files[printable(name)] = here / file
            else:
                found.others[ending(name)] += 1
    return Unpacked(found.files, found.damaged, found.others, tuple(folders))


def _open_inner(source: Path, found: Unpacked, scratch: Path, limits: Limits) -> Unpacked:
    inner = {name: path for name, path in found.files.items() if is_archive(name)}
    if not inner:
        return found
    files = {name: path for name, path in found.files.items() if name not in inner}
    if any(ending(name) in _READABLE for name in files):
        left = dict.fromkeys(inner, "is an archive beside other files: import it on its own")
        return Unpacked(files, found.damaged | left, found.others, found.folders)
    damaged, others, folders = dict(found.damaged), Counter(found.others), list(found.folders)
    for number, (name, path) in enumerate(sorted(inner.items()), start=1):
        opened = unpack(path, scratch / str(number), WANTED | set(ARCHIVE_SUFFIXES), limits=limits)
        if any(is_archive(member) for member in opened.files):
            raise DatasetError(
                f"{source.name} holds archives within archives within archives.",
                "Unpack it yourself and name the folder.",
            )
        prefix = name[: -len(ending(name))]
        folders.append(prefix)
        folders += [f"{prefix}/{folder}" for folder in opened.folders]
        files |= {f"{prefix}/{member}": place for member, place in opened.files.items()}
        damaged |= {f"{prefix}/{member}": reason for member, reason in opened.damaged.items()}
        others += opened.others
    return Unpacked(files, damaged, others, tuple(folders))


def _unknown_kind(source: Path) -> DatasetError:
    suffix = ending(source.name)
    if suffix in _FOREIGN_ARCHIVES:
        return DatasetError(
            f"{source.name} is a {suffix} archive, which is not read here.", "Unpack it and name the folder."
        )
    return DatasetError(
        f"{source.name} is neither a folder nor an archive, a CSV table or a .npz file.",
        f"Archives may end in {', '.join(ARCHIVE_SUFFIXES)}.",
    )


def folders_without_pictures(contents: Contents) -> Iterator[str]:
    """Yield the folders that hold no picture, neither directly nor below."""
    full = {parent.as_posix() for member in contents.pictures for parent in PurePosixPath(member.name).parents}
    yield from sorted(set(contents.folders) - full)

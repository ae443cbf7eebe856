"""Safe unpacking of zip and tar archives: whatever the bytes are, the result is files inside one folder or a refusal.

A member never chooses where it is written: files are stored under numbers, and their names are kept beside them. Names
that try to leave the folder are refused all the same, because an archive that holds one was made to do harm. Sizes are
counted while reading, never believed.
"""

from __future__ import annotations

import errno
import gzip
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wbc_core.datasets.archive_readers import CHUNK, Entry, tar_entries, zip_entries
from wbc_core.datasets.file_names import PACK_AGAIN, ZIP_SUFFIXES, ending, is_clutter, safe_name, shown
from wbc_core.errors import DatasetError

# What zipfile, tarfile, gzip and zlib are known to raise for broken archives.
_BROKEN: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    RuntimeError,
    ArithmeticError,
    AttributeError,
    TypeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Limits:
    """What an archive may unfold to.

    Attributes
    ----------
    members : int
        Most files and folders.
    total_bytes : int
        Most bytes of all files together.
    file_bytes : int
        Most bytes of one file; a larger one is left out.
    ratio : int
        Most bytes per byte of the archive, minded from `ratio_from` bytes on. Pictures hardly shrink; uncompressed
        bitmaps on a black ground shrink about twentyfold.
    ratio_from : int
        See `ratio`.
    """

    members: int = 500_000
    total_bytes: int = 100_000_000_000
    file_bytes: int = 25_000_000_000
    ratio: int = 200
    ratio_from: int = 50_000_000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True)
class Unpacked:
    """What came out of an archive.

    Attributes
    ----------
    files : dict of str to Path
        Name within the archive, with slashes, to the file that holds its content.
    damaged : dict of str to str
        Names of members that could not be read, with the reason.
    others : Counter of str
        Endings of the members that were not wanted.
    folders : tuple of str
        Folders that the archive lists.
    """

    files: dict[str, Path] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    folders: tuple[str, ...] = ()


def unpack(archive: Path, target: Path, wanted: Collection[str], *, limits: Limits = DEFAULT_LIMITS) -> Unpacked:
    """Unpack the wanted files of a zip or tar archive into a folder, under numbers.

    Parameters
    ----------
    archive : Path
        File ending in .zip, .tar, .tar.gz or .tgz.
    target : Path
        Folder to write into; made if missing.
    wanted : collection of str
        Endings in lower case, such as ``.jpg``. Other members are looked at, counted, and not written.
    limits : Limits
        What it may unfold to.

    Returns
    -------
    Unpacked

    Raises
    ------
    DatasetError
        If the archive is broken, encrypted, larger than the limits, holds links, devices or names that lead
        elsewhere, or the disk is full.
    """
    target.mkdir(parents=True, exist_ok=True)
    size = max(1, archive.stat().st_size)
    entries = zip_entries if archive.name.lower().endswith(ZIP_SUFFIXES) else tar_entries
    files: dict[str, Path] = {}
    damaged: dict[str, str] = {}
    others: Counter[str] = Counter()
    folders: list[str] = []
    seen: set[str] = set()
    total = 0
    try:
        for count, entry in enumerate(entries(archive, lambda read: _mind(archive, read, limits, size)), start=1):
            if count > limits.members:
                raise _too_much(archive, f"more than {limits.members:,} files")
            name = safe_name(entry.name)
            if entry.is_folder:
                folders += [name] if name else []
                continue
            if not name:
                raise DatasetError("The archive holds a file without a name.", PACK_AGAIN)
            if is_clutter(name):
                continue
            if name in seen:
                raise DatasetError(f"The archive holds two files named {shown(name)}.", PACK_AGAIN)
            seen.add(name)
            if ending(name) not in wanted:
                others[ending(name)] += 1
                continue
            path = target / f"{len(seen):07d}{ending(name)}"
            written, fault = _write(entry, path, archive, limits, total, size)
            total += written
            if fault:
                path.unlink(missing_ok=True)
                damaged[name] = fault
            else:
                files[name] = path
    except RecursionError as failure:
        raise _broken(archive) from failure
    except _BROKEN as failure:
        raise disk_full(failure, target) or _broken(archive) from failure
    return Unpacked(files, damaged, others, tuple(folders))


def estimated_size(source: Path) -> int:
    """Return about how many bytes a source unfolds to, by what it claims; 0 for what is no readable archive.

    Good enough to ask for free space before the work; while unpacking, sizes are counted.
    """
    if not zipfile.is_zipfile(source):
        return source.stat().st_size
    try:
        with zipfile.ZipFile(source) as opened:
            return sum(info.file_size for info in opened.infolist())
    except _BROKEN:
        return 0


def disk_full(failure: BaseException, folder: Path) -> DatasetError | None:
    """Return the error to show for a failure that means a full disk, None for any other failure."""
    if isinstance(failure, OSError) and failure.errno in (errno.ENOSPC, errno.EDQUOT):
        return DatasetError(
            f"There is no space left in {folder}.", "Free some, or name a folder on another disk with --to."
        )
    return None


def _write(entry: Entry, path: Path, archive: Path, limits: Limits, before: int, size: int) -> tuple[int, str]:
    """Copy one member; return its bytes and, if it could not be read, why."""
    written = 0
    with path.open("wb") as target:
        try:
            with entry.open() as stream:
                while chunk := stream.read(CHUNK):
                    written += len(chunk)
                    _mind(archive, before + written, limits, size)
                    if written > limits.file_bytes:
                        return written, f"is larger than {limits.file_bytes / 1e6:,.4g} MB"
                    target.write(chunk)
        except tarfile.TarError:
            raise
        except _BROKEN as failure:
            if disk_full(failure, path) or isinstance(failure, gzip.BadGzipFile):
                raise
            return written, "is damaged in the archive"
    return written, ""


def _mind(archive: Path, unpacked: int, limits: Limits, size: int) -> None:
    if unpacked > limits.total_bytes:
        raise _too_much(archive, f"more than {limits.total_bytes / 1e9:,.4g} GB")
    if unpacked > limits.ratio_from and unpacked > limits.ratio * size:
        raise _too_much(archive, f"more than {limits.ratio} times its size")


def _too_much(archive: Path, words: str) -> DatasetError:
    return DatasetError(
        f"{archive.name} unfolds to {words}, which no archive of pictures does.",
        "If you trust it, unpack it yourself and name the folder.",
    )


def _broken(archive: Path) -> DatasetError:
    return DatasetError(
        f"{archive.name} cannot be read: it is cut off, damaged or no archive of its kind.",
        "Download or copy it again.",
    )

"""What a user hands in, files, folders and zip archives, on disk or in memory, as pictures to be read later."""

from __future__ import annotations

import struct
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

from wbc_core.datasets.file_names import is_clutter, printable
from wbc_core.datasets.sources import IMAGE_SUFFIXES
from wbc_core.errors import ImageError, WbcError
from wbc_core.settings import settings

ARCHIVES: Final = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"})
MOST_UNFOLDED: Final = 200
"""Bytes per byte of an archive, minded from 50 MB on: pictures hardly shrink, and reading never goes beyond a claim."""

MOST_ENTRIES: Final = 200_000
"""Most entries of one archive; more is no batch of pictures."""

_UNPACKING_FAULTS: Final = (
    OSError,
    zipfile.BadZipFile,
    LookupError,
    AttributeError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    zlib.error,
)


@dataclass(frozen=True)
class Picture:
    """A picture that can be read when its turn comes.

    Attributes
    ----------
    name : str
        Unique within its listing.
    size : int
        Bytes, as the file system or the archive claims; 0 of what cannot be read.
    read : callable
        Returns the bytes; raises a WbcError that names the file.
    path : Path or None
        File or archive that holds it; None of what lies in memory.
    entry : int
        Its number within the archive, whose names may repeat; -1 of a file.
    """

    name: str
    size: int
    read: Callable[[], bytes]
    path: Path | None = None
    entry: int = -1


@dataclass(frozen=True)
class Upload:
    """A file that lies in memory: its name, and its bytes."""

    name: str
    data: bytes


@dataclass
class Listing:
    """What was handed in.

    Attributes
    ----------
    pictures : list of Picture
        In their order, each name once.
    left_out : dict of str to str
        Names of the files that are no pictures, with the reason.
    """

    pictures: list[Picture] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set, repr=False)

    def add(self, picture: Picture) -> None:
        """Add a picture; a second one of the same name gets a number."""
        name, number = picture.name, 2
        while name in self._names:
            name, number = f"{picture.name} ({number})", number + 1
        self._names.add(name)
        self.pictures.append(Picture(name, picture.size, picture.read, picture.path, picture.entry))


def list_paths(paths: Sequence[Path]) -> Listing:
    """List every picture under the given paths, sorted within each folder and archive, without reading any.

    Parameters
    ----------
    paths : sequence of Path
        Files are taken whatever their ending; of folders and zip archives only files with a picture's ending.

    Returns
    -------
    Listing
        A file that is missing and an archive that cannot be opened stand in it; reading them raises.
    """
    listing = Listing()
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and not is_clutter(file.relative_to(path).as_posix()):
                    if leads_out(file):
                        listing.left_out[str(file)] = (
                            "is a link that leads out of the folder open to this server's page"
                        )
                    else:
                        _add_file(listing, file, given=False)
        elif path.suffix.lower() == ".zip":
            _add_archive(listing, str(path), path)
        else:
            _add_file(listing, path, given=True)
    return listing


def leads_out(file: Path) -> bool:
    """Return whether a file in the folder that the batch page may read is a link to somewhere outside that folder."""
    root = settings().batch_root
    if root is None or not file.is_symlink():
        return False
    inside = root.resolve()
    return file.parent.resolve().is_relative_to(inside) and not file.resolve().is_relative_to(inside)


def list_uploads(uploads: Iterable[Upload]) -> Listing:
    """List every picture among files in memory; of a zip archive those inside, which stay packed until their turn."""
    listing = Listing()
    for upload in uploads:
        suffix = PurePosixPath(upload.name).suffix.lower()
        if suffix == ".zip":
            _add_archive(listing, upload.name, upload.data)
        elif suffix in IMAGE_SUFFIXES:
            listing.add(Picture(upload.name, len(upload.data), _reader_of_bytes(upload)))
        elif not is_clutter(upload.name):
            listing.left_out[upload.name] = _why_left_out(suffix)
    return listing


def open_entry(path: Path, entry: int) -> bytes:
    """Read one entry of an archive on disk; for a reader in another process, which cannot share an open archive.

    Raises
    ------
    ImageError
        If it is damaged, encrypted or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()[entry]
            return _read_entry(archive, found, f"{path}/{printable(found.filename)}")
    except _UNPACKING_FAULTS as error:
        raise ImageError(f"The archive {path} cannot be read as a zip file.", "Pack the pictures again.") from error


def _add_file(listing: Listing, path: Path, *, given: bool) -> None:
    suffix = path.suffix.lower()
    if not given and suffix not in IMAGE_SUFFIXES:
        listing.left_out[str(path)] = _why_left_out(suffix)
        return
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    listing.add(Picture(str(path), size, reader_of_file(path), path))


def reader_of_file(path: Path) -> Callable[[], bytes]:
    """Return a function that reads a file, and raises ImageError if it is too large or cannot be read."""

    def read() -> bytes:
        try:
            if path.exists() and not path.is_file():
                raise ImageError(f"{path} is no file but a device or a pipe.", "Name a picture file.")
            if path.stat().st_size > _limit():
                raise _too_large(str(path), path.stat().st_size)
            return path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its name is not valid"
            raise ImageError(
                f"The file {path} cannot be read: {reason}.", "Check its name and its permissions."
            ) from error

    return read


def _reader_of_bytes(upload: Upload) -> Callable[[], bytes]:
    def read() -> bytes:
        if len(upload.data) > _limit():
            raise _too_large(upload.name, len(upload.data))
        return upload.data

    return read


def _add_archive(listing: Listing, name: str, content: Path | bytes) -> None:
    """Add the pictures of a zip archive; it stays open as long as one of them is kept."""
    path = content if isinstance(content, Path) else None
    try:
        archive = zipfile.ZipFile(content if isinstance(content, Path) else BytesIO(content))
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            raise WbcError(
                f"The archive {name} holds {len(entries):,} files; the limit is {MOST_ENTRIES:,}.",
                "Pack the pictures into several archives.",
            )
        size = path.stat().st_size if path is not None else len(content) if isinstance(content, bytes) else 0
        if sum(entry.file_size for entry in entries) > max(50_000_000, MOST_UNFOLDED * size):
            raise WbcError(
                f"The archive {name} unfolds to more than {MOST_UNFOLDED} times its size, which no pictures do.",
                "Pack the pictures again.",
            )
    except WbcError as error:
        listing.add(Picture(name, 0, _raiser(error), path))
        return
    except _UNPACKING_FAULTS as error:
        fault = WbcError(f"The archive {name} cannot be read as a zip file.", "Pack the pictures again.")
        fault.__cause__ = error
        listing.add(Picture(name, 0, _raiser(fault), path))
        return
    lock = threading.Lock()
    for number, entry in sorted(enumerate(entries), key=lambda numbered: numbered[1].filename):
        suffix, inside = PurePosixPath(entry.filename).suffix.lower(), f"{name}/{printable(entry.filename)}"
        if not entry.filename or entry.is_dir() or is_clutter(entry.filename):
            continue
        if suffix in IMAGE_SUFFIXES:
            read = _reader_of_entry(archive, entry, inside, lock)
            listing.add(Picture(inside, entry.file_size, read, path, number))
        else:
            listing.left_out[inside] = _why_left_out(suffix)


def _reader_of_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, lock: threading.Lock
) -> Callable[[], bytes]:
    """Return a reader of one entry; an archive is one stream, so only one entry is read at a time."""

    def read() -> bytes:
        with lock:
            return _read_entry(archive, entry, name)

    return read


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bytes:
    if entry.flag_bits & 0x1:
        raise ImageError(f"{name} is encrypted.", "Pack the pictures without a password.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may claim gigabytes of memory
        raise ImageError(f"{name} is packed with an unusual method.", "Pack the pictures again as a plain zip.")
    if entry.file_size > _limit():
        raise _too_large(name, entry.file_size)
    try:
        with archive.open(entry) as stream:
            data = stream.read(_limit() + 1)  # what the entry declares may be a lie
    except _UNPACKING_FAULTS as error:
        raise ImageError(f"{name} cannot be unpacked: {error}.", "Pack the pictures again.") from error
    if len(data) > _limit():
        raise _too_large(name, len(data))
    return data


def _limit() -> int:
    return settings().max_upload_mb * 1_000_000


def _too_large(name: str, size: int) -> ImageError:
    return ImageError(
        f"{name} has {size / 1e6:,.0f} MB; the limit is {settings().max_upload_mb} MB.",
        "Save the picture smaller, or raise WBC_MAX_UPLOAD_MB.",
    )


def _why_left_out(suffix: str) -> str:
    if suffix in ARCHIVES:
        return "is an archive inside; unpack it and hand in its pictures"
    return f"is no picture: files ending in {suffix} are left out" if suffix else "is no picture: it has no ending"


def _raiser(error: WbcError) -> Callable[[], bytes]:
    def read() -> bytes:
        raise error

    return read

"""What the user names on the command line, files, folders and zip archives, as a stream of pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from wbc_core.datasets.sources import IMAGE_SUFFIXES
from wbc_core.errors import ImageError, WbcError
from wbc_core.inference.pipeline import PendingImage
from wbc_core.settings import settings


def pictures_in(paths: Sequence[Path]) -> Iterator[PendingImage]:
    """Yield every picture under the given paths, in sorted order within each folder, without reading it yet.

    Parameters
    ----------
    paths : sequence of Path
        Files are taken whatever their ending; of folders and zip archives only files with a picture's ending.

    Yields
    ------
    PendingImage
        Reading one raises ImageError if it cannot be read.
    """
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file():
                    yield _pending_file(file)
        elif path.suffix.lower() == ".zip":
            yield from _pictures_in_zip(path)
        else:
            yield _pending_file(path)


def _pending_file(path: Path) -> PendingImage:
    def read() -> bytes:
        limit = settings().max_upload_mb * 1_000_000
        try:
            if path.stat().st_size > limit:
                raise _too_large(str(path), path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise ImageError(
                f"The file {path} cannot be read: {error.strerror}.", "Check its name and its permissions."
            ) from error

    return PendingImage(str(path), read)


def _pictures_in_zip(path: Path) -> Iterator[PendingImage]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        fault = WbcError(f"The archive {path} cannot be read as a zip file.", "Pack the pictures again.")
        fault.__cause__ = error
        yield PendingImage(str(path), _raiser(fault))
        return
    with archive:
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            name = PurePosixPath(entry.filename)
            hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.parts)
            if entry.is_dir() or hidden or name.suffix.lower() not in IMAGE_SUFFIXES:
                continue
            yield _read_entry(archive, entry, f"{path}/{entry.filename}")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> PendingImage:
    """Read a zip entry now: archives are one stream, and the caller's threads must not share it."""
    limit = settings().max_upload_mb * 1_000_000
    try:
        if entry.flag_bits & 0x1:
            raise ImageError(f"{name} is encrypted.", "Pack the pictures without a password.")
        if entry.file_size > limit:
            raise _too_large(name, entry.file_size)
        with archive.open(entry) as stream:
            data = stream.read(limit + 1)  # what the entry declares may be a lie
        if len(data) > limit:
            raise _too_large(name, len(data))
    except WbcError as error:
        return PendingImage(name, _raiser(error))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        return PendingImage(
            name, _raiser(ImageError(f"{name} cannot be unpacked: {error}.", "Pack the pictures again."))
        )
    return PendingImage(name, lambda: data)


def _too_large(name: str, size: int) -> ImageError:
    return ImageError(
        f"{name} has {size / 1e6:,.0f} MB; the limit is {settings().max_upload_mb} MB.",
        "Save the picture smaller, or raise WBC_MAX_UPLOAD_MB.",
    )


def _raiser(error: WbcError):  # type: ignore[no-untyped-def]
    def read() -> bytes:
        raise error

    return read

"""The picture files of an imported set: their names, and the bytes that are copied or encoded into them."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import cv2

from wbc_core.datasets.archives import disk_full
from wbc_core.datasets.contents import Skipped
from wbc_core.datasets.importers.layout import FoundPicture, Pixels
from wbc_core.datasets.records import PICTURES_NAME, Row
from wbc_core.errors import DatasetError, ImageError
from wbc_core.imaging.decoding import LEAST_SIDE, decode_image, read_image

LONGEST_PART = 80
"""Most characters of a folder's or file's name in a set; longer ones are cut."""


class PictureWriter:
    """Writes one picture after the other into ``images``; safe for two threads."""

    def __init__(self, folder: Path, names: Mapping[str, str]) -> None:
        self._folder, self._names = folder, names
        self._fields: OrderedDict[Path, Pixels] = OrderedDict()
        self._lock = threading.Lock()

    def write(self, picture: FoundPicture) -> Row | Skipped:
        """Write a picture and return its row without the label, or why there is none."""
        try:
            data, width, height = self._encoded(picture)
        except ImageError as error:
            return Skipped(picture.name, _reason(error))
        if data is None:
            return Skipped(picture.name, "shows nothing to cut out there")
        if min(width, height) < LEAST_SIDE:
            return Skipped(picture.name, f"is smaller than {LEAST_SIDE} × {LEAST_SIDE} pixels")
        file = f"{PICTURES_NAME}/{self._names[picture.name]}"
        target = self._folder / file
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        except OSError as error:
            raise unwritable(self._folder.parent, error) from error
        if picture.member and not picture.cut and picture.member.path.is_relative_to(self._folder):
            picture.member.path.unlink(missing_ok=True)  # was unpacked here, and is not needed twice
        return {
            "file": file,
            "group": picture.group or picture.name,
            "split": picture.split,
            "published": picture.split,
            "subtype": picture.subtype,
            "source_label": picture.source_label,
            "width": str(width),
            "height": str(height),
            "sha256": hashlib.sha256(data).hexdigest(),
        }

    def _encoded(self, picture: FoundPicture) -> tuple[bytes | None, int, int]:
        """Return the bytes to write and the picture's width and height; no bytes where there is nothing to cut."""
        if picture.frame is not None:
            return _png(picture.frame())
        if picture.member is None:
            raise ImageError(f"{picture.name} has no file.", "Report this layout.")
        if picture.cut is not None:
            cut = picture.cut(self._field(picture.member.path))
            return (None, 0, 0) if cut is None else _png(cut)
        try:
            data = picture.member.path.read_bytes()
        except OSError as error:
            raise ImageError(f"{picture.name} cannot be opened: {error.strerror}.", "Check its rights.") from error
        decoded = decode_image(data, picture.name)
        return data, decoded.width, decoded.height

    def _field(self, path: Path) -> Pixels:
        """Return a field's pixels; the last two stay decoded, since its cells follow one another."""
        with self._lock:
            if path not in self._fields:
                self._fields[path] = read_image(path).pixels
                while len(self._fields) > 2:
                    self._fields.popitem(last=False)
            return self._fields[path]


def _png(pixels: Pixels) -> tuple[bytes, int, int]:
    if min(pixels.shape[:2]) < 1:
        return b"", 0, 0
    encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    return encoded.tobytes(), pixels.shape[1], pixels.shape[0]


def _reason(error: ImageError) -> str:
    """Return the words of an error after the file's name, with which most begin."""
    words = error.message.partition("' ")[2] if error.message.startswith("'") else error.message
    return words.rstrip(".")


def file_names(pictures: Sequence[FoundPicture]) -> dict[str, str]:
    """Map each picture's name to its path within ``images``.

    The paths are such as every file system takes, and no two are the same in any case.
    """
    taken: set[str] = set()
    names: dict[str, str] = {}
    for picture in pictures:
        path = PurePosixPath(picture.name.replace("#", "-") if picture.cut else picture.name)
        parts = [_plain(part) for part in path.parts]
        stem, suffix = PurePosixPath(parts[-1]).stem, PurePosixPath(parts[-1]).suffix.lower()
        if picture.cut:
            stem, suffix = re.sub(r"\.(jpe?g|png|bmp|tiff?|webp)(?=-|$)", "", parts[-1], flags=re.IGNORECASE), ".png"
        folder = "/".join(parts[-4:-1])
        candidate, number = f"{folder}/{stem}{suffix}".lstrip("/"), 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{folder}/{stem}-{number}{suffix}".lstrip("/")
        taken.add(candidate.casefold())
        names[picture.name] = candidate
    return names


def _plain(part: str) -> str:
    safe = re.sub(r"[^\w.=+-]+", "_", part).strip(".") or "_"
    if len(safe) <= LONGEST_PART:
        return safe
    digest = hashlib.sha256(part.encode()).hexdigest()[:8]
    suffix = PurePosixPath(safe).suffix[:6]
    return f"{safe[: LONGEST_PART - 16]}-{digest}{suffix}"


def unwritable(folder: Path, error: OSError) -> DatasetError:
    """Return the error for a folder that cannot be written, full disks included."""
    return disk_full(error, folder) or DatasetError(
        f"{folder} cannot be written: {error.strerror}.", "Name another folder with --to."
    )

"""Pictures as files in memory, and zip archives of them, also such as lie about what they hold."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import cv2
import numpy as np


def png(pixels: np.ndarray) -> bytes:
    """A picture, uint8, shape (height, width, 3), RGB, as a PNG file."""
    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


def noise(seed: int, size: int = 48) -> bytes:
    """A picture of noise as a PNG file, another one for each seed."""
    return png(np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of files, by their names."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def changed(archive: bytes, entry: int, at: int, value: bytes) -> bytes:
    """The archive with other bytes in its directory: what that says of one entry, from a place on."""
    data = bytearray(archive)
    start = -1
    for _ in range(entry + 1):
        start = data.find(b"PK\x01\x02", start + 1)
    data[start + at : start + at + len(value)] = value
    return bytes(data)

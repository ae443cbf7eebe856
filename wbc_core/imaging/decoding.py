"""From the bytes of a file to RGB pixels, safely: whatever the bytes are, the result is a picture or an ``ImageError``.

Order of the checks: bytes, format by content, the header's own statements, size; only then is memory set aside. The
decoder is Pillow, limited to five formats; OpenCV reads a plain JPEG 0.7 ms faster but returns half a picture for a cut
off file without saying so, and is used only where Pillow drops the lower byte of 16-bit colour.

Of the metadata only the orientation and a plausible scale are used and nothing is kept. How the many kinds of stored
values become RGB is described in :mod:`wbc_core.imaging.colour_modes`.
"""

from __future__ import annotations

import io
import logging
import math
import struct
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageCms, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from wbc_core.errors import ImageError
from wbc_core.imaging.colour_modes import orient, to_rgb
from wbc_core.imaging.headers import (
    Header,
    RefusedContent,
    read_bmp_header,
    read_jpeg_header,
    read_png_header,
    read_webp_header,
)
from wbc_core.imaging.recognition import describe_unaccepted, extension_note, plain_name, recognise
from wbc_core.imaging.tiff_header import read_tiff_header
from wbc_core.settings import settings

# Once per process, not per call: filters and loggers are shared by all threads. What Pillow would warn of is either
# checked here or of no interest to a user (odd metadata).
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())

# Imported here, these five are all that Pillow ever loads; else the first WebP or TIFF would bring in forty more.
PLUGINS: Final = (BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)

LEAST_SIDE: Final = 24
"""Least width and height in pixels. A granulocyte of 12 to 15 µm on 24 pixels shows half a micron or less per pixel,
coarser than the lobes and granules by which cell types are told apart."""

LONGEST_SIDE: Final = 32_767
"""Largest width and height in pixels: OpenCV's geometric functions count in 16-bit integers."""

MOST_ELONGATED: Final = 64
"""Longer side in shorter sides: reduced to the size at which cells are looked for, a longer strip keeps no pixels."""

PLAUSIBLE_MICRONS_PER_PIXEL: Final = (0.02, 2.0)
"""Scales a light microscope's camera can have. Others are print or screen resolutions and say nothing of the cell."""

_ACCEPTED_HINT: Final = "Use a JPEG, PNG, BMP, TIFF or WebP picture."
_DAMAGED_HINT: Final = "Copy or export it again from where it was taken."

# What Pillow's five plugins, their C decoders, zlib, OpenCV and LittleCMS are known to raise for broken files. Warnings
# stand here for processes that turn warnings into errors.
_DECODER_FAILURES: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    EOFError,
    BufferError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
    cv2.error,
    Warning,
)


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded picture.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB, C-contiguous, read-only.
    format : str
        "JPEG", "PNG", "BMP", "TIFF" or "WebP", by content.
    width, height : int
        Size in pixels after the orientation was applied.
    microns_per_pixel : float or None
        True scale, only where the file states one that a light microscope can have.
    notes : tuple of str
        Sentences on what was assumed, for the user.
    stated_microns_per_pixel : float or None
        Scale that the file states, be it a screen's or a printer's.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    format: str
    width: int
    height: int
    microns_per_pixel: float | None = None
    notes: tuple[str, ...] = ()
    stated_microns_per_pixel: float | None = None


def decode_image(
    data: bytes, name: str = "image", *, max_bytes: int | None = None, max_pixels: int | None = None
) -> DecodedImage:
    """Decode a JPEG, PNG, BMP, TIFF or WebP picture to 8-bit RGB.

    Parameters
    ----------
    data : bytes
        The file's content.
    name : str
        File name for messages and for the note about a wrong ending; never used to open anything.
    max_bytes : int, optional
        Largest file in bytes; the setting ``max_upload_mb`` if not given.
    max_pixels : int, optional
        Largest picture in pixels; the setting ``max_megapixels`` if not given. Never above Pillow's own limit.

    Returns
    -------
    DecodedImage

    Raises
    ------
    ImageError
        If the file is empty, too large, of another kind, animated, damaged, or too small to show a cell.
    """
    shown = f"'{plain_name(name)}'"
    most_bytes = settings().max_upload_mb * 1_000_000 if max_bytes is None else max_bytes
    most_pixels = round(settings().max_megapixels * 1e6) if max_pixels is None else max_pixels
    most_pixels = min(most_pixels, Image.MAX_IMAGE_PIXELS or most_pixels)
    if not data:
        raise ImageError(f"{shown} is empty.", "Choose the file again; its copy or upload may have been interrupted.")
    _check_bytes(shown, len(data), most_bytes)
    kind = recognise(data)
    if kind is None:
        raise ImageError(f"{shown} is not an accepted picture: it looks like {describe_unaccepted(data)}.", _hint(data))
    try:
        header = _read_header(kind, data, most_pixels)
        _check_size(shown, header, most_pixels)
        pixels, notes = _decode(header)
    except RefusedContent as refused:
        raise ImageError(f"{shown} {refused.words}.", refused.hint) from None
    except MemoryError:
        raise ImageError(
            f"There is not enough memory to decode {shown}.", "Crop it to the cell and try again."
        ) from None
    except _DECODER_FAILURES as failure:
        raise ImageError(f"{shown} is cut off, damaged or an unusual kind of {kind}.", _DAMAGED_HINT) from failure
    note = extension_note(name, kind)
    scale = header.microns_per_pixel
    low, high = PLAUSIBLE_MICRONS_PER_PIXEL
    return DecodedImage(
        pixels,
        kind,
        pixels.shape[1],
        pixels.shape[0],
        # Programs write any resolution into a JPEG: it is stated, and taken only by who can compare it with cells.
        scale if scale is not None and low <= scale <= high and kind != "JPEG" else None,
        ((note,) if note else ()) + header.notes + notes,
        scale,
    )


def read_image(path: Path, *, max_bytes: int | None = None, max_pixels: int | None = None) -> DecodedImage:
    """Read and decode a picture file.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes, max_pixels : int, optional
        As for :func:`decode_image`; the size on disk is checked before the file is read.

    Returns
    -------
    DecodedImage

    Raises
    ------
    ImageError
        If the file cannot be opened, or for what :func:`decode_image` refuses.
    """
    shown = f"'{plain_name(path.name)}'"
    most_bytes = settings().max_upload_mb * 1_000_000 if max_bytes is None else max_bytes
    try:
        if not path.is_file():
            words = "is a folder or a device" if path.exists() else "was not found"
            raise ImageError(f"{shown} {words}.", "Name a picture file.")
        with path.open("rb") as file:
            # One byte more than allowed shows a file that is too large, however it grew since its size was asked.
            data = file.read(most_bytes + 1)
        _check_bytes(shown, max(len(data), path.stat().st_size), most_bytes)
    except (OSError, ValueError) as failure:
        reason = getattr(failure, "strerror", None) or "its name is not valid"
        raise ImageError(f"{shown} cannot be opened: {reason}.", "Check its name and its permissions.") from failure
    return decode_image(data, path.name, max_bytes=most_bytes, max_pixels=max_pixels)


def _check_bytes(shown: str, size: int, most: int) -> None:
    if size > most:
        raise ImageError(
            f"{shown} has {_rounded_up(size / 1e6)} MB; the limit is {most / 1e6:,.10g} MB.",
            "Crop it to the cell or save it as JPEG or PNG.",
        )


def _rounded_up(value: float) -> str:
    """Write a figure that exceeds a limit so that it also reads as larger."""
    return f"{math.ceil(value * 100) / 100:,.10g}"


def _check_size(shown: str, header: Header, most_pixels: int) -> None:
    width, height = header.width, header.height
    if min(width, height) < 1:
        raise ValueError("no size")
    size = f"{shown} has {width:,} × {height:,} pixels"
    if width * height > most_pixels:
        raise ImageError(
            f"{size} ({_rounded_up(width * height / 1e6)} megapixels); the limit is {most_pixels / 1e6:,.10g}.",
            "Crop it to the cell or to one field and try again.",
        )
    if max(width, height) > LONGEST_SIDE:
        raise ImageError(f"{size}; no side may exceed {LONGEST_SIDE:,}.", "Crop it to the cell and try again.")
    if min(width, height) < LEAST_SIDE:
        raise ImageError(
            f"{size}; at least {LEAST_SIDE} × {LEAST_SIDE} are needed to show a cell.",
            "Use the original picture, not a thumbnail.",
        )
    if max(width, height) > MOST_ELONGATED * min(width, height):
        raise ImageError(
            f"{size}; no side may exceed {MOST_ELONGATED} times the other.", "Crop it to the cell and try again."
        )


def _hint(data: bytes) -> str:
    return "Save one frame as PNG and use that." if data.startswith(b"GIF8") else _ACCEPTED_HINT


def _read_header(kind: str, data: bytes, most_pixels: int) -> Header:
    if kind == "TIFF":
        return read_tiff_header(data, most_pixels)
    readers = {"JPEG": read_jpeg_header, "PNG": read_png_header, "BMP": read_bmp_header, "WebP": read_webp_header}
    return readers[kind](data)


def _decode(header: Header) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Decode a checked file to oriented RGB."""
    with Image.open(io.BytesIO(header.payload), formats=[header.format.upper()]) as image:
        if image.size != (header.width, header.height):
            raise ValueError("the size differs from the header's")
        image.load()
        picture, notes = to_rgb(image, header)
        pixels = _copy_by_bands(picture)
    if header.lossy and _ends_in_grey(pixels):
        raise ValueError("the coded data ends before the picture does")
    pixels = np.ascontiguousarray(orient(pixels, header.orientation))
    pixels.flags.writeable = False
    return pixels, notes


def _copy_by_bands(picture: Image.Image) -> NDArray[np.uint8]:
    """Copy an RGB image into an array; band by band, since Pillow would set aside twice its size for a whole copy."""
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, 1024):
        bottom = min(top + 1024, height)
        band = picture if (top, bottom) == (0, height) else picture.crop((0, top, width, bottom))
        pixels[top:bottom] = np.asarray(band)
    return pixels


def _ends_in_grey(pixels: NDArray[np.uint8]) -> bool:
    """Tell whether a JPEG's data ended early: libjpeg fills the rest with mid-grey and only warns.

    The last block of a finished picture has no reason to be exactly (128, 128, 128), unless the first is so too.
    """
    return bool((pixels[-8:, -8:] == 128).all() and not (pixels[:8, :8] == 128).all())

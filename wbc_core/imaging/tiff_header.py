"""What the first page of a TIFF states, and whether its strips or tiles fit the size it claims."""

from __future__ import annotations

import math
import re
from typing import Final

from wbc_core.imaging.headers import Header, RefusedContent, exif_orientation
from wbc_core.imaging.tiff_directory import Directory, keep_entries, read_directory

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
DESCRIPTION, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP = 270, 273, 277, 278
X_RESOLUTION, Y_RESOLUTION, PLANAR, RESOLUTION_UNIT = 282, 283, 284, 296
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, SAMPLE_FORMAT, SUBFILE = 322, 323, 324, 339, 254

COMPRESSIONS: Final = {1: "none", 5: "LZW", 7: "JPEG", 8: "Deflate", 32773: "PackBits", 32946: "Deflate"}
"""Accepted compressions: those of microscope programs. Fax, old JPEG and rarer coders are left to converters."""

_PIXEL_TAGS: Final = frozenset(
    {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, 266, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, 279, PLANAR, 317, 320}
    | {TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, 325, 332, 338, SAMPLE_FORMAT, 347, 529, 530, 531, 532}
)
_MOST_VALUES: Final = {STRIP_OFFSETS: 131_072, 279: 131_072, TILE_OFFSETS: 131_072, 325: 131_072, 320: 196_608}
_OME_UNITS: Final = {"µm": 1.0, "μm": 1.0, "&#181;m": 1.0, "&#xB5;m": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3}
_CONVERT: Final = "Save it as an 8-bit RGB TIFF or as PNG."


def read_tiff_header(data: bytes, most_pixels: int) -> Header:
    """Read the first page's directory and check it against the limits that decoding would break.

    Parameters
    ----------
    data : bytes
        The file.
    most_pixels : int
        Largest picture; tiles padded to full size may take twice as much.

    Returns
    -------
    Header

    Raises
    ------
    ValueError, IndexError, OverflowError, struct.error
        If the file is damaged.
    RefusedContent
        If its kind of pixels or compression is not accepted.
    """
    directory = read_directory(data)
    for tag, entry in directory.entries.items():
        if tag in _PIXEL_TAGS and entry.type not in (2, 7) and entry.count > _MOST_VALUES.get(tag, 64):
            raise ValueError(f"tag {tag} holds too many values")
    if _number(directory, SUBFILE, 0) & 1:
        raise RefusedContent("begins with a thumbnail page", "Export the full picture as TIFF or PNG.")
    compression = _number(directory, COMPRESSION, 1)
    if compression not in COMPRESSIONS:
        raise RefusedContent(f"uses a TIFF compression that is not supported (number {compression})", _CONVERT)
    bits = _bits(directory)
    width, height = _number(directory, WIDTH), _number(directory, HEIGHT)
    if width < 1 or height < 1:
        raise ValueError("no size")
    if width * height <= most_pixels:
        _check_layout(directory, width, height, most_pixels)
    notes = ("The file has several pages; the first one is used.",) if directory.following else ()
    return Header(
        "TIFF",
        width,
        height,
        keep_entries(data, directory, _PIXEL_TAGS),
        exif_orientation(data),
        bits,
        white_is_zero=bits == 16 and _number(directory, PHOTOMETRIC, 1) == 0,
        lossy=compression == 7,
        microns_per_pixel=_microns_per_pixel(directory),
        notes=notes,
    )


def _number(directory: Directory, tag: int, default: int | None = None) -> int:
    entry = directory.entries.get(tag)
    if entry is None:
        if default is None:
            raise ValueError(f"tag {tag} is missing")
        return default
    return entry.numbers()[0]


def _bits(directory: Directory) -> int:
    """Return 8 or 16, the bits that a sample needs; refuse what has no fixed black and white."""
    entry = directory.entries.get(BITS)
    bits = max(entry.numbers()) if entry else 1
    sample_format = _number(directory, SAMPLE_FORMAT, 1)
    if sample_format == 3:
        raise RefusedContent(f"holds {bits}-bit floating-point values, whose black and white are not stated", _CONVERT)
    if bits > 16:
        raise RefusedContent(f"holds {bits}-bit values, whose black and white are not stated", _CONVERT)
    if sample_format == 2 and bits > 8:
        raise RefusedContent("holds signed 16-bit values, whose black and white are not stated", _CONVERT)
    return 16 if bits > 8 else 8


def _check_layout(directory: Directory, width: int, height: int, most_pixels: int) -> None:
    """Check that strips or tiles are as many and as large as the picture needs.

    A tile far larger than the picture, or thousands of strips that all point at the same bytes, would make a small
    file cost gigabytes or hours; a strip too few would leave part of the picture black.
    """
    planes = _number(directory, SAMPLES, 1) if _number(directory, PLANAR, 1) == 2 else 1
    tiled = TILE_OFFSETS in directory.entries
    if tiled:
        across, down = _number(directory, TILE_WIDTH), _number(directory, TILE_HEIGHT)
    else:
        across, down = width, min(_number(directory, ROWS_PER_STRIP, height), height)
    if across < 1 or down < 1:
        raise ValueError("empty strips or tiles")
    columns, rows = math.ceil(width / across), math.ceil(height / down)
    if columns * across * rows * down > 2 * most_pixels:
        raise ValueError("tiles far larger than the picture")
    parts = directory.entries.get(TILE_OFFSETS if tiled else STRIP_OFFSETS)
    if parts is None or parts.count != columns * rows * planes:
        raise ValueError("strips or tiles are missing")


def _microns_per_pixel(directory: Directory) -> float | None:
    """Return the scale from OME-XML, ImageJ's description or the resolution tags, in that order."""
    description = directory.entries.get(DESCRIPTION)
    text = description.text() if description else ""
    ome = re.search(r'PhysicalSizeX="([0-9.eE+-]{1,32})"', text)
    if ome:
        unit = re.search(r'PhysicalSizeXUnit="([^"]{1,8})"', text)
        factor = _OME_UNITS.get(unit[1] if unit else "µm")
        try:
            return float(ome[1]) * factor if factor else None
        except ValueError:
            return None
    x, y = (directory.entries[tag].ratio() if tag in directory.entries else 0.0 for tag in (X_RESOLUTION, Y_RESOLUTION))
    if x <= 0 or abs(x - y) > 0.01 * x:
        return None
    if text.startswith("ImageJ") and re.search(r"^unit=(micron|um|µm|\\u00B5m)\s*$", text, re.MULTILINE):
        return 1.0 / x
    per_unit = {2: 25_400.0, 3: 10_000.0}.get(_number(directory, RESOLUTION_UNIT, 2))
    return per_unit / x if per_unit else None

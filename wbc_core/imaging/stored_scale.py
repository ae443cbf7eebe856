"""The scale that JPEG and PNG files state beside their pixels, of a microscope, a printer or a screen.

TIFF files state theirs in :mod:`wbc_core.imaging.tiff_header`. Nothing is unfolded for it: a few numbers at fixed
places are read.
"""

from __future__ import annotations

import struct
from typing import Final

from wbc_core.imaging.tiff_directory import read_directory

MICRONS_PER_INCH: Final = 25_400.0
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_MOST_EXIF: Final = 65_536


def jfif_scale(segment: bytes) -> float | None:
    """Return the scale of a JPEG's JFIF segment (ITU-T T.871).

    Parameters
    ----------
    segment : bytes
        Its content, from the name on.

    Returns
    -------
    float or None
        Micrometres per pixel; None where only the shape of a pixel is stated, or pixels are not square.
    """
    if not segment.startswith(b"JFIF\0") or len(segment) < 12:
        return None
    unit, across, down = struct.unpack_from(">BHH", segment, 7)
    return _square({1: MICRONS_PER_INCH, 2: 10_000.0}.get(unit), across, down)


def png_scale(chunk: bytes) -> float | None:
    """Return the scale of a PNG's pHYs chunk in µm per pixel; None where it states none (W3C PNG, third edition)."""
    if len(chunk) < 9:
        return None
    across, down, unit = struct.unpack_from(">IIB", chunk)
    return _square(1e6 if unit == 1 else None, across, down)


def exif_scale(exif: bytes) -> float | None:
    """Return the scale of an EXIF block in µm per pixel; None where it states none or is damaged (CIPA DC-008)."""
    try:
        entries = read_directory(exif[:_MOST_EXIF]).entries
        across, down = (entries[tag].ratio() if tag in entries else 0.0 for tag in (_X_RESOLUTION, _Y_RESOLUTION))
        unit = entries[_UNIT].numbers()[0] if _UNIT in entries else 2
    except (ValueError, IndexError, OverflowError, struct.error):
        return None
    return _square({2: MICRONS_PER_INCH, 3: 10_000.0}.get(unit), across, down)


def _square(microns: float | None, across: float, down: float) -> float | None:
    """Return the width of a pixel from the µm of a unit and the pixels in it, where pixels are square."""
    if microns is None or across <= 0 or abs(across - down) > 0.01 * across:
        return None
    return microns / across

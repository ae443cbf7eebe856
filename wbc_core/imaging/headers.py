"""What a picture file states before a pixel is decoded, and the same file reduced to its pixels.

Every limit is checked on these figures, so that a small file which claims or unfolds to a huge picture is refused
without memory being set aside for it. Profiles, comments, EXIF and XMP are cut out here: the decoder never sees them,
so they can neither be kept nor unfold to something large.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from wbc_core.imaging.stored_scale import exif_scale, jfif_scale, png_scale
from wbc_core.imaging.tiff_directory import read_directory

MOST_PARTS = 100_000
"""Segments or chunks a file may consist of; real pictures have fewer than some thousands."""

MOST_SCANS = 500
"""Scans of a progressive JPEG; programs write about ten. Each costs a pass over the whole picture."""

MOST_RUN_LENGTH_PIXELS = 4_000_000
"""Pixels of a run-length BMP, which is unpacked too slowly to allow more."""


class RefusedContent(Exception):
    """A picture that is understood but not accepted; the words continue a sentence that begins with the file's name."""

    def __init__(self, words: str, hint: str) -> None:
        super().__init__(words)
        self.words = words
        self.hint = hint


@dataclass(frozen=True)
class Header:
    """What a file states about itself.

    Attributes
    ----------
    format : str
        One of the accepted formats.
    width, height : int
        Stored size in pixels, before the orientation is applied.
    payload : bytes
        The file without anything but its pixels.
    orientation : int
        1 to 8 as in EXIF (CIPA DC-008, tag 274).
    bits : int
        Bits per sample, where they matter: 16 for deep colour, otherwise 8.
    white_is_zero : bool
        Whether a grey TIFF counts from white to black.
    lossy : bool
        Whether the pixels are JPEG-coded, where a missing end shows as grey blocks.
    microns_per_pixel : float or None
        Scale stated by the file, of whatever kind.
    notes : tuple of str
        Sentences for the user.
    """

    format: str
    width: int
    height: int
    payload: bytes
    orientation: int = 1
    bits: int = 8
    white_is_zero: bool = False
    lossy: bool = False
    microns_per_pixel: float | None = None
    notes: tuple[str, ...] = ()


def read_jpeg_header(data: bytes) -> Header:
    """Read a JPEG's segments up to its first scan (ITU-T T.81, annex B).

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Header

    Raises
    ------
    ValueError, IndexError, struct.error
        If the file is damaged.
    RefusedContent
        If it holds more scans than a picture needs.
    """
    kept = [b"\xff\xd8"]
    size: tuple[int, int] | None = None
    progressive = False
    orientation, microns = 1, None
    position = 2
    for _ in range(MOST_PARTS):
        position = data.index(b"\xff", position)
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            position += 2
            continue
        if marker == 0xD9:
            raise ValueError("the picture ends before it begins")
        if marker == 0xDA:
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + length
        if length < 2 or end > len(data):
            raise ValueError("a segment is longer than the file")
        body = data[position + 4 : end]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", body, 1)
            size = (width, height)
            progressive = marker in (0xC2, 0xC6, 0xCA, 0xCE)
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = exif_orientation(body[6:])
            microns = microns or exif_scale(body[6:])
        elif marker == 0xE0:
            microns = jfif_scale(body) or microns
        # Of the application segments, JFIF (0) and Adobe (14) say how colours are coded; the rest is metadata.
        if not (0xE1 <= marker <= 0xED or marker in (0xEF, 0xFE)):
            kept.append(data[position:end])
        position = end
    else:
        raise ValueError("too many segments")
    if size is None:
        raise ValueError("the size is missing")
    if progressive and data.count(b"\xff\xda", position) > MOST_SCANS:
        raise RefusedContent("has far more scans than a picture needs", "Save it again as a baseline JPEG or as PNG.")
    kept.append(data[position:])
    return Header("JPEG", *size, b"".join(kept), orientation, lossy=True, microns_per_pixel=microns)


def read_png_header(data: bytes) -> Header:
    """Read a PNG's chunks and check their sums (W3C PNG, third edition).

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Header

    Raises
    ------
    ValueError, IndexError, struct.error
        If the file is cut off or a checksum of the pixels differs.
    RefusedContent
        If it is animated.
    """
    kept = [data[:8]]
    orientation, microns, frames = 1, None, 1
    position, name = 8, b""
    for _ in range(MOST_PARTS):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise ValueError("a chunk is longer than the file")
        body = memoryview(data)[position + 8 : end - 4]
        if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            if zlib.crc32(body, zlib.crc32(name)) != struct.unpack_from(">I", data, end - 4)[0]:
                raise ValueError("a checksum differs")
            kept.append(data[position:end])
        elif name == b"eXIf":
            orientation = exif_orientation(bytes(body[:65536]))
        elif name == b"acTL" and length >= 4:
            frames = struct.unpack_from(">I", body)[0]
        elif name == b"pHYs":
            microns = png_scale(bytes(body[:9]))
        position = end
        if name == b"IEND":
            break
    else:
        raise ValueError("too many chunks")
    if data[12:16] != b"IHDR":
        raise ValueError("the size is missing")
    if frames > 1:
        raise _animated()
    width, height, bits = struct.unpack_from(">IIB", data, 16)
    return Header("PNG", width, height, b"".join(kept), orientation, bits, microns_per_pixel=microns)


def read_bmp_header(data: bytes) -> Header:
    """Read a Windows or OS/2 bitmap's headers.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Header

    Raises
    ------
    struct.error
        If the file is cut off.
    RefusedContent
        If it is a large run-length bitmap.
    """
    if int.from_bytes(data[14:18], "little") == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        return Header("BMP", width, height, data)
    width, height = struct.unpack_from("<ii", data, 18)
    (compression,) = struct.unpack_from("<I", data, 30)
    if compression in (1, 2) and width * abs(height) > MOST_RUN_LENGTH_PIXELS:
        raise RefusedContent("is a run-length coded bitmap of unusual size", "Save it as PNG.")
    return Header("BMP", width, abs(height), data)


def read_webp_header(data: bytes) -> Header:
    """Read a WebP's chunks (RFC 9649).

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Header

    Raises
    ------
    ValueError, IndexError, struct.error
        If the file is cut off.
    RefusedContent
        If it is animated.
    """
    (riff_size,) = struct.unpack_from("<I", data, 4)
    end = riff_size + 8
    if end > len(data):
        raise ValueError("the file is shorter than it states")
    size: tuple[int, int] | None = None
    orientation, frames = 1, 0
    position = 12
    for _ in range(MOST_PARTS):
        if position + 8 > end:
            break
        name, length = struct.unpack_from("<4sI", data, position)
        body = memoryview(data)[position + 8 : position + 8 + length]
        if name == b"VP8X":
            size = int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        elif name == b"VP8 " and size is None:
            width, height = struct.unpack_from("<HH", body, 6)
            size = width & 0x3FFF, height & 0x3FFF
        elif name == b"VP8L" and size is None:
            (packed,) = struct.unpack_from("<I", body, 1)
            size = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        elif name == b"ANMF":
            frames += 1
        elif name == b"EXIF":
            orientation = exif_orientation(bytes(body[:65536]).removeprefix(b"Exif\0\0"))
        position += 8 + length + (length & 1)
    else:
        raise ValueError("too many chunks")
    if frames > 1:
        raise _animated()
    if size is None:
        raise ValueError("the size is missing")
    return Header("WebP", *size, data, orientation)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation from an EXIF block, 1 where it is missing or damaged.

    Parameters
    ----------
    exif : bytes
        The block, which is a small TIFF file.

    Returns
    -------
    int
        1 to 8.
    """
    try:
        entry = read_directory(exif).entries.get(274)
        value = entry.numbers()[0] if entry else 1
    except (ValueError, IndexError, OverflowError, struct.error):
        return 1
    return value if 1 <= value <= 8 else 1


def _animated() -> RefusedContent:
    return RefusedContent("is an animation", "Save one frame as PNG or JPEG and use that.")

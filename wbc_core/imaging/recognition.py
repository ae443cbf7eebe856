"""What a file is, told by its first bytes and never by its name; and how a file name may appear in a message."""

from __future__ import annotations

import unicodedata
from typing import Final

ACCEPTED_FORMATS: Final = ("JPEG", "PNG", "BMP", "TIFF", "WebP")

EXTENSIONS: Final = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "jpe": "JPEG",
    "jfif": "JPEG",
    "png": "PNG",
    "bmp": "BMP",
    "dib": "BMP",
    "tif": "TIFF",
    "tiff": "TIFF",
    "webp": "WebP",
}
"""Formats that a file name's ending promises, for the note about a wrong ending."""

LONGEST_NAME: Final = 80
"""Characters of a file name shown in a message."""

_BMP_HEADER_SIZES: Final = (12, 40, 52, 56, 64, 108, 124)

_OTHER_FILES: Final = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an Office document"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\x00\x00\x01\x00", "a Windows icon"),
    (0, b"\x00\x00\x00\x0cjP", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (0, b"ZISRAWFILE", "a Zeiss CZI file"),
    (0, b"\xda\xce\xbe\x0a", "a Nikon ND2 file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"MZ", "a Windows program"),
    (0, b"\x7fELF", "a Linux program"),
    (0, b"%!PS", "a PostScript document"),
    (128, b"DICM", "a DICOM file"),
)

_CONTROL_CHARACTERS: Final = frozenset(range(32)) - {9, 10, 12, 13, 27}


def recognise(data: bytes) -> str | None:
    """Return which accepted picture format the bytes begin like, or None.

    Parameters
    ----------
    data : bytes
        The whole file or at least its first 26 bytes.

    Returns
    -------
    str or None
        One of ``ACCEPTED_FORMATS``.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith((b"II\x2a\x00", b"MM\x00\x2a", b"II\x2b\x00", b"MM\x00\x2b")):
        return "TIFF"
    # Two letters are too little to tell a bitmap from a text: the size of its second header must be a known one.
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    return None


def describe_unaccepted(data: bytes) -> str:
    """Say in a few words what a file looks like that is none of the accepted pictures.

    Parameters
    ----------
    data : bytes
        The file, not empty.

    Returns
    -------
    str
        For example ``"an animated GIF"`` or ``"a text file"``.
    """
    if data.startswith((b"GIF87a", b"GIF89a")):
        # Every frame of an animation is announced by a graphic control extension.
        return "an animated GIF" if data.count(b"\x21\xf9\x04") > 1 else "a GIF picture"
    if data[4:8] == b"ftyp":
        return _media_container(data[8:12])
    if data.startswith(b"RIFF"):
        return "an audio or video file"
    for offset, magic, words in _OTHER_FILES:
        if data[offset : offset + len(magic)] == magic:
            return words
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return "an SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or _CONTROL_CHARACTERS.isdisjoint(data[:4096]):
        return "a text file"
    return "a file of unknown kind"


def plain_name(name: str) -> str:
    """Return a file name as it may stand in a message: without control characters, trimmed, as plain text.

    Marks that turn the reading direction or hide characters are removed too. Text that reads like HTML stays as it
    is: whoever shows the message shows it as text.

    Parameters
    ----------
    name : str
        A file name, possibly from another machine.

    Returns
    -------
    str
        At most ``LONGEST_NAME`` characters; ``"image"`` if nothing printable is left.
    """
    shown = " ".join("".join(_printable(character) for character in name[:4096]).split())
    if len(shown) > LONGEST_NAME:
        # The ending stays: it is what tells one file of a batch from the next.
        shown = shown[: LONGEST_NAME - 25] + "…" + shown[-24:]
    return shown or "image"


def extension_note(name: str, actual: str) -> str | None:
    """Return a sentence for a name whose ending promises another format than the content, or None.

    Parameters
    ----------
    name : str
        A file name.
    actual : str
        The format that the content has.

    Returns
    -------
    str or None
        For example ``"The name ends in .jpg, but the content is PNG."``.
    """
    _, dot, ending = plain_name(name).rpartition(".")
    promised = EXTENSIONS.get(ending.lower())
    if not dot or promised is None or promised == actual:
        return None
    return f"The name ends in .{ending.lower()}, but the content is {actual}."


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Zs", "Zl", "Zp") or character in "\t\r\n":
        return " "
    return "" if category.startswith("C") else character


def _media_container(brand: bytes) -> str:
    if brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return "a HEIC picture"
    if brand in (b"avif", b"avis"):
        return "an AVIF picture"
    return "a video"

"""The directory of a TIFF file (TIFF 6.0, BigTIFF): reading its first page's entries, as EXIF blocks have them too."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MOST_ENTRIES = 4096
"""Entries of one directory; programs write some dozens."""

_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGER_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}


@dataclass(frozen=True)
class Entry:
    """One entry of a directory.

    Attributes
    ----------
    tag, type, count : int
        As stored.
    position : int
        Where the entry itself begins in the file.
    offset : int
        Where its values begin in the file.
    data : bytes
        The file.
    order : str
        ``"<"`` or ``">"``.
    """

    tag: int
    type: int
    count: int
    position: int
    offset: int
    data: bytes
    order: str

    def numbers(self, most: int = 16) -> tuple[int, ...]:
        """Return the entry's whole numbers.

        Parameters
        ----------
        most : int
            Largest count accepted.

        Returns
        -------
        tuple of int

        Raises
        ------
        ValueError
            If it holds none or too many.
        struct.error
            If the file is cut off.
        """
        code = _INTEGER_CODES.get(self.type)
        if code is None or not 1 <= self.count <= most:
            raise ValueError(f"tag {self.tag} holds no usable numbers")
        return struct.unpack_from(f"{self.order}{self.count}{code}", self.data, self.offset)

    def ratio(self) -> float:
        """Return the entry's fraction as a number, 0 where it is undefined."""
        if self.type != 5 or self.count != 1:
            return 0.0
        numerator, denominator = struct.unpack_from(f"{self.order}II", self.data, self.offset)
        return float(numerator / denominator) if denominator else 0.0

    def text(self, most: int = 65536) -> str:
        """Return the beginning of the entry's text."""
        if self.type not in (1, 2, 7):
            return ""
        return self.data[self.offset : self.offset + min(self.count, most)].decode("utf-8", errors="replace")

    def span(self) -> int:
        """Return how many bytes the entry's values take."""
        return self.count * _TYPE_SIZES.get(self.type, 1)


@dataclass(frozen=True)
class Directory:
    """The first directory of a TIFF file.

    Attributes
    ----------
    entries : dict of int to Entry
        By tag.
    position : int
        Where the directory begins in the file.
    following : int
        Where the next page's directory begins; 0 if there is none.
    order : str
        ``"<"`` or ``">"``.
    big : bool
        Whether the file is a BigTIFF.
    """

    entries: dict[int, Entry]
    position: int
    following: int
    order: str
    big: bool


def read_directory(data: bytes) -> Directory:
    """Read the first directory of a TIFF file or EXIF block.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Directory

    Raises
    ------
    ValueError, IndexError, struct.error
        If the file is damaged.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise ValueError("no byte order")
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    if version not in (42, 43):
        raise ValueError("no TIFF version")
    big = version == 43
    (position,) = struct.unpack_from(f"{order}{'8xQ' if big else '4xI'}", data)
    (count,) = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, position)
    if count > MOST_ENTRIES:
        raise ValueError("too many entries")
    first, step = (position + 8, 20) if big else (position + 2, 12)
    entries: dict[int, Entry] = {}
    for at in range(first, first + count * step, step):
        tag, kind, number, value = struct.unpack_from(f"{order}HH{'QQ' if big else 'II'}", data, at)
        inline = number * _TYPE_SIZES.get(kind, 1) <= (8 if big else 4)
        offset = at + step - (8 if big else 4) if inline else value
        entries.setdefault(tag, Entry(tag, kind, number, at, offset, data, order))
    try:
        (following,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, first + count * step)
    except struct.error:
        following = 0  # EXIF writers leave it out
    return Directory(entries, position, following, order, big)


def keep_entries(data: bytes, directory: Directory, tags: frozenset[int]) -> bytes:
    """Return the file with only the named entries in its first directory and no further pages.

    Parameters
    ----------
    data : bytes
        The file.
    directory : Directory
        Its first directory.
    tags : frozenset of int
        What to keep.

    Returns
    -------
    bytes
        As long as the file: fewer entries always fit where more stood.
    """
    big, order = directory.big, directory.order
    step = 20 if big else 12
    kept = [data[entry.position : entry.position + step] for entry in directory.entries.values() if entry.tag in tags]
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(kept))
    block = count + b"".join(kept) + bytes(8 if big else 4)
    return data[: directory.position] + block + data[directory.position + len(block) :]

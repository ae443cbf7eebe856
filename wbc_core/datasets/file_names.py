"""Names of files as archives and folders give them: endings, clutter, and names that try to lead elsewhere."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from wbc_core.errors import DatasetError

ZIP_SUFFIXES: Final = (".zip",)
TAR_SUFFIXES: Final = (".tar", ".tar.gz", ".tgz")
ARCHIVE_SUFFIXES: Final = ZIP_SUFFIXES + TAR_SUFFIXES

LONGEST_NAME: Final = 1024
"""Most characters of a member's name."""

PACK_AGAIN: Final = "Pack the pictures again as a plain zip, or unpack the archive yourself and name the folder."
DISTRUST: Final = "Do not use this archive: ask where it came from, and unpack it with care."

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def is_archive(name: str) -> bool:
    """Tell by its ending whether a file is an archive that can be unpacked."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def ending(name: str) -> str:
    """Return a name's ending in lower case, ``.tar.gz`` as one, such as ``.jpg``."""
    lower = name.lower()
    return ".tar.gz" if lower.endswith(".tar.gz") else PurePosixPath(lower).suffix


def is_clutter(name: str) -> bool:
    """Tell whether a name is one that operating systems leave behind: hidden files, thumbnails, resource forks."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or (
        bool(parts) and parts[-1].lower() in ("thumbs.db", "desktop.ini")
    )


def safe_name(raw: str) -> str:
    r"""Return a member's name with slashes and without empty parts; the archive's own folder has an empty one.

    Raises
    ------
    DatasetError
        If the name is absolute, has a drive letter, leads upwards, or is overlong.

    Examples
    --------
    >>> safe_name("Train\\Neutrophil/./1.JPG")
    'Train/Neutrophil/1.JPG'
    """
    name = raw.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise DatasetError(f"The archive holds a file with an absolute path, {shown(raw)}.", DISTRUST)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise DatasetError(f"The archive holds a file that leads out of its folder, {shown(raw)}.", DISTRUST)
    if len(name) > LONGEST_NAME:
        raise DatasetError(
            f"The archive holds a name of {len(name):,} characters; the limit is {LONGEST_NAME:,}.", PACK_AGAIN
        )
    return printable("/".join(parts))


def printable(name: str) -> str:
    """Return a file name that can be printed and written as JSON, whatever bytes it was made of."""
    return _UNPRINTABLE.sub("?", name)


def shown(name: str) -> str:
    """Return a name in quotes, printable and not overlong, for a message."""
    printable = "".join(character if character.isprintable() else "?" for character in name)
    return f'"{printable if len(printable) <= 80 else printable[:77] + "..."}"'

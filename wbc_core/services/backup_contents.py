"""What a backup holds, and what its manifest says of it: one rule for those who write it and those who read it back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from wbc_core.datasets.installing import NAME
from wbc_core.datasets.records import RECORD_NAME, TABLE_NAME
from wbc_core.inference.cards import CARD, ID_PATTERN
from wbc_core.jobs.alone import LOCK
from wbc_core.jobs.database import database_url
from wbc_core.settings import Settings

FORMAT: Final = 1
"""Version of the archive's form; one of a newer form is refused."""

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database.sqlite"
WORK: Final = ".restore"
"""Folder inside each place in which a restore prepares; never part of a backup."""

Place = Literal["runs", "batches", "models", "datasets"]
PLACES: Final[tuple[Place, ...]] = ("runs", "batches", "models", "datasets")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\\]")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeptFile(_Part):
    """One file of the archive; ``modified`` in seconds since 1970."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)
    modified: float


class Manifest(_Part):
    """What an archive holds."""

    format: int
    program: str
    made: float
    """Seconds since 1970."""
    database_version: int | None
    """Version of the tables; None where the database is none of SQLite, and not in the archive."""
    runs_dir: str
    """Where the runs lay, which the rows of the jobs name."""
    files: dict[str, KeptFile]


def folders(settings: Settings) -> dict[Place, Path]:
    """Return where each kind of content lies."""
    return {
        "runs": settings.runs_dir.absolute(),
        "batches": settings.batches_dir.absolute(),
        "models": settings.models_dir.absolute(),
        "datasets": settings.datasets_dir.absolute(),
    }


def database_file(settings: Settings) -> Path | None:
    """Return the file of the database; None where it is none of SQLite."""
    try:
        url = make_url(database_url(settings))
    except ArgumentError:  # no URL at all: who opens it says so
        return None
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database).absolute()


def is_kept(name: str) -> bool:
    """Return whether a backup holds files of this name: nothing outside its places, and nothing that only passes.

    Parameters
    ----------
    name : str
        Name in the archive, for example ``runs/j-20261121-0001/status.json``.

    Examples
    --------
    >>> is_kept("runs/a/status.json"), is_kept("runs/../../etc/passwd"), is_kept("/etc/passwd"), is_kept("runs/a/lock")
    (True, False, False, False)
    """
    if name == DATABASE:
        return True
    parts = name.split("/")
    if len(parts) < 2 or _CONTROL.search(name) or any(part in ("", ".", "..") for part in parts):
        return False
    place, first, last = parts[0], parts[1], parts[-1]
    if first == WORK or last.endswith(".partial"):
        return False
    if place == "runs":
        return len(parts) > 2 and last != LOCK
    if place == "batches":
        return len(parts) == 3 and last != LOCK
    if place == "models":
        return len(parts) > 2 and re.fullmatch(ID_PATTERN, first) is not None
    if place == "datasets":
        return len(parts) == 3 and NAME.fullmatch(first) is not None and last in (TABLE_NAME, RECORD_NAME)
    return False


def found_files(settings: Settings, *, models: bool = True) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every file that a backup holds, but for the database; links are passed over."""
    for place, folder in folders(settings).items():
        if place == "models" and not models:
            continue
        for path in _files(place, folder):
            name = PurePosixPath(place, *path.relative_to(folder).parts).as_posix()
            if is_kept(name) and path.is_file():
                yield name, path


def _files(place: Place, folder: Path) -> Iterator[Path]:
    if place == "models":
        for card in sorted(folder.glob(f"*/{CARD}")):
            if not card.parent.is_symlink():
                yield from _below(card.parent)
    elif place == "datasets":
        for name in (TABLE_NAME, RECORD_NAME):
            yield from (path for path in sorted(folder.glob(f"*/{name}")) if not path.is_symlink())
    elif folder.is_dir():
        yield from _below(folder)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name != WORK:
                yield from _below(path)
        else:
            yield path

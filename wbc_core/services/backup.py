"""Make a backup: one archive of the database, the runs, the batches, the models and the data sets' indexes.

It is written beside its place and renamed when all of it is safe on the disk: whatever happens, there is never half of
one. The database is copied by SQLite's own backup while others work on it, and before the files: a run that goes on
meanwhile is then further in its folder than in the database, as after a power cut, and the next worker goes on with it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from sqlalchemy import func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from wbc_core import __version__
from wbc_core.errors import WbcError
from wbc_core.jobs.database import backups, connect, database_url, open_database
from wbc_core.jobs.upgrading import present_version
from wbc_core.services.access import is_public
from wbc_core.services.backup_contents import (
    DATABASE,
    FORMAT,
    MANIFEST,
    KeptFile,
    Manifest,
    database_file,
    found_files,
)
from wbc_core.settings import Settings, settings

_BLOCK: Final = 1 << 20
_STORED: Final = frozenset({".onnx", ".keras", ".npz", ".png", ".jpg", ".webp", ".zip", ".gz"})
"""Endings of what does not grow smaller."""


@dataclass(frozen=True)
class Backup:
    """What a backup holds; ``size`` is the archive's, in bytes."""

    path: Path
    files: int
    size: int
    database: bool


def make_backup(target: Path, *, models: bool = True) -> Backup:
    """Write a backup.

    Parameters
    ----------
    target : Path
        The archive to write, a zip; it must not be there yet.
    models : bool
        Whether the installed models are in it.

    Raises
    ------
    WbcError
        If there is such a file, or something cannot be read or written. Nothing is left behind then.
    """
    if is_public():
        raise WbcError("A public server keeps nothing, so there is nothing to back up.", "Back up a laboratory's.")
    chosen = settings()
    if target.exists():
        raise WbcError(f"There is a file {target} already.", "Choose another name, for example one with the date.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        manifest = _write(partial, chosen, models=models)
        partial.replace(target)
        sync_folder(target.absolute().parent)
        size = target.stat().st_size
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise WbcError(
            f"The backup {target} cannot be made: {reason}.", "Nothing of it is left. Check room and rights there."
        ) from error
    finally:
        for rest in (partial, _copy_beside(partial)):
            with suppress(OSError):
                rest.unlink(missing_ok=True)
    _note(chosen, manifest.made, size)
    return Backup(target, len(manifest.files), size, manifest.database_version is not None)


def backup_age_s(chosen: Settings) -> float | None:
    """Return how many seconds ago the last backup was made; None if none is known of."""
    try:
        engine, _ = connect(database_url(chosen))
        with engine.connect() as connection:
            made = connection.scalar(select(func.max(backups.c.made)))
        engine.dispose()
    except (WbcError, SQLAlchemyError):
        return None
    return None if made is None else max(0.0, time.time() - made)


def _write(partial: Path, chosen: Settings, *, models: bool) -> Manifest:
    kept: dict[str, KeptFile] = {}
    version = None
    partial.unlink(missing_ok=True)
    with partial.open("xb") as stream:
        partial.chmod(0o600)
        with zipfile.ZipFile(stream, "w", allowZip64=True) as archive:
            source = database_file(chosen)
            if source is not None and source.is_file():
                open_database(database_url(chosen))  # brings it up to date, so that its version is this program's
                version = present_version(chosen)
                copy = _copy_beside(partial)
                copy.unlink(missing_ok=True)
                copy.touch(0o600)
                _copy_database(source, copy)
                kept[DATABASE] = _add(archive, DATABASE, copy)
            for name, path in found_files(chosen, models=models):
                with suppress(FileNotFoundError):  # deleted since it was listed
                    kept[name] = _add(archive, name, path)
            manifest = Manifest(
                format=FORMAT,
                program=__version__,
                made=time.time(),
                database_version=version,
                runs_dir=str(chosen.runs_dir.absolute()),
                files=kept,
            )
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1), zipfile.ZIP_DEFLATED)
        stream.flush()
        os.fsync(stream.fileno())
    return manifest


def _copy_beside(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}-database.partial")


def _copy_database(source: Path, copy: Path) -> None:
    """Copy a SQLite database as of one moment, whoever writes to it meanwhile (sqlite3_backup)."""
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=15)) as live,
        closing(sqlite3.connect(copy)) as still,
    ):
        live.backup(still)
        still.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> KeptFile:
    """Add a file as far as it reaches now, and return what was added."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        modified = os.fstat(source.fileno()).st_mtime
        entry = zipfile.ZipInfo(name, time.gmtime(max(modified, 315_532_800.0))[:6])  # a zip begins in 1980
        entry.compress_type = zipfile.ZIP_STORED if path.suffix.lower() in _STORED else zipfile.ZIP_DEFLATED
        entry.external_attr = 0o100600 << 16
        with archive.open(entry, "w", force_zip64=True) as target:
            for block in blocks_of(source):
                digest.update(block)
                size += len(block)
                target.write(block)
    return KeptFile(sha256=digest.hexdigest(), bytes=size, modified=modified)


def blocks_of(source: IO[bytes]) -> Iterator[bytes]:
    """Yield what a file holds, a block at a time."""
    return iter(lambda: source.read(_BLOCK), b"")


def _note(chosen: Settings, made: float, size: int) -> None:
    """Note down when the backup was made, for `wbc doctor`; without a database there is nowhere to."""
    file = database_file(chosen)
    if file is not None and not file.exists():
        return
    with suppress(WbcError, SQLAlchemyError), open_database(database_url(chosen)).begin() as connection:
        connection.execute(insert(backups).values(made=made, bytes=size))


def sync_folder(folder: Path) -> None:
    """See a rename safe on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

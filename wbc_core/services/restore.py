"""Bring a backup back: every file is checked before the first present one gives way, and a kill leaves no mixture."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from wbc_core.errors import WbcError
from wbc_core.jobs.alone import LOCK
from wbc_core.jobs.database import VERSION, connect, database_url, open_database
from wbc_core.jobs.staff import Staff
from wbc_core.jobs.upgrading import version_of
from wbc_core.services.access import is_public
from wbc_core.services.backup import blocks_of, sync_folder
from wbc_core.services.backup_contents import (
    DATABASE,
    WORK,
    KeptFile,
    Manifest,
    database_file,
    folders,
)
from wbc_core.services.backup_reading import AGAIN, read_manifest, shown
from wbc_core.services.restore_moves import Moves, put_in_place, restoring_alone, unsettled
from wbc_core.settings import Settings, settings


@dataclass(frozen=True)
class Restored:
    """What was brought back; ``kept_models`` are those that were there already, byte for byte."""

    files: int
    made: float
    database: bool
    kept_models: tuple[str, ...]


def restore_backup(source: Path, *, replace: bool = False) -> Restored:
    """Bring a backup back into the folders that the settings name.

    Parameters
    ----------
    source : Path
        The archive.
    replace : bool
        Whether present runs, batches and jobs give way, and models and sets of the same name. Without it they have to
        be absent.

    Raises
    ------
    WbcError
        If the archive is none of this program's, of a newer version or altered, something present would give way, or
        somebody works on it. Everything is then as it was.
    """
    if is_public():
        raise WbcError("A public server keeps nothing, so nothing is restored.", "Restore it in a laboratory.")
    chosen = settings()
    try:
        with source.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            manifest = read_manifest(archive, source)
            _require_same_kind(manifest, chosen)
            with restoring_alone(chosen):
                refuse_while_worked_on(chosen)
                kept = _models_at_hand(manifest, chosen)
                moves = _planned(manifest, chosen, kept)
                if not replace:
                    _refuse_to_replace(moves, chosen)
                try:
                    _stage(archive, manifest, moves, chosen, source)
                    open_database.cache_clear()
                    put_in_place(chosen, moves)
                finally:
                    if not unsettled(chosen):
                        _tidy(moves)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise WbcError(f"The file {source} is no sound backup: it is not a whole zip archive.", AGAIN) from error
    except OSError as error:
        raise WbcError(
            f"The backup {source} cannot be restored: {error.strerror or error}.",
            "Everything is as it was. Check room and rights.",
        ) from error
    return Restored(len(manifest.files), manifest.made, DATABASE in manifest.files, kept)


def refuse_while_worked_on(chosen: Settings) -> None:
    """Refuse while a worker, a training or a batch is at work.

    Raises
    ------
    WbcError
        If one is.
    """
    file = database_file(chosen)
    if file is None or file.exists():
        try:
            engine, _ = connect(database_url(chosen))
            at_work = Staff(engine).at_work()
            engine.dispose()
        except SQLAlchemyError:
            at_work = ()  # damaged, or not made yet: for that a backup is brought back
        if at_work:
            raise WbcError("A worker is at work on the jobs.", "End the app and `wbc jobs worker`, then restore.")
    for folder, what in ((chosen.runs_dir, "training"), (chosen.batches_dir, "batch")):
        for lock in sorted(folder.glob(f"*/{LOCK}")):
            with lock.open("rb") as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise WbcError(
                        f"The {what} {lock.parent.name} is at work.", "Wait for its end, or end the app; then restore."
                    ) from error


def _require_same_kind(manifest: Manifest, chosen: Settings) -> None:
    if DATABASE in manifest.files and database_file(chosen) is None:
        raise WbcError(
            "The backup holds a database of SQLite, but WBC_DATABASE_URL names one of another kind.",
            "Restore without WBC_DATABASE_URL; PostgreSQL is restored by psql from what pg_dump wrote.",
        )


def _tidy(moves: tuple[Moves, ...]) -> None:
    for each in moves:
        shutil.rmtree(each.root / WORK / each.kind, ignore_errors=True)
        with suppress(OSError):  # that of the runs holds the lock as well
            (each.root / WORK).rmdir()


def _models_at_hand(manifest: Manifest, chosen: Settings) -> tuple[str, ...]:
    """Return the models of a backup that are installed already, byte for byte."""
    same: dict[str, bool] = {}
    for name, facts in manifest.files.items():
        place, _, rest = name.partition("/")
        if place != "models":
            continue
        model = rest.split("/")[0]
        path = chosen.models_dir / rest
        if same.get(model, True):
            same[model] = path.is_file() and path.stat().st_size == facts.bytes and _digest(path) == facts.sha256
    return tuple(sorted(model for model, is_same in same.items() if is_same))


def _planned(manifest: Manifest, chosen: Settings, kept_models: tuple[str, ...]) -> tuple[Moves, ...]:
    """Return what gives way and what comes: all runs, batches and jobs; of models and sets those of the same name."""
    plans = []
    for place, root in folders(chosen).items():
        rest = [name.partition("/")[2] for name in manifest.files if name.startswith(f"{place}/")]
        if place == "datasets":
            into = sorted(rest)
            out = [name for name in into if (root / name).exists()]
        else:
            into = sorted({name.split("/")[0] for name in rest})
            if place == "models":
                into = [name for name in into if name not in kept_models]
                out = [name for name in into if (root / name).exists()]
            else:
                out = [path.name for path in _present(root)]
        plans.append(Moves(root, place, tuple(out), tuple(into)))
    file = database_file(chosen)
    if DATABASE in manifest.files and file is not None:
        present = tuple(f"{file.name}{end}" for end in ("", "-wal", "-shm") if Path(f"{file}{end}").exists())
        plans.append(Moves(file.parent, "database", present, (file.name,)))
    return tuple(plans)


def _present(root: Path) -> list[Path]:
    """Return the folders of runs or batches that are there."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink() and path.name != WORK)


def _refuse_to_replace(moves: tuple[Moves, ...], chosen: Settings) -> None:
    hint = "With --replace it gives way; back it up first."
    for each in moves:
        if each.kind == "database":
            if each.out and _has_jobs(chosen):
                raise WbcError(f"There are jobs in the database {each.root / each.into[0]} already.", hint)
        elif each.out:
            raise WbcError(f"There is {each.root / each.out[0]} already.", hint)


def _has_jobs(chosen: Settings) -> bool:
    file = database_file(chosen)
    assert file is not None
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM wbc_jobs)").fetchone()[0])
    except sqlite3.Error as error:
        return "no such table" not in str(error)  # an unreadable one gives way only when told to


def _stage(
    archive: zipfile.ZipFile, manifest: Manifest, moves: tuple[Moves, ...], chosen: Settings, source: Path
) -> None:
    """Lay all new files ready, each checked against its digest."""
    by_kind: Mapping[str, Moves] = {each.kind: each for each in moves}
    for each in moves:
        shutil.rmtree(each.root / WORK / each.kind, ignore_errors=True)
    for name, facts in manifest.files.items():
        if name == DATABASE:
            database = by_kind["database"].new / by_kind["database"].into[0]
            _extract(archive, name, facts, database, source)
            _adopt(database, manifest, chosen, source)
            continue
        place, _, rest = name.partition("/")
        each = by_kind[place]
        if place == "models" and rest.split("/")[0] not in each.into:
            continue
        _extract(archive, name, facts, each.new / rest, source)


def _extract(archive: zipfile.ZipFile, name: str, facts: KeptFile, target: Path, source: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), facts.bytes
    with archive.open(name) as packed, target.open("xb") as stream:
        for block in blocks_of(packed):
            left -= len(block)
            if left < 0:
                break
            digest.update(block)
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
    if left != 0 or digest.hexdigest() != facts.sha256:
        raise WbcError(f"The file {shown(name)} of the backup {source} differs from what was backed up.", AGAIN)
    os.utime(target, (facts.modified, facts.modified))  # a batch is kept so many days from its end, not from now
    sync_folder(target.parent)


def _adopt(database: Path, manifest: Manifest, chosen: Settings, source: Path) -> None:
    """Check the database that was laid ready, and let its jobs name the folders of here."""
    url = f"sqlite:///{database}"
    engine, _ = connect(url)
    try:
        with closing(sqlite3.connect(database)) as connection:
            if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise WbcError(f"The database in the backup {source} is damaged.", AGAIN)
        with engine.connect() as look:
            if version_of(look) > VERSION:
                raise WbcError(
                    f"The database in the backup {source} is of a newer version of this program.",
                    "Update the program first.",
                )
        engine.dispose()
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            old, new = manifest.runs_dir.rstrip("/"), str(chosen.runs_dir.absolute())
            connection.execute(
                "UPDATE wbc_jobs SET run_dir = ? || substr(run_dir, ?) WHERE substr(run_dir, 1, ?) = ?",
                (new, len(old) + 1, len(old) + 1, f"{old}/"),
            )
            for table in ("wbc_workers", "wbc_leases"):  # who worked then does not work now
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise WbcError(f"The database in the backup {source} is damaged.", AGAIN) from error
    finally:
        engine.dispose()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

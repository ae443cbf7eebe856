"""Put restored files in the place of present ones so that a kill at any moment leaves all old or all new.

The new files lie ready below ``.restore`` in each place. Then a journal is written; the old ones are moved there too;
the journal is told that from now on everything is new; the new ones are moved in. What happens after a kill follows
from the journal alone: before that word everything is moved back, after it the rest is moved in. Each move is a rename
within one file system and may be repeated.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wbc_core.errors import WbcError
from wbc_core.services.backup import sync_folder
from wbc_core.services.backup_contents import WORK
from wbc_core.settings import Settings

JOURNAL: Final = "journal.json"
LOCK: Final = "alone"


@dataclass(frozen=True)
class Moves:
    """What is to be moved in one place.

    Attributes
    ----------
    root : Path
        The place; everything lies below it.
    kind : str
        Name of the place, so that two with one root do not meet.
    out, into : tuple of str
        Paths below the root that give way, and those that are new.
    """

    root: Path
    kind: str
    out: tuple[str, ...]
    into: tuple[str, ...]

    @property
    def new(self) -> Path:
        """Folder in which the new files lie ready."""
        return self.root / WORK / self.kind / "new"

    @property
    def old(self) -> Path:
        """Folder to which the old files are moved."""
        return self.root / WORK / self.kind / "old"


@contextmanager
def restoring_alone(settings: Settings) -> Iterator[None]:
    """Hold the right to restore for this process; what an earlier one left behind is settled first.

    Raises
    ------
    WbcError
        If another process restores.
    """
    folder = _journal(settings).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WbcError("Another process is restoring a backup.", "Wait for it to end.") from error
        _settle(_journal(settings))
        try:
            yield
        finally:
            if not unsettled(settings):
                shutil.rmtree(folder, ignore_errors=True)


def settle_restore(settings: Settings) -> str:
    """Bring to an end what a restore that was killed has left: all old or all new.

    Returns
    -------
    str
        ``old`` or ``new``: what there is now; empty if nothing was left, or another process restores at this moment.
    """
    journal = _journal(settings)
    if not journal.exists():
        return ""
    with (journal.parent / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""
        return _settle(journal)


def unsettled(settings: Settings) -> bool:
    """Return whether a restore was cut off and waits to be settled."""
    return _journal(settings).exists()


def put_in_place(settings: Settings, moves: tuple[Moves, ...]) -> None:
    """Move old files out and new ones in; the caller holds :func:`restoring_alone`.

    Raises
    ------
    OSError
        If a file cannot be moved. What was moved is moved back; where that fails as well, the next start does it.
    """
    journal = _journal(settings)
    _write(journal, moves, new=False)
    try:
        _move_out(moves)
        _write(journal, moves, new=True)
    except BaseException:
        _settle(journal)
        raise
    _settle(journal)


def _settle(journal: Path) -> str:
    try:
        content = json.loads(journal.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    moves = tuple(
        Moves(Path(row["root"]), row["kind"], tuple(row["out"]), tuple(row["into"])) for row in content["moves"]
    )
    if content["new"]:
        _move_in(moves)
    else:
        _move_back(moves)
    journal.unlink()
    for each in moves:
        shutil.rmtree(each.root / WORK / each.kind, ignore_errors=True)
    return "new" if content["new"] else "old"


def _move_out(moves: tuple[Moves, ...]) -> None:
    for each in moves:
        for name in each.out:
            _rename(each.root / name, each.old / name)


def _move_back(moves: tuple[Moves, ...]) -> None:
    for each in moves:
        for name in each.out:
            _rename(each.old / name, each.root / name)


def _move_in(moves: tuple[Moves, ...]) -> None:
    for each in moves:
        for name in each.into:
            _rename(each.new / name, each.root / name)


def _rename(source: Path, target: Path) -> None:
    """Move one thing; without effect where it was moved already."""
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    sync_folder(target.parent)


def _write(journal: Path, moves: tuple[Moves, ...], *, new: bool) -> None:
    rows = [{"root": str(each.root), "kind": each.kind, "out": each.out, "into": each.into} for each in moves]
    partial = journal.with_name(f"{JOURNAL}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        json.dump({"new": new, "moves": rows}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(journal)
    sync_folder(journal.parent)


def _journal(settings: Settings) -> Path:
    return settings.runs_dir.absolute() / WORK / JOURNAL

"""Which runs there are: their ids, titles and states, from the small files of their folders."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from wbc_core.runs.folder import HISTORY, SPEC, STATUS, RunStatus, State, read_status

ACTIVE: frozenset[State] = frozenset({"queued", "preparing", "running", "exporting"})
"""States in which a run's files still change."""

_TITLE = re.compile(rb"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_HEAD = 2048  # bytes of a spec that are searched for its title


@dataclass(frozen=True)
class RunEntry:
    """One run in a list.

    Attributes
    ----------
    id : str
        Name of the run's folder.
    folder : Path
        The run's folder.
    title : str
        Title of its spec; empty where the spec is missing or says none.
    status : RunStatus or None
        None where ``status.json`` is missing or broken.
    has_history : bool
        Whether there is a ``history.csv``.
    changed : float
        When the run last gave a sign of life, in seconds since 1970.
    """

    id: str
    folder: Path
    title: str
    status: RunStatus | None
    has_history: bool
    changed: float

    @property
    def active(self) -> bool:
        """Whether the run's files still change."""
        return self.status is not None and self.status.state in ACTIVE

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last sign of life of a run that is being worked on; None of any other."""
        if self.status is None or not self.active or self.status.state == "queued":
            return None
        return max(0.0, time.time() - self.status.heartbeat)


def list_runs(runs_dir: Path) -> tuple[RunEntry, ...]:
    """Return the runs of a folder, the most recent first.

    Reads two small files of each run; a thousand runs take a fraction of a second. Folders without any of a run's
    files are passed over, and so is a folder that vanishes meanwhile.

    Parameters
    ----------
    runs_dir : Path
        Folder that holds one folder a run; a missing one counts as empty.
    """
    try:
        folders = [Path(entry.path) for entry in os.scandir(runs_dir) if entry.is_dir()]
    except OSError:
        return ()
    rows = [row for folder in folders if (row := read_entry(folder)) is not None]
    return tuple(sorted(rows, key=lambda row: (-row.changed, row.id)))


def read_entry(folder: Path) -> RunEntry | None:
    """Return one run's line of the list; None where the folder holds no run."""
    try:
        names = {entry.name for entry in os.scandir(folder)}
        if not names & {SPEC, STATUS, HISTORY}:
            return None
        status = read_status(folder) if STATUS in names else None
        changed = status.heartbeat if status is not None else folder.stat().st_mtime
        return RunEntry(folder.name, folder, _title(folder / SPEC), status, HISTORY in names, changed)
    except OSError:
        return None


def _title(spec: Path) -> str:
    """Return the title that a spec's first lines name; parsing a thousand YAML files would take seconds."""
    try:
        with spec.open("rb") as stream:
            found = _TITLE.search(stream.read(_HEAD))
    except OSError:
        return ""
    if found is None:
        return ""
    return found.group(1).decode("utf-8", errors="replace").strip("\"'")

"""Start a command as the only one on its run folder: ``python -m wbc_core.jobs.alone RUN COMMAND…``.

The lock on ``<run>/lock`` is taken here and stays with the command, which replaces this process: it outlives a worker
that is killed, and goes when the command goes, however it ends. The file names the process that holds it. What the
command prints goes to ``<run>/log.txt``.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from wbc_core.jobs.processes import ProcessName, parse_process_name, process_name

LOCK = "lock"
LOG = "log.txt"  # as in wbc_core.runs.folder, whose import would take longer than all the rest
BUSY = 75
"""Exit code where another process holds the run folder: the *temporary failure* of sysexits.h."""


def main(arguments: Sequence[str]) -> None:
    """Lock the run folder, send output to its log, and become the command; exit with 75 where it is taken."""
    run_dir, *command = arguments
    lock = os.open(Path(run_dir) / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(BUSY) from None
    os.ftruncate(lock, 0)
    os.write(lock, str(process_name()).encode())
    os.set_inheritable(lock, True)
    log = os.open(Path(run_dir) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.execvp(command[0], command)  # noqa: S606  (no shell is wanted)


def holder(run_dir: Path) -> ProcessName | None:
    """Return the process that took a run folder last, alive or not; None if there was none."""
    try:
        return parse_process_name((run_dir / LOCK).read_text(encoding="utf-8"))
    except OSError:
        return None


if __name__ == "__main__":
    main(sys.argv[1:])

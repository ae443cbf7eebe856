"""``wbc backup`` and ``wbc restore``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer


def backup(
    file: Annotated[Path, typer.Argument(help="Archive to write, for example backup-2026-11-22.zip.")],
    models: Annotated[bool, typer.Option(help="Back up the installed models as well.")] = True,
) -> None:
    """Write jobs, runs, batches, models and the indexes of data sets into one archive; nobody has to stop working."""
    from wbc_core.services.backup import make_backup

    made = make_backup(file, models=models)
    print(f"{made.path}: {made.files:,} files, {made.size / 1e6:,.1f} MB.")
    if not made.database:
        print("No database is in it: there is none yet, or it is PostgreSQL's, which pg_dump backs up.")


def restore(
    file: Annotated[Path, typer.Argument(help="Archive that `wbc backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="What is there gives way.")] = False,
) -> None:
    """Bring a backup back; end the app and its workers first."""
    from wbc_core.services.restore import restore_backup

    done = restore_backup(file, replace=replace)
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(done.made))
    print(f"{done.files:,} files are as they were on {made}.")
    if done.kept_models:
        print(f"Installed already and the same: {', '.join(done.kept_models)}.")

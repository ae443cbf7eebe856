"""The folder of one training run: specification, status, history, log, checkpoint, export.

Whoever trains writes it; pages, the queue and scripts read it. Every file is complete or absent.
"""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

State = Literal["queued", "preparing", "running", "exporting", "finished", "cancelled", "interrupted", "failed"]
STATES: tuple[State, ...] = get_args(State)
ENDED: frozenset[State] = frozenset({"finished", "cancelled", "failed"})
"""States from which a run moves only when somebody resumes it. *interrupted* is resumed without asking."""

SPEC, STATUS, HISTORY, LOG = "spec.yaml", "status.json", "history.csv", "log.txt"
CHECKPOINT = "checkpoints/last.npz"
EXPORT = "export"
EVENTS = "tensorboard"


class RunStatus(BaseModel):
    """What ``status.json`` says. Times are seconds since 1970, durations seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State
    heartbeat: float
    pid: int | None = None
    host: str = ""
    epoch: int = 0
    """Epochs finished."""
    epochs: int | None = None
    """Epochs planned; early stopping may end the run before."""
    step: int = 0
    """Batches done of the current epoch."""
    steps: int | None = None
    started: float | None = None
    """When this process began to work on the run."""
    eta_s: float | None = None
    """Estimate of the time left until the last planned epoch."""
    message: str = ""
    """What happened, in one sentence; empty while all is well."""
    hint: str = ""
    """What to do next."""

    @property
    def progress(self) -> float:
        """Share of the planned batches done, 0 to 1."""
        if self.state == "finished":
            return 1.0
        if not self.epochs:
            return 0.0
        within = self.step / self.steps if self.steps else 0.0
        return min((self.epoch + within) / self.epochs, 1.0)


def write_status(run_dir: Path, state: State, **values: Any) -> None:
    """Replace ``status.json`` atomically, with the time as heartbeat; fields not given keep their values.

    ``message`` and ``hint`` do not: they are empty unless given.
    """
    kept = _read_json(run_dir / STATUS)
    fields = {**kept, "message": "", "hint": "", **values}
    fields |= {"state": state, "heartbeat": time.time()}
    partial = run_dir / f"{STATUS}.{os.getpid()}.partial"
    partial.write_text(json.dumps(fields, indent=1), encoding="utf-8")
    partial.replace(run_dir / STATUS)


def read_status(run_dir: Path) -> RunStatus | None:
    """Return a run's status; None where there is none or it does not validate."""
    content = _read_json(run_dir / STATUS)
    try:
        return RunStatus.model_validate(content) if content else None
    except ValidationError:
        return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def write_history(run_dir: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write the whole history in CSVLogger's columns, replaced atomically: every epoch stands there once.

    Columns: ``epoch`` (from 0), ``accuracy``, ``loss``, ``val_accuracy``, ``val_loss``,
    ``val_balanced_accuracy_<set>``, ``learning_rate``, ``seconds``.
    """
    path = run_dir / HISTORY
    partial = path.with_suffix(".partial")
    columns = list(dict.fromkeys(column for row in history for column in row))
    with partial.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns)
        table.writerows([_written(row.get(column, math.nan)) for column in columns] for row in history)
    partial.replace(path)


def _written(value: float) -> str:
    """Return a value in six digits; nothing where there is none."""
    return "" if math.isnan(value) else f"{value:.6g}"


def append_log(run_dir: Path, line: str) -> None:
    """Add a line to ``log.txt``."""
    with (run_dir / LOG).open("a", encoding="utf-8") as stream:
        stream.write(line.rstrip("\n") + "\n")


def last_lines(run_dir: Path, count: int = 20) -> tuple[str, ...]:
    """Return the last lines of ``log.txt``, at most 64 KiB of them."""
    try:
        with (run_dir / LOG).open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - 65536))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-count:])

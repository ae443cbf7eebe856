"""What the end of a training process means for its job, in plain words."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wbc_core.jobs.attempts import STOPPED, End
from wbc_core.runs.folder import RunStatus, State

DEATHS = 3
"""Killed this often in a row without having finished another epoch, a job is not tried again."""

CONTINUES = "It continues from its last finished epoch when it is resumed."
KILLED = "The training was killed from outside, or because the machine ran out of memory."
SMALLER = (
    "Make optimisation.batch_size or preprocessing.size smaller under a new id, or close other programs and resume."
)

_MEMORY = re.compile(
    r"MemoryError|ResourceExhausted|OOM when allocating|[Oo]ut of memory|Cannot allocate memory|bad_alloc"
)
_DISK = re.compile(r"No space left on device|Disk quota exceeded")
_PACKAGE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")


@dataclass(frozen=True)
class Outcome:
    """Where a job goes after its training has ended.

    Attributes
    ----------
    state : str
        One of the states of a run.
    message, hint : str
        What happened, and what to do next; empty where all is well.
    deaths : int
        How often in a row it was killed without having finished another epoch.
    """

    state: State
    message: str = ""
    hint: str = ""
    deaths: int = 0


def judge(
    end: End,
    status: RunStatus | None,
    lines: Sequence[str],
    *,
    asked: Literal["cancel", "shutdown"] | None = None,
    deaths: int = 0,
    progressed: bool = False,
) -> Outcome:
    """Say what the end of a training means.

    Parameters
    ----------
    end : End
        How the process ended.
    status : RunStatus or None
        What it wrote last.
    lines : sequence of str
        The last lines of its log.
    asked : str, optional
        Whether it was asked to end: for good, or because the worker ends.
    deaths : int
        How often it was killed before, without having finished another epoch.
    progressed : bool
        Whether this attempt finished an epoch.
    """
    said = status.state if status is not None else None
    if end.code == 0 or (end.code is None and said == "finished"):
        return Outcome("finished")
    if asked == "cancel":
        return Outcome("cancelled", "Cancelled.", CONTINUES)
    if asked == "shutdown":
        return Outcome("interrupted", "The worker was ended.", "It goes on by itself when a worker starts.")
    if end.busy:
        return Outcome("interrupted", "Another process still works in its run folder.", "It is tried again.", deaths)
    if end.code == STOPPED or (end.code is None and said == "cancelled"):
        return Outcome("cancelled", "Somebody ended the training with a signal.", CONTINUES)
    if (end.code or 0) in range(1, 128) or (end.code is None and said == "failed"):
        return _failed(end, status, lines)
    return _killed(end, deaths=1 if progressed else deaths + 1)


def _failed(end: End, status: RunStatus | None, lines: Sequence[str]) -> Outcome:
    """Take the training's own words; where it had none, read its log."""
    if status is not None and status.state == "failed" and status.message:
        return Outcome("failed", status.message, status.hint)
    text = "\n".join([*lines, *end.words])
    if _DISK.search(text):
        return Outcome("failed", "The disk is full: the run could not write its files.", f"Make room. {CONTINUES}")
    if _MEMORY.search(text):
        return Outcome("failed", "The run ran out of memory.", SMALLER)
    if missing := _PACKAGE.search(text):
        return Outcome(
            "failed",
            f"Training needs the package {missing[1]}, which is not installed where the worker runs.",
            "Install it there: pip install -c constraints.txt -r requirements.txt.",
        )
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "its log is empty")
    return Outcome(
        "failed", f"The training ended with exit code {end.code}: {last[:300]}", f"Its log says more. {CONTINUES}"
    )


def _killed(end: End, *, deaths: int) -> Outcome:
    number = None if end.code is None else -end.code if end.code < 0 else end.code - 128
    if number is None:
        message, hint = "The training vanished, as when its machine restarts.", CONTINUES
    elif number == signal.SIGKILL:
        message, hint = KILLED, f"{CONTINUES} If memory ran out, {SMALLER[0].lower()}{SMALLER[1:]}"
    else:
        message, hint = f"The training crashed with {_name(number)}.", f"Its log says more. {CONTINUES}"
    if deaths >= DEATHS:
        return Outcome("failed", message, hint, deaths)
    return Outcome("interrupted", message, "It goes on by itself from its last finished epoch.", deaths)


def _name(number: int) -> str:
    try:
        return f"the signal {signal.Signals(number).name}"
    except ValueError:
        return f"exit code {number + 128}"

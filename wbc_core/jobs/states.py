"""Which states a job may move to. The words are those of :mod:`wbc_core.runs.folder`; the moves stand here alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wbc_core.errors import WbcError
from wbc_core.runs.folder import State

WAITING: frozenset[State] = frozenset({"queued", "interrupted"})
"""A worker takes these up without being asked again."""

ACTIVE: frozenset[State] = frozenset({"preparing", "running", "exporting"})
"""A worker is responsible for these."""

_AFTERWARDS: frozenset[State] = frozenset({"finished", "cancelled", "interrupted", "failed"})
_LATER: frozenset[State] = frozenset({"running", "exporting"})

MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        "queued": frozenset({"preparing", "cancelled", "failed"}),
        # A short run may pass a state between two looks at its folder.
        "preparing": _AFTERWARDS | _LATER,
        "running": _AFTERWARDS | _LATER - {"running"},
        "exporting": _AFTERWARDS,
        "interrupted": frozenset({"preparing", "cancelled", "failed"}),
        "cancelled": frozenset({"queued"}),
        "failed": frozenset({"queued"}),
        "finished": frozenset(),
    }
)


class IllegalMove(WbcError):
    """A job that cannot go from its state to the one asked for."""


def check_move(job_id: str, old: State, new: State) -> None:
    """Refuse a move that the table does not hold.

    Raises
    ------
    IllegalMove
        Naming the job, both states and the states that are allowed.
    """
    if new in MOVES[old]:
        return
    allowed = " or ".join(sorted(MOVES[old])) or "no other state"
    raise IllegalMove(f"The job {job_id} is {old} and cannot become {new}.", f"From {old} it goes to {allowed}.")


def sources_of(new: State) -> tuple[State, ...]:
    """Return the states from which a job may move to ``new``."""
    return tuple(old for old, targets in MOVES.items() if new in targets)

"""Batches at work or done: watch, cancel, look behind a count, delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wbc_core.batches.folder import (
    ENDED,
    ID_PATTERN,
    REQUEST,
    Request,
    Standing,
    batch_folder,
    batch_folders,
)
from wbc_core.batches.listing import Listing, list_paths
from wbc_core.batches.rows import BatchRow
from wbc_core.batches.tally import Tally
from wbc_core.batches.worker import BatchWorker
from wbc_core.errors import WbcError
from wbc_core.services.access import require
from wbc_core.services.roles import Action
from wbc_core.settings import settings


@dataclass(frozen=True)
class BatchView:
    """How a batch stands.

    Attributes
    ----------
    request : Request
        What was asked for.
    standing : Standing
        State, number of pictures, and what happened.
    tally : Tally
        Counts so far.
    active : bool
        Whether somebody works on it now.
    pictures_at_hand : bool
        Whether its pictures can be shown and what is missing be done without handing them in again.
    left_out : dict of str to str
        Files that were no pictures, with the reason.
    """

    request: Request
    standing: Standing
    tally: Tally
    active: bool
    pictures_at_hand: bool
    left_out: dict[str, str]

    @property
    def rate(self) -> float | None:
        """Pictures a second; while it runs lately, afterwards over all of it."""
        if self.active:
            return self.tally.rate
        return self.tally.done / self.standing.seconds if self.standing.seconds > 0 and self.tally.done else None

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the present rate."""
        rate = self.tally.rate
        return (self.standing.total - self.tally.done) / rate if self.active and rate else None

    @property
    def missing(self) -> int:
        """Pictures that have no row yet."""
        return max(0, self.standing.total - self.tally.done)


@lru_cache(maxsize=1)
def worker() -> BatchWorker:
    """Return the worker of this process."""
    return BatchWorker(settings().batch_memory_mb * 1_000_000)


def exists(batch_id: str) -> bool:
    """Return whether a batch of that name is kept."""
    return bool(ID_PATTERN.fullmatch(batch_id)) and (settings().batches_dir / batch_id / REQUEST).is_file()


def cancel_batch(batch_id: str) -> bool:
    """Let a batch end after its current slice; return whether this process worked on it."""
    require(Action.CLASSIFY)
    return worker().cancel(batch_id)


def delete_batch(batch_id: str) -> None:
    """Remove a batch: its results from the disk, its pictures from memory.

    Raises
    ------
    WbcError
        If there is none, or another process works on it.
    """
    require(Action.CLASSIFY)
    folder = batch_folder(settings().batches_dir, batch_id)
    worker().forget(batch_id)
    if folder.held():
        raise WbcError(f"Another process works on the batch {batch_id}.", "Cancel it there first.")
    folder.delete()


def view_batch(batch_id: str) -> BatchView:
    """Return how a batch stands.

    Raises
    ------
    WbcError
        If there is none.
    """
    require(Action.CLASSIFY)
    folder = batch_folder(settings().batches_dir, batch_id)
    request, work = folder.request(), worker().work(batch_id)
    if work is not None:
        at_hand = bool(request.sources) or bool(work.in_memory)
        return BatchView(request, work.standing, work.tally, work.active, at_hand, folder.left_out())
    standing = folder.standing()
    elsewhere = standing.state not in ENDED and folder.held()
    if standing.state not in ENDED and not elsewhere:
        standing = standing.model_copy(
            update={
                "state": "interrupted",
                "message": "The server was ended while it worked on this batch.",
                "hint": "Continue it: what is done is kept."
                if request.sources
                else "Hand in the same files again: what is done is kept and not done again.",
            }
        )
    tally = Tally()
    tally.add(folder.table())
    return BatchView(request, standing, tally, elsewhere, bool(request.sources), folder.left_out())


def wait_for(batch_id: str, report: Callable[[BatchView], None], every_s: float = 0.5) -> BatchView:
    """Wait until a batch of this process has ended, reporting on it meanwhile; return how it ended."""
    while not worker().wait(batch_id, every_s):
        report(view_batch(batch_id))
    return view_batch(batch_id)


def batch_rows(batch_id: str) -> list[BatchRow]:
    """Return the rows done so far, in the order the pictures were handed in."""
    require(Action.CLASSIFY)
    return batch_folder(settings().batches_dir, batch_id).table()


def read_picture(batch_id: str, row: BatchRow) -> bytes | None:
    """Return the bytes of one of a batch's pictures; None where the server no longer has it.

    Raises
    ------
    ImageError
        If it cannot be read any more.
    """
    require(Action.CLASSIFY)
    work = worker().work(batch_id)
    if work is not None:
        listing = work.listing
    else:
        sources = batch_folder(settings().batches_dir, batch_id).request().sources
        if not sources:
            return None
        listing = _listed_again(sources)
    if row.place < len(listing.pictures) and listing.pictures[row.place].name == row.file:
        return listing.pictures[row.place].read()
    return next((picture.read() for picture in listing.pictures if picture.name == row.file), None)


@lru_cache(maxsize=2)
def _listed_again(sources: tuple[str, ...]) -> Listing:
    return list_paths([Path(source) for source in sources])


def list_batches() -> Iterator[BatchView]:
    """Yield the batches kept on the disk, the newest first."""
    for folder in batch_folders(settings().batches_dir):
        yield view_batch(folder.path.name)


def end_batches(wait_s: float = 30.0) -> None:
    """Leave every batch of this process as it is, to be continued later; its slice at hand is done first."""
    worker().end(wait_s)

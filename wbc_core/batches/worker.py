"""The thread that works off batches beside the pages: every batch gets a slice in turn, so that none waits for another.

It belongs to the process, not to a visitor: a closed tab stops nothing.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from wbc_core.batches.folder import BatchFolder, Standing, State
from wbc_core.batches.listing import Listing
from wbc_core.batches.rows import BatchRow
from wbc_core.batches.tally import Tally
from wbc_core.errors import WbcError

log = logging.getLogger("wbc_core.batches")

SLICE = 32
"""Pictures of one batch before the next has its turn; also how much a kill can undo."""
KEPT_S = 3600.0
"""How long after its end uploaded pictures stay in memory, so that a count leads to them."""

UNEXPECTED = "The batch stopped by a fault of the program."
UNEXPECTED_HINT = "Continue it; what is done is kept. If it stops again, the server's log says where."

Rows = Callable[[BatchFolder, Listing], Iterator[BatchRow]]
"""Makes the rows that a batch still lacks."""


@dataclass
class Work:
    """A batch in the hands of the worker.

    Attributes
    ----------
    folder : BatchFolder
        Where its rows go.
    listing : Listing
        Its pictures.
    in_memory : int
        Bytes of uploaded pictures that it holds.
    standing : Standing
        As on the disk.
    tally : Tally
        Counts so far.
    """

    folder: BatchFolder
    listing: Listing
    make_rows: Rows
    in_memory: int
    standing: Standing
    tally: Tally = field(default_factory=Tally)
    cancelled: bool = False
    ended: float | None = None
    _rows: Iterator[BatchRow] | None = None
    _lock: ExitStack = field(default_factory=ExitStack)

    @property
    def active(self) -> bool:
        """Whether it still has pictures to do."""
        return self.ended is None

    def advance(self) -> bool:
        """Do one slice; return whether there is more."""
        began = time.monotonic()
        if self.cancelled:
            self._end("cancelled", "Cancelled.", "What is done is kept; it can be continued.")
            return False
        try:
            if self._rows is None:
                self._begin()
            assert self._rows is not None
            rows = list(itertools.islice(self._rows, SLICE))
            if rows:
                self.folder.add(rows)
                self.tally.add(rows)
        except WbcError as error:
            self._end("failed", error.message, error.hint)
            return False
        except Exception:  # the thread serves every batch: one that is broken must not end it
            log.exception("A batch failed")
            self._end("failed", UNEXPECTED, UNEXPECTED_HINT)
            return False
        self.standing = self.standing.model_copy(
            update={"seconds": self.standing.seconds + time.monotonic() - began, "state": "running"}
        )
        if len(rows) < SLICE:
            self._end("finished")
            return False
        return True

    def stop(self) -> None:
        """Leave the batch as it is, to be continued by another process."""
        self._end("interrupted", "The server was ended.", "It goes on from what is done.")

    def _begin(self) -> None:
        self._lock.enter_context(self.folder.alone())
        self.folder.mend()
        self.tally.add(self.folder.table())
        self.tally.start_clock()
        self.standing = self.standing.model_copy(update={"state": "running", "message": "", "hint": ""})
        self.folder.write_standing(self.standing)
        log.info(
            "The batch %s begins: %d pictures.",
            self.folder.path.name,
            self.standing.total,
            extra={"event": "batch.start", "batch": self.folder.path.name, "pictures": self.standing.total},
        )
        self._rows = self.make_rows(self.folder, self.listing)

    def _end(self, state: State, message: str = "", hint: str = "") -> None:
        self.standing = self.standing.model_copy(update={"state": state, "message": message, "hint": hint})
        closing = getattr(self._rows, "close", None)
        if closing is not None:
            closing()
        self._rows = None
        try:
            self.folder.write_standing(self.standing)
        except OSError as error:
            log.warning("The state of the batch %s cannot be written: %s", self.folder.path.name, error.strerror)
        self._lock.close()
        log.info(
            "The batch %s is %s: %d pictures done.",
            self.folder.path.name,
            state,
            self.tally.done,
            extra={"event": "batch.end", "batch": self.folder.path.name, "state": state, "done": self.tally.done},
        )
        self.ended = time.monotonic()


class BatchWorker:
    """Works off any number of batches in one thread.

    Parameters
    ----------
    memory : int
        Most bytes of uploaded pictures held at once.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._works: dict[str, Work] = {}
        self._change = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def submit(self, work: Work) -> None:
        """Take a batch.

        Raises
        ------
        WbcError
            If its uploads do not fit into memory beside those of the batches that still run, or it is at work already.
        """
        batch_id = work.folder.path.name
        with self._change:
            present = self._works.get(batch_id)
            if present is not None and present.active:
                raise WbcError("The batch is being worked on already.", "Wait for it, or cancel it first.")
            self._works.pop(batch_id, None)
            self._make_room(work.in_memory)
            self._works[batch_id] = work
            self._stopping = False
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def work(self, batch_id: str) -> Work | None:
        """Return a batch that this process works on, or has ended lately and still holds the pictures of."""
        with self._change:
            return self._works.get(batch_id)

    def load(self) -> tuple[int, int]:
        """Return how many batches are at work or wait, and how many of their pictures have no row yet."""
        with self._change:
            active = [work for work in self._works.values() if work.active]
        return len(active), sum(max(0, work.standing.total - work.tally.done) for work in active)

    def cancel(self, batch_id: str) -> bool:
        """Let a batch end after its current slice; return whether it was at work."""
        with self._change:
            work = self._works.get(batch_id)
            if work is None or not work.active:
                return False
            work.cancelled = True
            self._change.notify_all()
            return True

    def forget(self, batch_id: str) -> None:
        """Let go of a batch and of its pictures; one at work is cancelled and waited for."""
        self.cancel(batch_id)
        with self._change:
            self._change.wait_for(lambda: not (batch_id in self._works and self._works[batch_id].active), timeout=60)
            self._works.pop(batch_id, None)

    def wait(self, batch_id: str, timeout: float | None = None) -> bool:
        """Wait until a batch has ended; return whether it has."""
        with self._change:
            return self._change.wait_for(
                lambda: not (batch_id in self._works and self._works[batch_id].active), timeout=timeout
            )

    def end(self, wait_s: float = 30.0) -> None:
        """Leave every batch as it is and end the thread, after the slice at hand; wait for it at most so long."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=wait_s)

    def _make_room(self, size: int) -> None:
        def held() -> int:
            return sum(work.in_memory for work in self._works.values())

        now = time.monotonic()
        for batch_id, work in sorted(self._works.items(), key=lambda item: item[1].ended or now):
            if work.ended is not None and (now - work.ended > KEPT_S or held() + size > self._memory):
                del self._works[batch_id]
        if held() + size > self._memory:
            raise WbcError(
                f"The pictures have {size / 1e6:,.0f} MB, and other batches hold {held() / 1e6:,.0f} MB of the "
                f"{self._memory / 1e6:,.0f} MB set aside for uploads.",
                "Wait until a batch has ended, hand in fewer pictures, or raise WBC_BATCH_MEMORY_MB.",
            )

    def _run(self) -> None:
        while True:
            with self._change:
                active = [work for work in self._works.values() if work.active]
                if self._stopping:
                    break
                if not active:
                    if not self._change.wait(timeout=60):
                        self._make_room(0)
                    continue
            for work in active:
                if self._stopping:
                    break
                if not work.advance():
                    with self._change:
                        self._change.notify_all()
        for work in active:
            if work.active:
                work.stop()
        with self._change:
            self._change.notify_all()

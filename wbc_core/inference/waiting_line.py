"""The line before the network: few predictions at once, sessions in turn, and everybody told their place.

One picture of a visitor waits for few others however many another one has handed in: sessions take turns, each with the
picture it has waited with longest. What is at work at once is bounded, and so are memory and threads; so is the line,
since an answer that comes after minutes helps nobody.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from wbc_core.errors import BusyError
from wbc_core.settings import settings

TOLD_EVERY_S = 0.3
"""How often somebody who waits is told their place; it is also how soon a visitor who has left is noticed."""

Told = Callable[[int], None]
"""Takes a place in line, 1 for who is next. It may raise, as where the visitor has left: the place is then given up."""


@dataclass(frozen=True)
class _Party:
    session: str
    told: Told | None


_party: ContextVar[_Party | None] = ContextVar("party", default=None)
_at_work: ContextVar[bool] = ContextVar("at_work", default=False)


class _Ticket:
    """One picture, or one call of the network, that waits."""

    __slots__ = ("called", "session")

    def __init__(self, session: str) -> None:
        self.session = session
        self.called = threading.Event()


class WaitingLine:
    """Who is served next.

    Parameters
    ----------
    places : int
        How many are at work at once.
    longest : int
        How many may wait; work of the server itself is not counted, as there is little of it.
    """

    def __init__(self, places: int, longest: int) -> None:
        self._free = places
        self._longest = longest
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, deque[_Ticket]] = OrderedDict()  # sessions in the order of their turns

    def __len__(self) -> int:
        """Return how many wait."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    @contextmanager
    def turn(self, session: str, told: Told | None = None) -> Iterator[None]:
        """Wait for this session's turn, and hold a place until the block ends.

        Parameters
        ----------
        session : str
            Whose picture it is.
        told : callable, optional
            Called with the place in line every so often. Who does not ask to be told is never refused.

        Raises
        ------
        BusyError
            If too many wait already.
        """
        ticket = self._join(session, refusable=told is not None)
        try:
            while not ticket.called.wait(TOLD_EVERY_S if told is not None else None):
                place = self._place(ticket)
                if told is not None and place:
                    told(place)
            yield
        finally:
            self._leave(ticket)

    def _join(self, session: str, *, refusable: bool) -> _Ticket:
        ticket = _Ticket(session)
        with self._lock:
            if self._free and not self._waiting:
                self._free -= 1
                ticket.called.set()
                return ticket
            waiting = sum(map(len, self._waiting.values()))
            if refusable and waiting >= self._longest:
                raise BusyError(
                    f"The server is busy: {waiting:,} {'picture waits' if waiting == 1 else 'pictures wait'} already.",
                    "Try again in a minute.",
                )
            self._waiting.setdefault(session, deque()).append(ticket)
            return ticket

    def _leave(self, ticket: _Ticket) -> None:
        with self._lock:
            if not ticket.called.is_set():
                own = self._waiting[ticket.session]
                own.remove(ticket)
                if not own:
                    del self._waiting[ticket.session]
                return
            if not self._waiting:
                self._free += 1
                return
            session, own = next(iter(self._waiting.items()))
            own.popleft().called.set()  # the place goes on to them
            if own:
                self._waiting.move_to_end(session)
            else:
                del self._waiting[session]

    def _place(self, ticket: _Ticket) -> int:
        """Return how many turns from now this one's is; 0 once it is called."""
        with self._lock:
            if ticket.called.is_set():
                return 0
            own = self._waiting[ticket.session]
            ahead = own.index(ticket)
            place, before = 1, True
            for session, tickets in self._waiting.items():
                if session == ticket.session:
                    place += ahead
                    before = False
                else:
                    place += min(len(tickets), ahead + 1 if before else ahead)
            return place


@contextmanager
def waiting_as(session: str, told: Told) -> Iterator[None]:
    """Let what this thread predicts wait as a visitor's, who is told the place in line."""
    before = _party.set(_Party(session, told))
    try:
        yield
    finally:
        _party.reset(before)


@contextmanager
def prediction_turn() -> Iterator[float]:
    """Hold a place among those that predict; waits for it unless this thread has one already.

    A thread that works for no visitor, such as that of batches, waits as one session of its own.

    Yields
    ------
    float
        Seconds waited.

    Raises
    ------
    BusyError
        If a visitor's picture would be one too many in line.
    """
    if _at_work.get():
        yield 0.0
        return
    party = _party.get() or _Party(f"thread {threading.get_ident()}", None)
    began = time.monotonic()
    with the_line().turn(party.session, party.told):
        before = _at_work.set(True)
        try:
            yield time.monotonic() - began
        finally:
            _at_work.reset(before)


@lru_cache(maxsize=1)
def the_line() -> WaitingLine:
    """Return the line of this process."""
    return WaitingLine(settings().predictions_at_once, settings().waiting_pictures)

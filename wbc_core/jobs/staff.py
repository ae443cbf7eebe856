"""The workers of a database: who lives, who has died, and which one is the app's."""

from __future__ import annotations

import time

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from wbc_core.jobs.database import leases, workers
from wbc_core.jobs.processes import parse_process_name

APP = "app"
"""The lease of the worker that an app starts: one for each database, however many apps share it."""

STALE_S = 10.0
"""Silence of a worker of this host after which its process is looked for."""

STALE_ELSEWHERE_S = 180.0
"""Silence after which a worker of another host, whose processes cannot be seen from here, counts as dead."""


class Staff:
    """The list of workers in the database.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database of the queue.
    stale_s, stale_elsewhere_s : float
        Silence in seconds after which a worker is doubted, on this host and on others.
    """

    def __init__(
        self, engine: Engine, *, stale_s: float = STALE_S, stale_elsewhere_s: float = STALE_ELSEWHERE_S
    ) -> None:
        self._engine = engine
        self._stale_s, self._stale_elsewhere_s = stale_s, stale_elsewhere_s

    def beat(self, worker: str) -> None:
        """Write down that a worker lives."""
        now = time.time()
        with self._engine.begin() as connection:
            if not connection.execute(update(workers).where(workers.c.name == worker).values(heartbeat=now)).rowcount:
                connection.execute(insert(workers).values(name=worker, started=now, heartbeat=now))

    def leave(self, worker: str) -> None:
        """Strike a worker off the list and give back its lease."""
        with self._engine.begin() as connection:
            connection.execute(delete(workers).where(workers.c.name == worker))
            connection.execute(delete(leases).where(leases.c.holder == worker))

    def heartbeats(self) -> dict[str, float]:
        """Return each listed worker's name and last sign of life, in seconds since 1970."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(workers.c.name, workers.c.heartbeat))
            return {row.name: row.heartbeat for row in rows}

    def alive(self) -> tuple[str, ...]:
        """Return the workers that live and take up jobs; a search, which runs only its own, is none."""
        return tuple(name for name in self.at_work() if " " not in name)

    def at_work(self) -> tuple[str, ...]:
        """Return all who live and may change jobs: workers and searches."""
        return tuple(name for name, heartbeat in self.heartbeats().items() if not self.silent(name, heartbeat))

    def silent(self, worker: str, heartbeat: float | None) -> bool:
        """Return whether a worker has died: long silent, and on this host its process is gone as well.

        Parameters
        ----------
        worker : str
            Its name.
        heartbeat : float or None
            Its last sign of life; None for one that is not on the list, because it left: who works is on it.
        """
        if heartbeat is None:
            return True
        process = parse_process_name(worker)
        quiet = time.time() - heartbeat
        if process is not None and process.here:  # a sign of life from later than now: the clock was moved back
            return abs(quiet) > self._stale_s and not process.alive()
        return quiet > self._stale_elsewhere_s

    def in_doubt(self, worker: str) -> bool:
        """Return whether a worker's process is gone from this host, long silent or not."""
        process = parse_process_name(worker)
        return process is not None and process.here and not process.alive()

    def hold(self, lease: str, worker: str) -> bool:
        """Take a lease or keep it; False while another worker that lives holds it."""
        now = time.time()
        with self._engine.connect() as connection:
            row = connection.execute(select(leases.c.holder, leases.c.heartbeat).where(leases.c.name == lease)).first()
        if row is None:
            try:
                with self._engine.begin() as connection:
                    connection.execute(insert(leases).values(name=lease, holder=worker, heartbeat=now))
            except IntegrityError:
                return False
            return True
        if row.holder != worker and not self.silent(row.holder, row.heartbeat):
            return False
        mine = update(leases).where(leases.c.name == lease, leases.c.holder == row.holder)
        with self._engine.begin() as connection:
            return bool(connection.execute(mine.values(holder=worker, heartbeat=now)).rowcount)

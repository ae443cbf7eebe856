"""A worker process whose trainings are the stand-in's, for tests that kill it."""

import sys
from pathlib import Path

from wbc_core.jobs.local_backend import LocalBackend
from wbc_core.jobs.queue import open_queue
from wbc_core.jobs.staff import Staff
from wbc_core.jobs.watching import Timing
from wbc_core.jobs.worker import Worker, run_worker
from wbc_core.settings import settings

COMMAND = (sys.executable, str(Path(__file__).with_name("stand_in_training.py")))
QUICK = Timing(poll_s=0.02, beat_s=0.1, grace_s=20, shutdown_grace_s=20, retry_s=0.2)


def stand_in_worker(values, *, timing=QUICK, beside_app=False):
    queue = open_queue(values)
    staff = Staff(queue.engine, stale_s=0.3)
    return Worker(queue, {"local": LocalBackend(values, COMMAND)}, staff=staff, timing=timing, beside_app=beside_app)


if __name__ == "__main__":
    run_worker(worker=stand_in_worker(settings(), beside_app="--beside-app" in sys.argv))

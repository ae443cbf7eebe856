"""What happens once, when the server starts: memory for uploads, the default model, unfinished batches, a worker."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime

from wbc_core import __version__
from wbc_core.errors import WbcError
from wbc_core.services.access import own_work, serve_at, serve_nobody
from wbc_core.services.logs import set_up_logs, share_logs
from wbc_core.settings import MEMORY_FOLDER, ROOT, settings

log = logging.getLogger("wbc_core.app")

WORKER = (sys.executable, "-m", "wbc_core", "jobs", "worker", "--beside-app")
WORKER_ENDS_S = 8.0
"""Longest wait for worker and batches to end with the server; what they leave unfinished, the next one continues."""

COMPARE_AFTER_S = 5.0
"""Pause before what the Compare page shows is read: who comes first, to another page, would wait for it as well."""

COLLECT_EVERY_S = 5.0
"""Pause between two collections of garbage."""

WORKER_RESTART_S = 20.0
"""Pause before a worker that has died is started again."""


def spool_uploads_in_memory(folder: Path = MEMORY_FOLDER) -> bool:
    """Let the server spool large uploads to a folder in memory, unless the administrator chose one by TMPDIR.

    Streamlit's server writes parts of more than 1 MB to the temporary folder for the moment of their arrival.

    Parameters
    ----------
    folder : Path
        A folder on a file system in memory.

    Returns
    -------
    bool
        Whether the folder is used; False where TMPDIR is set or the folder cannot be written.
    """
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK):
        return False
    tempfile.tempdir = str(folder)
    return True


async def load_model() -> None:
    """Load the default model before the first visitor needs it; without one, the page itself says what to do.

    Then what the Compare page shows at first: it reads a table of predictions of every model.
    """
    from wbc_core.services.single_image import warm_up
    from wbc_core.ui.frontend_files import warm_up as compress_files

    if settings().metrics != "off":
        count_colours()
    await asyncio.to_thread(compress_files)
    try:
        await asyncio.to_thread(warm_up)
    except WbcError as error:
        log.warning("The default model is not ready: %s", error)
    spare_what_stays()
    await asyncio.sleep(COMPARE_AFTER_S)
    with suppress(WbcError), own_work():  # without any model's predictions there is nothing to compare
        await asyncio.to_thread(_compare)
    spare_what_stays()


def count_colours() -> None:
    """Let the colours that networks are shown be among the metrics."""
    from wbc_core.inference.watching import watch_crops
    from wbc_core.services.prediction_counts import predictions

    watch_crops(predictions().see)


def settle() -> None:
    """Bring to an end what a restore that was killed has left, before anything of it is read."""
    if settings().mode == "public" or not (settings().runs_dir / ".restore").exists():
        return
    from wbc_core.services.restore_moves import settle_restore

    word = settle_restore(settings())
    if word:
        log.warning(
            "A restore had been cut off: everything is as it was %s it.", "before" if word == "old" else "after"
        )


def spare_what_stays() -> None:
    """Let collections pass over what has been loaded, and so lives as long as the server.

    Looking through all libraries again takes four times as long as a run of a page, during which nobody is served.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # so that the collector no longer measures against what is frozen


async def collect_garbage(every_s: float = COLLECT_EVERY_S) -> None:
    """Collect garbage for all sessions together until this task is cancelled; an upload can be a large part of it.

    Streamlit would do so after every run of a page, which with twenty visitors cost three times as much as the runs.
    """
    while True:
        await asyncio.sleep(every_s)
        forget_closed_sessions()
        gc.collect()


def forget_closed_sessions() -> None:
    """Let go of closed sessions, and of the uploads in them, once Streamlit no longer offers them to their browsers.

    It would itself do so only when another session is closed: on a quiet server the last pictures would stay for good.
    """
    if not runtime.exists():
        return
    kept = getattr(getattr(runtime.get_instance(), "_session_mgr", None), "_session_storage", None)
    expire = getattr(getattr(kept, "_cache", None), "expire", None)
    if expire is not None:
        expire()


def _compare() -> None:
    from wbc_core.ui.compare_view import warm_up as compare_first

    compare_first()


async def go_on_with_batches() -> None:
    """Continue the batches that an earlier server left unfinished; those it cannot are continued by their owner."""
    from wbc_core.services.batch_submission import continue_interrupted

    try:
        with own_work():
            count = await asyncio.to_thread(continue_interrupted)
    except WbcError as error:
        log.warning("The batches of an earlier start are not continued: %s", error)
    else:
        if count:
            log.info("%d batches of an earlier start go on.", count)


async def keep_worker(command: Sequence[str] = WORKER, pause_s: float = WORKER_RESTART_S) -> None:
    """Keep a worker for training jobs running beside the server until this task is cancelled.

    The worker itself sees to it that it is the only one that an app has started on its database, and ends when the
    server is gone.

    Parameters
    ----------
    command : sequence of str
        Its command line.
    pause_s : float
        Seconds before a worker that has died is started again.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    while True:
        worker = await asyncio.create_subprocess_exec(*command, env=environment, stdin=asyncio.subprocess.DEVNULL)
        try:
            code = await worker.wait()
        except asyncio.CancelledError:
            await end_worker(worker)
            raise
        log.warning("The worker for training jobs ended with exit code %s; it is started again.", code)
        await asyncio.sleep(pause_s)


async def keep_worker_after(loading: asyncio.Task[None]) -> None:
    """Keep a worker once this task is done: a worker loads libraries too, and the first visitor would wait for both."""
    await asyncio.wait([loading])
    await keep_worker()


async def end_worker(worker: Process, wait_s: float = WORKER_ENDS_S) -> None:
    """Let the worker end its training and itself; kill it if it takes too long."""
    with suppress(ProcessLookupError):
        worker.terminate()
        try:
            await asyncio.wait_for(worker.wait(), wait_s)
        except TimeoutError:
            worker.kill()
            await worker.wait()


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Load the model beside the start of the server, not before it; keep a worker as long as the server runs."""
    serve_at(st.get_option("server.address"))
    set_up_logs(settings())
    share_logs(settings())
    mode = settings().mode
    log.info("The server starts in %s mode, version %s.", mode, __version__, extra={"event": "start", "mode": mode})
    settle()
    spool_uploads_in_memory()
    loading = asyncio.create_task(load_model())
    tasks = [loading, asyncio.create_task(go_on_with_batches()), asyncio.create_task(collect_garbage())]
    if settings().jobs_worker:
        tasks.append(asyncio.create_task(keep_worker_after(loading)))
    yield {}
    log.info("The server stops; what is at hand is finished.", extra={"event": "stop"})
    from wbc_core.services.batches import end_batches

    batches = asyncio.create_task(asyncio.to_thread(end_batches, WORKER_ENDS_S))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, batches, return_exceptions=True)
    log.info("The server has stopped.", extra={"event": "stopped"})
    serve_nobody()

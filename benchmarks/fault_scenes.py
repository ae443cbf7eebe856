"""Faults that need no chance: a locked database, a full disk, a clock moved back; and power cuts as files show them."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import cv2
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.tiny_models import install_tiny_model
from tests.tiny_training import at_the_gate, tiny_recipe
from wbc_core.batches import folder as batch_files
from wbc_core.batches.folder import BatchFolder
from wbc_core.datasets.synthetic import render_cell
from wbc_core.jobs import database
from wbc_core.jobs.queue import open_queue
from wbc_core.recipes.spec import parse_recipe
from wbc_core.services import batch_submission, batches
from wbc_core.services.faults import DATABASE_HELD, DISK_FULL, fault_in_words
from wbc_core.settings import ROOT, Settings, settings

CLOCK = """
import os, time
_ahead, _true = float(os.environ.get("WBC_TEST_CLOCK_AHEAD", "0")), time.time
if _ahead:
    time.time = lambda: _true() + _ahead
"""
HOUR_S = 3600


class FaultError(Exception):
    """Something that was finished is lost, or a state did not recover."""


def power_cuts(rounds: int, seed: int, place: Path) -> str:
    """Cut the power between and within writes to the database of jobs, as its files would be found afterwards.

    After each commit that was acknowledged the files are what the disk holds: a commit is on the disk before it returns
    (``synchronous=FULL``). What a write had begun after it may be there in part, or as garbage. A disk that lies about
    what it holds may lose the end of the log, but nothing that a checkpoint has copied from it: the log goes first.
    """
    chance = random.Random(seed)
    queue = open_queue(Settings(runs_dir=place / "runs"))
    file = Path(str(queue.engine.url.database))
    with queue.engine.connect() as connection:
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        if level != 2:
            raise FaultError(f"synchronous is {level}, not FULL: a commit may be lost")
    recipe = parse_recipe(tiny_recipe())
    acknowledged: list[str] = []
    torn = checked = 0
    copied, begin, kept = file.stat().st_mtime_ns, b"", 0
    while checked < rounds:
        acknowledged.append(queue.submit(recipe).id)
        if chance.random() < 0.2:
            with sqlite3.connect(file) as other:
                other.execute("PRAGMA wal_checkpoint(PASSIVE)")
            other.close()
        log = Path(f"{file}-wal").read_bytes() if Path(f"{file}-wal").exists() else b""
        if file.stat().st_mtime_ns != copied:  # a checkpoint has been
            copied, begin, kept = file.stat().st_mtime_ns, log[:32], len(log)
        elif log[:32] != begin:  # the log has begun anew
            begin, kept = log[:32], 0
        if chance.random() < 0.5:
            continue
        # (log as found, whether all that was acknowledged must be in it)
        garbage = chance.randbytes(chance.randrange(1, 9000))
        for found, whole in ((log, True), (log + garbage, True), (log[: chance.randrange(kept, len(log) + 1)], False)):
            rows = _after_the_cut(file, found, place / "cut")
            expected = acknowledged if whole else acknowledged[: len(rows)]
            if rows != expected:
                raise FaultError(f"{len(acknowledged)} jobs were acknowledged, {len(rows)} are there")
            torn += not whole
        checked += 1
    return f"{checked} cuts with every acknowledged job there, {torn} torn logs with none but the last ones missing"


def _after_the_cut(file: Path, log: bytes, place: Path) -> list[str]:
    """Open the database as it would be found, and return its jobs in their order."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.copy(file, place / file.name)
    (place / f"{file.name}-wal").write_bytes(log)
    connection = sqlite3.connect(place / file.name)
    try:
        said = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if said != "ok":
            raise FaultError(f"the database is damaged: {said}")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'wbc_jobs'").fetchone():
            return []  # cut before the tables were made
        return [row[0] for row in connection.execute("SELECT id FROM wbc_jobs ORDER BY number")]
    finally:
        connection.close()


@contextmanager
def impatient(milliseconds: int) -> Iterator[None]:
    """Let databases that are opened in the block wait only so long for one another."""
    database.open_database.cache_clear()
    with mock.patch.object(database, "BUSY_TIMEOUT_MS", milliseconds):
        yield
    database.open_database.cache_clear()


def database_locked(place: Path, held_s: float = 1.0) -> str:
    """Hold the database: for a moment others wait, for longer they say so; nothing is lost either way."""
    recipe = parse_recipe(tiny_recipe())
    with impatient(30_000):
        queue = open_queue(Settings(runs_dir=place / "runs"))
        holder = sqlite3.connect(str(queue.engine.url.database), check_same_thread=False, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        letting_go = threading.Timer(held_s, lambda: holder.execute("COMMIT"))
        letting_go.start()
        began = time.monotonic()
        waited_for = queue.submit(recipe).id
        waited = time.monotonic() - began
        letting_go.join()
    with impatient(200):
        queue = open_queue(Settings(runs_dir=place / "runs"))
        holder.execute("BEGIN EXCLUSIVE")
        told = None
        try:
            queue.submit(recipe)
        except OperationalError as error:
            told = fault_in_words(error)
        holder.execute("ROLLBACK")
        holder.close()
        if told is None or (told.message, told.hint) != DATABASE_HELD:
            raise FaultError(f"a held database is told as {told}")
        after = queue.submit(recipe).id
        if [job.id for job in queue.listed()] != [after, waited_for]:
            raise FaultError("a job is lost or was submitted in part")
    return f"a submission waited {waited:.1f} s for its turn; one that waited too long was told so and left nothing"


def disk_full_in_the_database(place: Path) -> str:
    """Let the database find the disk full: it says so, keeps what it has, and goes on when there is room."""
    recipe = parse_recipe(tiny_recipe(note="long " * 100))
    database.open_database.cache_clear()
    queue = open_queue(Settings(runs_dir=place / "runs"))
    kept = [queue.submit(recipe).id]
    with queue.engine.connect() as connection:
        most = int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0) + 3
    full = True

    def limit(connection: sqlite3.Connection, *others: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most if full else 1_000_000}")

    event.listen(queue.engine, "checkout", limit)
    told = None
    while told is None and len(kept) < 100:
        try:
            kept.append(queue.submit(recipe).id)
        except OperationalError as error:
            told = fault_in_words(error)
    if told is None or (told.message, told.hint) != DISK_FULL:
        raise FaultError(f"a full disk is told as {told} after {len(kept)} jobs")
    full = False
    kept.append(queue.submit(recipe).id)
    if [job.id for job in reversed(queue.listed())] != kept:
        raise FaultError("a job is lost")
    database.open_database.cache_clear()
    return f"{len(kept) - 1} jobs before, refused in words when full, on again with room"


@contextmanager
def _own_settings(**values: object) -> Iterator[None]:
    changed = {f"WBC_{name.upper()}": str(value) for name, value in values.items()}
    with mock.patch.dict(os.environ, changed):
        settings.cache_clear()
        batches.worker.cache_clear()
        try:
            yield
        finally:
            batches.end_batches()
            settings.cache_clear()
            batches.worker.cache_clear()


def disk_full_during_a_batch(place: Path, pictures: int = 96) -> str:
    """Let a batch find the disk full: it ends in words with its rows kept, and goes on when there is room."""
    source = place / "pictures"
    source.mkdir(parents=True)
    drawn = [cv2.imencode(".png", render_cell("neutrophil", seed=seed, size=96))[1].tobytes() for seed in range(8)]
    for number in range(pictures):
        (source / f"{number:03}.png").write_bytes(drawn[number % 8] + bytes([number]))
    install_tiny_model(place / "models", "tiny", "Tiny", ("neutrophil", "lymphocyte"))
    synced, true_sync = 0, os.fsync

    def full_after_the_first(descriptor: int) -> None:
        nonlocal synced
        synced += 1
        if synced > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        true_sync(descriptor)

    with _own_settings(batches_dir=place / "batches", models_dir=place / "models", default_model="tiny"):
        with mock.patch.object(batch_files.os, "fsync", full_after_the_first):
            batch_id = batch_submission.submit_paths([source])
            batches.worker().wait(batch_id)
        standing = batches.view_batch(batch_id).standing
        said = "The results of the batch cannot be written: No space left on device."
        if (standing.state, standing.message) != ("failed", said):
            raise FaultError(f"the batch is {standing.state}: {standing.message}")
        before = [row.file for row in BatchFolder(place / "batches" / batch_id).rows()]
        if not 0 < len(before) < pictures:
            raise FaultError(f"{len(before)} rows were kept")
        batch_submission.continue_batch(batch_id)
        batches.worker().wait(batch_id)
        rows = [row.file for row in BatchFolder(place / "batches" / batch_id).rows()]
        if rows[: len(before)] != before or len(rows) != pictures or len(set(rows)) != pictures:
            raise FaultError(f"{len(rows)} rows of {len(set(rows))} pictures after it went on")
    return f"{len(before)} rows kept and said so, {pictures} after there was room, none twice"


def clock_moved_back(place: Path) -> str:
    """Kill a worker whose clock was an hour ahead, training too; one with the right clock brings its job to an end."""
    values = Settings(runs_dir=place / "runs")
    queue = open_queue(values)
    job = queue.submit(parse_recipe(tiny_recipe(note="wait 1")))
    (place / "clock").mkdir()
    (place / "clock" / "sitecustomize.py").write_text(CLOCK)
    environment = os.environ | {
        "WBC_RUNS_DIR": str(values.runs_dir),
        "PYTHONPATH": os.pathsep.join([str(place / "clock"), str(ROOT)]),
    }
    command = [sys.executable, str(ROOT / "tests" / "unit" / "stand_in_worker.py")]
    ahead = subprocess.Popen(command, env=environment | {"WBC_TEST_CLOCK_AHEAD": str(HOUR_S)})
    training = at_the_gate(job)
    written = queue.get(job.id).heartbeat
    os.kill(training, 9)
    ahead.kill()
    ahead.wait()
    (job.run_dir / "go").touch()
    right = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + 60
        while queue.get(job.id).state != "finished":
            if time.monotonic() > deadline:
                raise FaultError(f"the job is still {queue.get(job.id).state} after a minute")
            time.sleep(0.02)
    finally:
        right.terminate()
        right.wait()
    done = queue.get(job.id)
    if (done.epoch, done.attempts) != (3, 2):
        raise FaultError(f"{done.epoch} epochs in {done.attempts} attempts")
    return f"a job last heard of {(written or 0) - time.time():,.0f} s from now was taken over and finished"

"""Faults at random points, and whether what was finished is still there: kills, a full disk, a locked database, clocks.

Each scene prints one line and ends the program with exit code 1 where something was lost. Points in time come from a
seed; trainings are stand-ins that keep to a run folder's contract, batches are classified by the default model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import pandas as pd
import psutil

from benchmarks.fault_scenes import (
    FaultError,
    clock_moved_back,
    database_locked,
    disk_full_during_a_batch,
    disk_full_in_the_database,
    power_cuts,
)
from scripts.running_app import free_port
from tests.tiny_training import tiny_recipe
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell
from wbc_core.jobs.queue import Job, Queue, open_queue
from wbc_core.recipes.spec import parse_recipe
from wbc_core.runs import folder
from wbc_core.settings import ROOT, Settings

STAND_IN_WORKER = ROOT / "tests" / "unit" / "stand_in_worker.py"
EPOCHS = 4
LONGEST_S = 600.0


def polled(condition: Callable[[], bool], what: str, longest_s: float = LONGEST_S) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + longest_s
    while not condition():
        if time.monotonic() > deadline:
            raise FaultError(f"{what} within {longest_s:.0f} s")
        time.sleep(0.01)


def killed(process: subprocess.Popen[bytes]) -> None:
    """End a process as a power switch does: itself alone, without a word."""
    process.kill()
    process.wait()


# Jobs: a worker is killed, now and then its training with it.


def epochs_of(job: Job) -> int:
    """Return how many epochs of a job are finished by its history."""
    try:
        return len(pd.read_csv(job.run_dir / folder.HISTORY))
    except (OSError, pd.errors.EmptyDataError):
        return 0


def kill_workers(rounds: int, seed: int, place: Path) -> str:
    """Kill the worker again and again while it works off jobs; nothing finished may be lost, and all get done.

    A training is killed too, and a worker that has just started one leaves none behind: never twice before another
    epoch is finished, as three such deaths in a row end a job on purpose.
    """
    chance = random.Random(seed)
    values = Settings(runs_dir=place / "runs")
    queue = open_queue(values)
    environment = os.environ | {"WBC_RUNS_DIR": str(values.runs_dir), "PYTHONPATH": str(ROOT)}
    struck: dict[str, int] = {}
    known: dict[str, int] = {}
    trainings = 0
    for number in range(rounds):
        if not any(job.state not in folder.ENDED for job in queue.listed()):
            queue.submit(parse_recipe(tiny_recipe(epochs=EPOCHS, note="slow")))
        worker = subprocess.Popen([sys.executable, str(STAND_IN_WORKER)], env=environment, stdout=subprocess.DEVNULL)
        try:
            at_work = queue.listed()[0].attempts
            if number % 3:  # in the middle of its work; each third time, whenever it comes, start included
                polled(lambda before=at_work: _moved(queue, before), "the worker took up no job")
            time.sleep(chance.uniform(0, 1.5))
            _check_kept(queue, known)
            if chance.random() < 1 / 3:
                trainings += _kill_a_training(queue, struck)
            weak = {job.id: epochs_of(job) for job in queue.listed() if job.deaths and job.state not in folder.ENDED}
            polled(lambda weak=weak: _on_again(queue, weak), "no epoch was finished after a death")
        finally:
            killed(worker)
        _check_kept(queue, known)
    last = subprocess.Popen([sys.executable, str(STAND_IN_WORKER)], env=environment, stdout=subprocess.DEVNULL)
    try:
        polled(lambda: all(job.state in folder.ENDED for job in queue.listed()), "not every job ended")
    finally:
        last.terminate()
        last.wait()
    _check_kept(queue, known)
    for job in queue.listed():
        history = list(pd.read_csv(job.run_dir / folder.HISTORY)["epoch"])
        if job.state != "finished" or history != list(range(EPOCHS)):
            raise FaultError(f"{job.id} is {job.state} with epochs {history}: {job.message}")
    count = len(queue.listed())
    return f"{rounds} workers and {trainings} trainings killed; {count} jobs finished, every epoch once"


def _moved(queue: Queue, before: int) -> bool:
    job = queue.listed()[0]
    return job.attempts > before or job.state in {"running", *folder.ENDED} or epochs_of(job) > 0


def _on_again(queue: Queue, weak: dict[str, int]) -> bool:
    """Return whether every job of these has ended or has more epochs than are noted for it."""
    return all(job.state in folder.ENDED or epochs_of(job) > weak.get(job.id, -1) for job in queue.listed())


def _check_kept(queue: Queue, known: dict[str, int]) -> None:
    """Note how far each job is; raise where it is less far than before."""
    for job in queue.listed():
        now = EPOCHS + 1 if job.state == "finished" else epochs_of(job)
        if now < known.get(job.id, 0):
            raise FaultError(f"{job.id} had {known[job.id]} epochs and has {now}")
        if job.state in {"failed", "cancelled"}:
            raise FaultError(f"{job.id} is {job.state}: {job.message}")
        known[job.id] = now


def _kill_a_training(queue: Queue, struck: dict[str, int]) -> int:
    for job in queue.listed():
        status = folder.read_status(job.run_dir)
        if status is None or status.state not in {"preparing", "running"} or not status.pid:
            continue
        done = epochs_of(job)
        if struck.get(job.id, -1) >= done:
            continue
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if "stand_in_training" in " ".join(psutil.Process(status.pid).cmdline()):
                os.kill(status.pid, signal.SIGKILL)
                struck[job.id] = done
                return 1
    return 0


# Batches: the app is killed while it classifies.

SUBMIT = """
import sys
from pathlib import Path
from wbc_core.batches.folder import BatchFolder, Request, Standing
from wbc_core.batches.listing import list_paths
from wbc_core.services.models import classifier_for
card = classifier_for(None).card
source = Path(sys.argv[2])
request = Request(id=sys.argv[3], title="faults", created=0.0, model_id=card.id, model_title=card.title,
                  network=card.files["model.onnx"].sha256, labels=card.labels, chosen=False, sources=(str(source),))
total = len(list_paths([source]).pictures)
BatchFolder.create(Path(sys.argv[1]), request, Standing(state="interrupted", total=total), {})
"""
"""Leaves a batch as a server does that was killed before its first row: without the hour that handing in may take."""


def kill_apps(rounds: int, seed: int, place: Path, pictures: int = 400) -> str:
    """Kill the app again and again while it classifies a batch, which goes on by itself at the next start."""
    chance = random.Random(seed)
    source, batches = place / "pictures", place / "batches"
    source.mkdir(parents=True)
    for number in range(pictures):
        drawn = render_cell(list(CELL_TYPES)[number % 8], seed=number % 40, size=120)
        (source / f"{number:04}.png").write_bytes(cv2.imencode(".png", drawn[..., ::-1])[1].tobytes())
    environment = os.environ | {
        "WBC_BATCHES_DIR": str(batches),
        "WBC_JOBS_WORKER": "false",
        "WBC_RUNS_DIR": str(place / "runs"),
        "PYTHONPATH": str(ROOT),
    }
    count = 0

    def begin() -> Path:
        nonlocal count
        count += 1
        command = [sys.executable, "-c", SUBMIT, str(batches), str(source), f"faults-{count}"]
        subprocess.run(command, env=environment, check=True, cwd=ROOT)
        return batches / f"faults-{count}"

    current, known = begin(), set[str]()
    for _ in range(rounds):
        if (current / "state.json").read_text().find('"finished"') >= 0:
            _check_batch(current, pictures)
            current, known = begin(), set()
        app = _app(environment)
        try:
            if chance.random() < 0.8:  # else whenever it comes, start included
                before = len(known)
                polled(lambda floor=before, at=current: len(_rows(at)) > floor, "the batch did not go on")
            time.sleep(chance.uniform(0, 1.0))
            known = _kept(current, known)
        finally:
            killed(app)
        known = _kept(current, known)
    app = _app(environment)
    try:
        polled(lambda: '"finished"' in (current / "state.json").read_text(), "the batch did not end")
    finally:
        killed(app)
    _check_batch(current, pictures)
    return f"{rounds} apps killed; {count} {'batch' if count == 1 else 'batches'} of {pictures} finished, no row lost"


def _app(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.fileWatcherType", "none"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)


def _rows(batch: Path) -> list[str]:
    """Return the files of all whole lines, in their order."""
    try:
        text = (batch / "rows.jsonl").read_text()
    except FileNotFoundError:
        return []
    whole = text[: text.rfind("\n") + 1].splitlines()
    return [json.loads(line)["file"] for line in whole]


def _kept(batch: Path, known: set[str]) -> set[str]:
    now = set(_rows(batch))
    if known - now:
        raise FaultError(f"{len(known - now)} rows of {batch.name} are lost")
    return now


def _check_batch(batch: Path, pictures: int) -> None:
    rows = _rows(batch)
    if len(rows) != pictures or len(set(rows)) != pictures:
        raise FaultError(f"{batch.name} has {len(rows)} rows of {len(set(rows))} pictures, not {pictures}")


def main() -> None:
    """Play every scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="kills in all, half of workers and half of apps")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    workers, apps = chosen.kills - chosen.kills // 2, chosen.kills // 2
    scenes: list[tuple[str, Callable[[Path], str]]] = [
        ("worker killed", lambda place: kill_workers(workers, chosen.seed, place)),
        ("app killed", lambda place: kill_apps(apps, chosen.seed, place)),
        ("power cut", lambda place: power_cuts(200, chosen.seed, place)),
        ("database locked", database_locked),
        ("disk full, batch", disk_full_during_a_batch),
        ("disk full, database", disk_full_in_the_database),
        ("clock moved back", clock_moved_back),
    ]
    lost = 0
    for name, play in scenes:
        place = Path(tempfile.mkdtemp(prefix="wbc-faults-"))
        began = time.monotonic()
        try:
            said = play(place)
        except (FaultError, sqlite3.Error) as error:
            lost += 1
            said = f"LOST: {error}"
        finally:
            shutil.rmtree(place, ignore_errors=True)
        print(f"{name}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    main()

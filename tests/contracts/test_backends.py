"""Backends: the same checks over trainings beside the worker and on a Ray cluster; the same run, the same figures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from tests.drawn_cells import draw_set
from tests.ray_cluster import free_ports, ray_head
from tests.tiny_training import at_the_gate, tiny_recipe, until
from wbc_core.jobs.attempts import Backend
from wbc_core.jobs.local_backend import LocalBackend
from wbc_core.jobs.processes import process_name
from wbc_core.jobs.queue import BackendName, Job, Queue, open_queue
from wbc_core.jobs.ray_backend import RayBackend
from wbc_core.jobs.staff import Staff
from wbc_core.jobs.watching import Timing
from wbc_core.jobs.worker import Worker
from wbc_core.recipes.spec import Recipe, parse_recipe
from wbc_core.runs.folder import EXPORT, HISTORY, SPEC, last_lines, read_status
from wbc_core.settings import Settings

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
STAND_IN = Path(__file__).resolve().parents[1] / "unit" / "stand_in_training.py"
COMMAND = (sys.executable, str(STAND_IN))
QUICK = Timing(poll_s=0.05, beat_s=0.2, grace_s=60, shutdown_grace_s=60, retry_s=0.5)
BACKENDS: tuple[BackendName, ...] = ("local", "ray")
EPOCHS, STEPS = 4, 60  # long enough to be killed in the middle of an epoch


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of the job API of a Ray cluster of one node."""
    if not IN_CI:
        pytest.importorskip("ray", reason="Ray is optional: requirements-cluster.txt")
    with ray_head() as head:
        yield head.jobs


class Place:
    """A queue with one backend, in folders of its own."""

    def __init__(self, root: Path, name: BackendName, command: tuple[str, ...], **settings: object) -> None:
        folders = {key: root / key for key in ("data_dir", "datasets_dir", "runs_dir", "cache_dir", "models_dir")}
        self.settings = Settings(**{**folders, **settings})  # type: ignore[arg-type]
        self.queue: Queue = open_queue(self.settings)
        self.name = name
        self.workers = 0
        self.backend: Backend = {"local": LocalBackend, "ray": RayBackend}[name](self.settings, command)

    def submit(self, recipe: Recipe) -> Job:
        return self.queue.submit(recipe, backend=self.name, device="cpu")

    def worker(self) -> Worker:
        staff = Staff(self.queue.engine, stale_s=0.5)
        worker = Worker(self.queue, {self.name: self.backend}, staff=staff, timing=QUICK)
        self.workers += 1  # as if each were a process of its own
        worker.name = str(replace(me := process_name(), started=me.started + 0.1 * self.workers))
        return worker

    @contextmanager
    def at_work(self) -> Iterator[Worker]:
        worker = self.worker()
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            worker.end()
            thread.join()

    def reached(self, job: Job, *states: str) -> Job:
        def there() -> Job | None:
            now = self.queue.get(job.id)
            return now if now.state in states else None

        return until(there, f"{states} was not reached: {self.queue.get(job.id)}")  # type: ignore[return-value]


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A queue whose trainings are stand-ins."""
    name: BackendName = request.param
    address = request.getfixturevalue("cluster") if name == "ray" else ""
    return Place(tmp_path, name, COMMAND, ray_address=address)


def stand_in(note: str = "") -> Recipe:
    return parse_recipe(tiny_recipe(note=note))


@pytest.mark.slow
def test_a_job_runs_to_its_end_and_a_bad_one_shows_its_last_lines(place: Place) -> None:
    good, refused, crashed = (place.submit(stand_in(note)) for note in ("", "refuse", "crash"))
    place.worker().run(once=True)
    done = place.queue.get(good.id)
    assert (done.state, done.progress, done.epoch, done.attempts, done.message) == ("finished", 1.0, 3, 1, "")
    assert (good.run_dir / SPEC).read_text() == good.spec
    assert list(pd.read_csv(good.run_dir / HISTORY)["epoch"]) == [0, 1, 2]
    assert last_lines(good.run_dir) == ("epoch 0 done", "epoch 1 done", "epoch 2 done")
    assert place.queue.get(refused.id).message == "The data set nothing is not there."
    now = place.queue.get(crashed.id)
    assert (now.state, now.message) == (
        "failed",
        "The training ended with exit code 1: RuntimeError: the network took fright",
    )
    assert "RuntimeError: the network took fright" in last_lines(crashed.run_dir)


@pytest.mark.slow
def test_a_job_is_cancelled_resumed_and_found_again_by_the_next_worker(place: Place) -> None:
    job = place.submit(stand_in("wait 1"))
    with place.at_work():
        at_the_gate(job)
        place.queue.request_cancel(job.id)
        cancelled = place.reached(job, "cancelled", "finished", "failed")
        assert (cancelled.state, cancelled.epoch) == ("cancelled", 1)
        place.queue.queue_again(job.id)
        # Killed in the middle of an epoch, it goes on by itself.
        os.kill(at_the_gate(place.reached(job, "running")), signal.SIGKILL)
        until(lambda: place.queue.get(job.id).attempts == 3, "the killed training was not continued")
        pid = at_the_gate(place.reached(job, "running"))
    if place.backend.outlives_worker:  # otherwise the worker has ended it
        assert place.queue.get(job.id).state == "running"
        assert read_status(job.run_dir).pid == pid  # type: ignore[union-attr]
    (job.run_dir / "go").touch()
    place.worker().run(once=True)
    done = place.queue.get(job.id)
    assert done.state == "finished"
    assert done.attempts == (3 if place.backend.outlives_worker else 4)
    assert list(pd.read_csv(job.run_dir / HISTORY)["loss"]) == [0.166667, 0.142857, 0.125]


def test_a_cluster_that_does_not_answer_keeps_its_jobs_waiting(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    place = Place(tmp_path, "ray", COMMAND, ray_address=f"http://127.0.0.1:{port}")
    job = place.submit(stand_in())
    place.worker().run(once=True)
    now = place.queue.get(job.id)
    assert (now.state, now.attempts) == ("interrupted", 0)
    assert now.message == f"The Ray cluster at http://127.0.0.1:{port} does not answer."


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small data set of drawn cells."""
    root = tmp_path_factory.mktemp("drawn")
    draw_set(root / "made")
    return root


@pytest.fixture(scope="module")
def uninterrupted(request: pytest.FixtureRequest, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that nothing disturbed: on the Ray cluster, where Ray is installed."""
    name: BackendName = "ray" if IN_CI or find_spec("ray") else "local"
    address = request.getfixturevalue("cluster") if name == "ray" else ""
    place = Place(tmp_path_factory.mktemp("uninterrupted"), name, (), data_dir=drawn, ray_address=address)
    job = place.submit(parse_recipe(tiny_recipe(epochs=EPOCHS, steps=STEPS)))
    place.worker().run(once=True)
    done = place.queue.get(job.id)
    assert (done.state, done.message, done.attempts) == ("finished", "", 1), last_lines(job.run_dir)
    return job.run_dir


def assert_same_run(ours: Path, theirs: Path) -> None:
    """Compare histories, seconds left out, and what the card says of validation and test."""
    history, expected = (pd.read_csv(path / HISTORY).drop(columns="seconds") for path in (ours, theirs))
    assert list(history["epoch"]) == list(range(EPOCHS))
    pd.testing.assert_frame_equal(history, expected, check_exact=True)
    card, other = (json.loads((path / EXPORT / "card.json").read_text()) for path in (ours, theirs))
    for part in ("calibration", "abstention", "evaluations", "keras_agreement"):
        assert card[part] == other[part], part


def in_an_epoch(job: Job, epoch: int) -> int:
    """Wait until the real training is in the middle of an epoch; return its process id."""

    def there() -> int | None:
        status = read_status(job.run_dir)
        inside = status is not None and status.state == "running" and status.epoch == epoch and status.step > 0
        return status.pid if inside else None  # type: ignore[union-attr]

    return until(there, f"epoch {epoch} was not seen")  # type: ignore[return-value]


@pytest.mark.slow
def test_killed_orphaned_cancelled_and_resumed_a_run_here_ends_as_an_undisturbed_one_on_a_ray_cluster(
    drawn: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path, "local", (), data_dir=drawn)
    job = place.submit(parse_recipe(tiny_recipe(epochs=EPOCHS, steps=STEPS)))
    environment = os.environ | {
        f"WBC_{name.upper()}": str(getattr(place.settings, name))
        for name in ("data_dir", "datasets_dir", "runs_dir", "cache_dir", "models_dir")
    }
    worker = subprocess.Popen([sys.executable, "-m", "wbc_core", "jobs", "worker"], env=environment)
    try:
        first = in_an_epoch(job, 1)
        os.kill(first, signal.SIGKILL)
        until(lambda: (now := read_status(job.run_dir)) is not None and now.pid not in (None, first), "not continued")
        second = in_an_epoch(job, 2)
    finally:
        worker.kill()  # and not its training
        worker.wait()
    with place.at_work() as next_worker:
        until(lambda: place.queue.get(job.id).worker == next_worker.name, "the orphan was not adopted")
        assert read_status(job.run_dir).pid == second  # type: ignore[union-attr]
        place.queue.request_cancel(job.id)
        assert place.reached(job, "cancelled", "finished", "failed").state == "cancelled"
        place.queue.queue_again(job.id)
        done = place.reached(job, "finished", "failed")
    assert done.state == "finished", last_lines(job.run_dir)
    assert done.attempts == 3
    assert_same_run(job.run_dir, uninterrupted)

"""Backends: the same checks over trainings beside the worker and on a Ray cluster; the same run, the same figures."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2
import pandas as pd
import pytest

from wbc_core.datasets.synthetic import render_cell
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
WAIT_S = 240  # a busy machine is not a broken promise
BACKENDS: tuple[BackendName, ...] = ("local", "ray")

STAND_IN_RECIPE = """
id: tiny
title: Tiny
note: {note}
seed: 5
labels: [lymphocyte, neutrophil]
data: [{{name: one}}]
optimisation: {{epochs: 3}}
"""

RECIPE = """
id: tiny
title: Tiny
seed: 7
labels: [lymphocyte, neutrophil, platelet]
data: [{name: made}]
preprocessing: {size: 32}
network: {architecture: baseline_cnn, initial_weights: random, dropout: 0.2}
optimisation: {batch_size: 4, steps_per_epoch: 60, epochs: 4, learning_rate: 0.001, average_decay: 0.9}
"""

T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """Poll until the condition holds; return what it gave."""
    deadline = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return found


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a Ray cluster of one node, started for these tests and ended as the process group it is."""
    if not IN_CI:
        pytest.importorskip("ray", reason="Ray is optional: requirements-cluster.txt")
    names = ("--port", "--dashboard-port", "--dashboard-agent-listen-port", "--dashboard-agent-grpc-port")
    names += ("--metrics-export-port", "--ray-client-server-port", "--runtime-env-agent-port")
    ports = free_ports(len(names))
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # the paths of its sockets must stay short
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "1"]
    command += ["--include-dashboard", "true", "--node-ip-address", "127.0.0.1", "--temp-dir", folder]
    command += [str(part) for pair in zip(names, ports, strict=True) for part in pair]
    address = f"http://127.0.0.1:{ports[1]}"
    with (Path(folder) / "head.log").open("w+") as printed:
        head = subprocess.Popen(
            command,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:

            def answers() -> bool:
                printed.seek(0)
                assert head.poll() is None, f"Ray did not start:\n{printed.read()}"
                try:
                    with urllib.request.urlopen(f"{address}/api/jobs/", timeout=5) as response:
                        return bool(response.status == 200)
                except OSError:
                    return False

            until(answers, "the cluster does not answer")
            yield address
        finally:
            # Not `ray stop`, which ends every Ray of the host.
            with_signal(head, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                head.wait(3)
            with_signal(head, signal.SIGKILL)
            head.wait()
            shutil.rmtree(folder, ignore_errors=True)


def with_signal(head: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(head.pid, number)
    except ProcessLookupError:
        return


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


def stand_in(note: str = "''") -> Recipe:
    return parse_recipe(STAND_IN_RECIPE.format(note=note))


def at_the_gate(job: Job) -> int:
    """Wait until a stand-in stands in the middle of its second epoch; return its process id."""

    def there() -> int | None:
        status = read_status(job.run_dir)
        return (
            status.pid
            if status is not None and (status.state, status.epoch, status.step) == ("running", 1, 1)
            else None
        )

    return until(there, "the training did not get to its gate")  # type: ignore[return-value]


@pytest.mark.slow
def test_a_job_runs_to_its_end_and_a_bad_one_shows_its_last_lines(place: Place) -> None:
    good, refused, crashed = (place.submit(stand_in(note)) for note in ("''", "refuse", "crash"))
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
    (root / "made").mkdir()
    rows = [("file", "label", "split")]
    for index in range(24):
        label = ("lymphocyte", "neutrophil", "platelet")[index % 3]
        cv2.imwrite(str(root / "made" / f"{index}.png"), render_cell(label, seed=index, size=96)[..., ::-1])
        rows.append((f"{index}.png", label, ("train", "train", "val", "test")[index // 6]))
    with (root / "made" / "split.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return root


@pytest.fixture(scope="module")
def uninterrupted(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run that nothing disturbed."""
    place = Place(tmp_path_factory.mktemp("uninterrupted"), "local", (), data_dir=drawn)
    job = place.submit(parse_recipe(RECIPE))
    place.worker().run(once=True)
    assert place.queue.get(job.id).state == "finished", last_lines(job.run_dir)
    return job.run_dir


def assert_same_run(ours: Path, theirs: Path) -> None:
    """Compare histories, seconds left out, and what the card says of validation and test."""
    history, expected = (pd.read_csv(path / HISTORY).drop(columns="seconds") for path in (ours, theirs))
    assert list(history["epoch"]) == [0, 1, 2, 3]
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
def test_killed_orphaned_cancelled_and_resumed_a_run_ends_as_if_nothing_had_happened(
    drawn: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path, "local", (), data_dir=drawn)
    job = place.submit(parse_recipe(RECIPE))
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


@pytest.mark.slow
def test_the_same_recipe_runs_on_a_ray_cluster_to_the_same_result(
    drawn: Path, uninterrupted: Path, cluster: str, tmp_path: Path
) -> None:
    place = Place(tmp_path, "ray", (), data_dir=drawn, ray_address=cluster)
    job = place.submit(parse_recipe(RECIPE))
    place.worker().run(once=True)
    done = place.queue.get(job.id)
    assert (done.state, done.message, done.attempts) == ("finished", "", 1), last_lines(job.run_dir)
    assert_same_run(job.run_dir, uninterrupted)

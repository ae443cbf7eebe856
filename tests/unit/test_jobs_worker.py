"""A worker brings every job to its end, whatever happens to the training, to the worker or to the disk."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pytest
from stand_in_worker import QUICK, stand_in_worker

from tests.tiny_training import WAIT_S, at_the_gate, tiny_recipe, until
from wbc_core.jobs import alone
from wbc_core.jobs.processes import parse_process_name
from wbc_core.jobs.queue import open_queue
from wbc_core.jobs.staff import Staff
from wbc_core.recipes.spec import parse_recipe
from wbc_core.runs import folder
from wbc_core.settings import Settings


def recipe(note=""):
    return parse_recipe(tiny_recipe(note=note))


@pytest.fixture
def values(tmp_path):
    return Settings(runs_dir=tmp_path / "runs")


@pytest.fixture
def queue(values):
    return open_queue(values)


@contextmanager
def at_work(values, **changes):
    """A worker in a thread of this process."""
    worker = stand_in_worker(values, **changes)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.end()
        thread.join()


@contextmanager
def worker_process(values, *arguments):
    """A worker in a process of its own; killed at the end if it still lives."""
    script = Path(__file__).with_name("stand_in_worker.py")
    environment = os.environ | {"WBC_RUNS_DIR": str(values.runs_dir), "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen([sys.executable, str(script), *arguments], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def reached(queue, job, *states):
    return until(lambda: (now := queue.get(job.id)).state in states and now, f"{states} was not reached")


def gone(pid):
    """Whether a process has ended; what nobody has collected yet has."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def whole(job):
    """The history has every epoch once, and the figures of an uninterrupted run."""
    table = pd.read_csv(job.run_dir / folder.HISTORY)
    return list(table["epoch"]) == [0, 1, 2] and list(table["loss"]) == [0.166667, 0.142857, 0.125]


def test_the_queue_is_worked_off_in_run_folders(values, queue):
    jobs = [queue.submit(recipe()) for _ in range(2)]
    stand_in_worker(values).run(once=True)
    for job in map(queue.get, (job.id for job in jobs)):
        assert (job.state, job.message, job.progress, job.epoch, job.attempts) == ("finished", "", 1.0, 3, 1)
        assert job.started < job.ended
        assert (job.run_dir / folder.SPEC).read_text() == job.spec
        assert whole(job)
        assert folder.read_status(job.run_dir).state == "finished"
        assert folder.last_lines(job.run_dir) == ("epoch 0 done", "epoch 1 done", "epoch 2 done")
    assert Staff(queue.engine).alive() == ()


def test_bad_jobs_say_why_keep_their_last_lines_and_do_not_stop_the_next(values, queue):
    refused, crashed, greedy, good = (queue.submit(recipe(note)).id for note in ("refuse", "crash", "greedy", ""))
    stand_in_worker(values).run(once=True)
    refused, crashed, greedy = map(queue.get, (refused, crashed, greedy))
    assert {job.state for job in (refused, crashed, greedy)} == {"failed"}
    assert (refused.message, refused.hint) == ("The data set nothing is not there.", "Import it.")
    assert crashed.message == "The training ended with exit code 1: RuntimeError: the network took fright"
    assert folder.last_lines(crashed.run_dir)[-1] == "RuntimeError: the network took fright"
    assert folder.read_status(crashed.run_dir).message == crashed.message
    assert greedy.message == "The training was killed from outside, or because the machine ran out of memory."
    assert [job.attempts for job in (refused, crashed, greedy)] == [1, 1, 3]  # only what was killed is tried again
    assert queue.get(good).state == "finished"


def test_a_run_folder_that_cannot_be_made_fails_its_job_alone(values, queue):
    bad, good = queue.submit(recipe()), queue.submit(recipe())
    bad.run_dir.write_text("a file is in the way")
    stand_in_worker(values).run(once=True)
    assert queue.get(bad.id).message == "The run folder could not be made: File exists."
    assert queue.get(good.id).state == "finished"


def test_a_training_killed_in_the_middle_of_an_epoch_goes_on_by_itself(values, queue):
    job = queue.submit(recipe("wait 1"))
    with at_work(values):
        os.kill(at_the_gate(job), signal.SIGKILL)
        (job.run_dir / "go").touch()
        done = reached(queue, job, "finished", "failed")
    assert (done.state, done.attempts, done.message) == ("finished", 2, "")
    assert whole(done)


def test_progress_is_carried_over_while_a_training_runs(values, queue):
    job = queue.submit(recipe("wait 1"))
    with at_work(values):
        pid = at_the_gate(job)
        now = until(lambda: (seen := queue.get(job.id)).progress > 0.4 and seen, "no progress")
        assert (now.state, now.epoch, now.epochs, now.eta_s) == ("running", 1, 3, 1.0)
        assert parse_process_name(now.process).pid == pid
        assert Staff(queue.engine).alive() == (now.worker,)
        first = now.heartbeat
        until(lambda: queue.get(job.id).heartbeat > first, "no further sign of life")
        (job.run_dir / "go").touch()
        reached(queue, job, "finished")


def test_a_job_is_cancelled_at_a_batch_boundary_and_resumed_with_the_same_history(values, queue):
    job = queue.submit(recipe("wait 1"))
    with at_work(values):
        at_the_gate(job)
        queue.request_cancel(job.id)
        cancelled = reached(queue, job, "cancelled", "finished")
        assert (cancelled.state, cancelled.message) == ("cancelled", "Cancelled.")
        assert folder.read_status(job.run_dir).state == "cancelled"
        (job.run_dir / "go").touch()
        queue.queue_again(job.id)
        assert whole(reached(queue, job, "finished"))


def test_a_training_that_does_not_listen_is_killed_after_the_grace_time(values, queue):
    job = queue.submit(recipe("deaf wait 0"))
    with at_work(values, timing=replace(QUICK, grace_s=0.2)):
        pid = at_the_gate(job, epoch=0)
        queue.request_cancel(job.id)
        assert reached(queue, job, "cancelled", "interrupted").state == "cancelled"
        assert gone(pid)


def test_a_worker_that_is_told_to_end_leaves_its_job_to_the_next(values, queue):
    job = queue.submit(recipe("wait 1"))
    with worker_process(values) as first:
        pid = at_the_gate(job)
        first.terminate()
        assert first.wait(WAIT_S) == 0
    now = queue.get(job.id)
    assert (now.state, now.worker, now.message) == ("interrupted", "", "The worker was ended.")
    assert gone(pid)
    (job.run_dir / "go").touch()
    stand_in_worker(values).run(once=True)
    assert whole(queue.get(job.id))


def test_the_training_of_a_killed_worker_is_adopted(values, queue):
    job, later = queue.submit(recipe("wait 1")), queue.submit(recipe())
    with worker_process(values) as first:
        pid = at_the_gate(job)
        first.kill()
        first.wait()
    with at_work(values) as second:
        until(lambda: queue.get(job.id).worker == second.name, "the job was not taken over")
        assert queue.get(later.id).state == "queued"  # one training at a time
        assert folder.read_status(job.run_dir).pid == pid
        (job.run_dir / "go").touch()
        done = reached(queue, job, "finished", "failed", "interrupted")
        assert (done.state, done.attempts) == ("finished", 1)
        assert whole(done)
        reached(queue, later, "finished")


def test_when_worker_and_training_are_killed_the_next_worker_resumes(values, queue):
    job = queue.submit(recipe("wait 1"))
    with worker_process(values) as first:
        pid = at_the_gate(job)
        first.kill()
        os.kill(pid, signal.SIGKILL)
        first.wait()
    (job.run_dir / "go").touch()
    stand_in_worker(values).run(once=True)
    done = queue.get(job.id)
    assert (done.state, done.attempts) == ("finished", 2)
    assert whole(done)


def test_a_cancelled_job_of_a_killed_worker_is_ended_by_the_next(values, queue):
    job = queue.submit(recipe("wait 1"))
    with worker_process(values) as first:
        pid = at_the_gate(job)
        first.kill()
        first.wait()
    queue.request_cancel(job.id)
    stand_in_worker(values).run(once=True)
    assert queue.get(job.id).state == "cancelled"
    assert gone(pid)


def test_a_training_that_ended_unseen_is_judged_by_its_folder(values, queue):
    job = queue.submit(recipe("wait 1"))
    with worker_process(values) as first:
        pid = at_the_gate(job)
        first.kill()
        first.wait()
    (job.run_dir / "go").touch()
    until(lambda: gone(pid), "the orphan did not end")
    stand_in_worker(values).run(once=True)
    done = queue.get(job.id)
    assert (done.state, done.attempts) == ("finished", 1)


def test_there_are_never_two_trainings_on_one_run_folder(values, queue):
    job = queue.submit(recipe())
    job.run_dir.mkdir(parents=True)
    with (job.run_dir / alone.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stand_in_worker(values).run(once=True)
        now = queue.get(job.id)
        assert (now.state, now.message) == ("interrupted", "Another process still works in its run folder.")
    until(lambda: queue.get(job.id).available < time.time(), "it is not tried again")
    stand_in_worker(values).run(once=True)
    assert queue.get(job.id).state == "finished"


def test_several_workers_share_the_queue(values, queue):
    jobs = [queue.submit(recipe()) for _ in range(4)]
    with worker_process(values), at_work(values):
        for job in jobs:
            assert reached(queue, job, "finished", "failed").attempts == 1
            assert whole(job)


def test_the_workers_of_two_apps_take_turns_and_end_with_their_app(values, queue):
    program = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, *sys.argv[1:]]);"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    script = Path(__file__).with_name("stand_in_worker.py")
    environment = os.environ | {"WBC_RUNS_DIR": str(values.runs_dir), "PYTHONPATH": str(Path.cwd())}
    app = subprocess.Popen(
        [sys.executable, "-c", program, str(script), "--beside-app"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    staff = Staff(queue.engine)
    try:
        first = int(app.stdout.readline())
        (name,) = until(staff.alive, "the first worker did not come")
        with at_work(values, beside_app=True) as second:
            job = queue.submit(recipe("wait 1"))
            at_the_gate(job)
            assert (queue.get(job.id).worker, staff.alive()) == (name, (name,))
            app.kill()  # the worker notices, and ends; the other one takes its place
            until(lambda: staff.alive() == (second.name,), "the second worker did not take over")
            until(lambda: gone(first), "the first worker outlives its app")
            (job.run_dir / "go").touch()
            reached(queue, job, "finished")
    finally:
        app.kill()
        app.communicate()


def test_the_wrapper_and_the_run_folder_mean_the_same_log():
    assert alone.LOG == folder.LOG

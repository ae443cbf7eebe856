"""The queue keeps every job, gives each to one worker, and lets no job go where it may not."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from wbc_core.errors import WbcError
from wbc_core.jobs.database import database_url, open_database, revisions, versions
from wbc_core.jobs.processes import ProcessName, parse_process_name, process_name
from wbc_core.jobs.queue import Queue, open_queue
from wbc_core.jobs.staff import Staff
from wbc_core.jobs.states import ACTIVE, MOVES, WAITING, IllegalMove, check_move
from wbc_core.recipes.spec import parse_recipe
from wbc_core.runs.folder import ENDED, STATES
from wbc_core.settings import Settings

RECIPE = """
id: tiny
title: Tiny
seed: 5
labels: [lymphocyte, neutrophil]
data: [{name: one}]
optimisation: {epochs: 3}
"""


@pytest.fixture
def recipe():
    return parse_recipe(RECIPE)


@pytest.fixture
def queue(tmp_path):
    return Queue(open_database(f"sqlite:///{tmp_path / 'jobs.sqlite'}"), tmp_path)


def test_a_job_is_kept_as_it_was_submitted(queue, recipe, tmp_path):
    job = queue.submit(recipe, backend="ray", device="cpu", search_id="s")
    assert (job.recipe_id, job.title, job.backend, job.device, job.state) == ("tiny", "Tiny", "ray", "cpu", "queued")
    assert (job.epochs, job.attempts, job.progress, job.search_id) == (3, 0, 0.0, "s")
    assert job.run_dir == tmp_path / job.id
    assert parse_recipe(job.spec) == recipe
    assert queue.get(job.id) == job


def test_ids_sort_in_order_of_submission_and_spare_the_folders_of_earlier_runs(queue, recipe, tmp_path):
    first = queue.submit(recipe)
    number = int(first.id[-4:])
    (tmp_path / f"{first.id[:-4]}{number + 1:04d}").mkdir()
    ids = [first.id, *(queue.submit(recipe).id for _ in range(3))]
    assert ids == sorted(ids)
    assert ids[1].endswith(f"{number + 2:04d}")
    assert [job.id for job in queue.listed()] == ids[::-1]
    assert [job.id for job in queue.listed(limit=2, offset=1)] == ids[2:0:-1]


def test_each_job_is_claimed_once_however_many_workers_ask(tmp_path, recipe):
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    ids = {Queue(open_database(url), tmp_path).submit(recipe).id for _ in range(40)}
    claimed, faults = [], []

    def work(name):
        queue = Queue(open_database(url), tmp_path)
        try:
            while (job := queue.claim(name)) is not None:
                claimed.append(job.id)
        except (SQLAlchemyError, WbcError) as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(claimed) == 40
    assert set(claimed) == ids


def test_ids_stay_unique_when_many_submit_at_once(tmp_path, recipe):
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    ids = []

    def submit():
        queue = Queue(open_database(url), tmp_path)
        ids.extend(queue.submit(recipe).id for _ in range(10))

    threads = [threading.Thread(target=submit) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 50


def test_interrupted_jobs_come_first_then_the_oldest(queue, recipe):
    old, new, hurt = (queue.submit(recipe).id for _ in range(3))
    assert queue.take(hurt, "w")
    queue.move(hurt, "interrupted")
    assert [queue.claim("w").id for _ in range(3)] == [hurt, old, new]
    assert queue.claim("w") is None


def test_a_worker_gets_no_job_of_another_backend_of_a_search_or_that_has_to_wait(queue, recipe):
    queue.submit(recipe, search_id="a search")
    queue.submit(recipe, backend="ray")
    waits = queue.submit(recipe)
    queue.take(waits.id, "w")
    queue.move(waits.id, "interrupted", available=time.time() + 30)
    assert queue.claim("w", ("local",)) is None


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_only_the_moves_of_the_table_are_made(queue, recipe, old, new):
    job = queue.submit(recipe)
    ways = {"queued": [], "interrupted": ["preparing", "interrupted"], "failed": ["preparing", "failed"]}
    ways |= {"preparing": ["preparing"], "running": ["preparing", "running"], "cancelled": ["cancelled"]}
    ways |= {"exporting": ["preparing", "exporting"], "finished": ["preparing", "finished"]}
    for state in ways[old]:
        queue.move(job.id, state)
    assert queue.get(job.id).state == old
    if new in MOVES[old]:
        moved = queue.move(job.id, new)
        assert moved.state == new
        assert (moved.ended is not None) == (new in ENDED)
    else:
        with pytest.raises(IllegalMove, match=f"is {old} and cannot become {new}"):
            queue.move(job.id, new)
        assert queue.get(job.id).state == old


def test_every_state_is_waiting_active_or_ended():
    assert frozenset(STATES) == WAITING | ACTIVE | ENDED
    assert not (WAITING & ACTIVE or ACTIVE & ENDED or WAITING & ENDED)
    assert set(MOVES) == set(STATES)


def test_an_illegal_move_says_what_is_allowed():
    with pytest.raises(IllegalMove) as caught:
        check_move("j-1", "finished", "queued")
    assert (
        str(caught.value)
        == "The job j-1 is finished and cannot become queued. From finished it goes to no other state."
    )
    with pytest.raises(IllegalMove, match="From queued it goes to cancelled or failed or preparing"):
        check_move("j-1", "queued", "running")


def test_a_worker_cannot_change_what_is_no_longer_its_own(queue, recipe):
    job = queue.submit(recipe)
    queue.take(job.id, "one")
    assert queue.take_over(job.id, "one", "two")
    assert not queue.take_over(job.id, "one", "three")
    assert not queue.note(job.id, "one", epoch=2)
    with pytest.raises(WbcError, match="belongs to another worker"):
        queue.move(job.id, "finished", worker="one")
    assert queue.note(job.id, "two", epoch=2)
    assert queue.move(job.id, "finished", worker="two").epoch == 2


def test_cancelling_ends_a_waiting_job_and_asks_an_active_one(queue, recipe):
    waiting, active = queue.submit(recipe), queue.submit(recipe)
    assert queue.request_cancel(waiting.id).state == "cancelled"
    queue.take(active.id, "w")
    asked = queue.request_cancel(active.id)
    assert (asked.state, asked.cancel_requested) == ("preparing", True)
    queue.move(active.id, "cancelled")
    with pytest.raises(IllegalMove):
        queue.request_cancel(active.id)
    again = queue.queue_again(active.id, device="cpu")
    assert (again.state, again.device, again.cancel_requested, again.ended) == ("queued", "cpu", False, None)


def test_a_request_to_cancel_is_not_lost_when_the_worker_dies(queue, recipe):
    job = queue.submit(recipe)
    queue.take(job.id, "w")
    queue.request_cancel(job.id)
    queue.move(job.id, "interrupted")
    assert queue.claim("another").cancel_requested


def test_an_unknown_job_is_refused_by_name(queue):
    with pytest.raises(WbcError, match="There is no job 'j-0'"):
        queue.get("j-0")


def test_the_queue_survives_the_process_that_wrote_it(tmp_path):
    values = Settings(runs_dir=tmp_path / "runs")
    program = (
        "from wbc_core.jobs.queue import open_queue; from wbc_core.settings import settings;"
        "from wbc_core.recipes.spec import parse_recipe; import os, signal;"
        f"open_queue(settings()).submit(parse_recipe({RECIPE!r})); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"WBC_RUNS_DIR": str(values.runs_dir)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    (job,) = open_queue(values).listed()
    assert job.state == "queued"


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(update(versions).values(version=7))
        connection.execute(update(revisions).values(version_num="0007"))
    open_database.cache_clear()
    with pytest.raises(WbcError) as caught:
        open_database(url)
    assert caught.value.message == f"The database of jobs {url} has tables of version 7; this program knows version 2."
    assert caught.value.hint == "Update the program, or name another database in WBC_DATABASE_URL."


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("no url", "has an address that is no SQLAlchemy URL"),
        ("nothing://x", "has an address that is no SQLAlchemy URL"),
        ("sqlite:////dev/null/jobs.sqlite", "cannot be made"),
        ("mssql+pymssql://me:secret@host/db", "needs the package pymssql, which is not installed"),
    ],
)
def test_a_database_that_cannot_be_opened_says_why_and_tells_no_password(url, words):
    with pytest.raises(WbcError, match=words) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_the_database_lies_in_the_folder_of_runs_unless_the_settings_say_otherwise(tmp_path):
    assert database_url(Settings(runs_dir=tmp_path)) == f"sqlite:///{tmp_path}/jobs.sqlite"
    assert database_url(Settings(database_url="postgresql://host/db")) == "postgresql://host/db"


def test_a_process_is_not_mistaken_for_another_of_the_same_id():
    me = process_name()
    assert me.alive() and me.here
    assert parse_process_name(str(me)).alive()
    assert parse_process_name(f"{me} search").pid == me.pid
    assert not ProcessName(me.host, me.pid, me.started - 60).alive()
    assert not ProcessName("another host", me.pid, me.started).alive()
    assert parse_process_name("ray:j-1") is None
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    name = process_name(child.pid)
    while name.alive():
        time.sleep(0.01)
    child.wait()


def test_a_worker_is_dead_when_its_process_is_gone_and_it_is_long_silent(queue):
    staff, now, me = Staff(queue.engine), time.time(), process_name()
    gone = str(ProcessName(me.host, me.pid, me.started - 60))
    assert staff.silent(gone, now - 60)
    assert not staff.silent(gone, now)  # its silence may be a clock's fault
    assert staff.silent(gone, None)  # struck off the list
    assert not staff.silent(str(me), now - 60)  # busy, but there
    assert not staff.silent(f"elsewhere:{me.pid}:{me.started}", now - 60)
    assert staff.silent(f"elsewhere:{me.pid}:{me.started}", now - 600)


def test_one_app_worker_holds_the_lease_until_it_leaves_or_dies(queue):
    staff, me = Staff(queue.engine, stale_s=0), process_name()
    gone = str(ProcessName(me.host, me.pid, me.started - 60))
    assert staff.hold("app", gone)
    assert staff.hold("app", str(me))  # the first has died
    assert staff.hold("app", str(me))
    assert not staff.hold("app", "elsewhere:1:2.0")
    staff.leave(str(me))
    assert staff.hold("app", "elsewhere:1:2.0")


def test_a_search_is_no_worker_that_takes_up_jobs(queue):
    staff = Staff(queue.engine)
    staff.beat(f"{process_name()} search")
    assert staff.alive() == ()
    staff.beat(str(process_name()))
    assert staff.alive() == (str(process_name()),)

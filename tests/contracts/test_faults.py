"""Whatever is killed, full, held or late: what was finished is kept, and a restart alone goes on. See docs/load.md."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.fault_scenes import (
    clock_moved_back,
    database_locked,
    disk_full_during_a_batch,
    disk_full_in_the_database,
    power_cuts,
)
from benchmarks.faults import kill_apps, kill_workers
from tests.tiny_training import tiny_recipe
from wbc_core.jobs.queue import open_queue
from wbc_core.recipes.spec import parse_recipe
from wbc_core.settings import Settings


@pytest.mark.slow
def test_workers_and_trainings_killed_at_random_points_lose_no_finished_epoch(tmp_path: Path) -> None:
    said = kill_workers(6, 2, tmp_path)
    assert said.startswith("6 workers and ")
    assert said.endswith("finished, every epoch once")


@pytest.mark.slow
def test_an_app_killed_at_random_points_loses_no_row_of_a_batch(tmp_path: Path) -> None:
    assert kill_apps(4, 2, tmp_path, pictures=160).startswith("4 apps killed; ")


def test_after_a_power_cut_every_acknowledged_job_is_there(tmp_path: Path) -> None:
    assert power_cuts(20, 2, tmp_path).startswith("20 cuts with every acknowledged job there, 20 torn logs")


def test_a_held_database_is_waited_for_and_then_told_and_nothing_is_lost(tmp_path: Path) -> None:
    assert database_locked(tmp_path, held_s=0.5).endswith("was told so and left nothing")


def test_a_full_disk_under_the_database_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    assert disk_full_in_the_database(tmp_path).endswith("refused in words when full, on again with room")


def test_a_full_disk_under_a_batch_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    assert disk_full_during_a_batch(tmp_path).endswith("none twice")


@pytest.mark.slow
def test_a_job_of_a_worker_from_the_future_is_taken_over_after_the_clock_was_moved_back(tmp_path: Path) -> None:
    assert clock_moved_back(tmp_path).endswith("was taken over and finished")


@pytest.mark.parametrize(("from_now", "taken"), [(-1.0, True), (30.0, False), (3600.0, True)])
def test_a_job_put_off_before_the_clock_was_moved_back_does_not_wait_for_the_old_time(
    tmp_path: Path, from_now: float, taken: bool
) -> None:
    queue = open_queue(Settings(runs_dir=tmp_path))
    job = queue.submit(parse_recipe(tiny_recipe()))
    queue.take(job.id, "worker")
    queue.move(job.id, "interrupted", worker="worker", available=time.time() + from_now)
    assert (queue.claim("another") is not None) == taken

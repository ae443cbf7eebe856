"""What pages and commands do with jobs: nothing doubtful is queued, and every job can be seen, stopped and resumed."""

import csv
import json
import shutil
import socket
from collections import namedtuple

import pytest
from sqlalchemy import event

from wbc_core.cli.main import main
from wbc_core.errors import WbcError
from wbc_core.jobs.database import open_database
from wbc_core.recipes.estimate import Measured, estimate
from wbc_core.recipes.spec import parse_recipe
from wbc_core.runs import folder
from wbc_core.services import jobs
from wbc_core.settings import Settings, settings

LABELS = ("lymphocyte", "neutrophil", "platelet")
RECIPE = """
# by hand
id: tiny
title: Tiny
seed: 5
labels: [lymphocyte, neutrophil, platelet]
data: [{name: one}]
preprocessing: {size: 32}
network: {architecture: baseline_cnn, initial_weights: random}
optimisation: {batch_size: 4, epochs: 3}
"""


def write_set(root, rows):
    """Write a data set of empty picture files."""
    root.mkdir(parents=True)
    for name, _, _ in rows:
        (root / name).touch()
    with (root / "split.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["file", "label", "split"], *rows])


def rows(*, train=LABELS, val=LABELS):
    parts = [(label, "train") for label in train for _ in range(4)] + [(label, "val") for label in val]
    return [(f"{index}.png", label, part) for index, (label, part) in enumerate(parts)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Settings over empty folders and one small data set."""
    for name in ("data_dir", "datasets_dir", "runs_dir", "models_dir", "cache_dir"):
        monkeypatch.setenv(f"WBC_{name.upper()}", str(tmp_path / name))
    monkeypatch.delenv("WBC_DATABASE_URL", raising=False)
    settings.cache_clear()
    write_set(tmp_path / "data_dir" / "one", rows())
    yield tmp_path
    settings.cache_clear()


def end_as(job_id, state, **values):
    """Bring a waiting job to an end without a worker."""
    queue = jobs.queue()
    assert queue.take(job_id, "w")
    return queue.move(job_id, state, **values)


def test_a_recipe_is_queued_as_it_was_written(place):
    view = jobs.submit_job(RECIPE, backend="local", device="cpu")
    assert (view.state, view.recipe_id, view.title, view.device, view.epochs) == ("queued", "tiny", "Tiny", "cpu", 3)
    assert (view.can_cancel, view.can_resume, view.can_promote) == (True, False, False)
    assert jobs.list_jobs() == (view,)
    assert jobs.job_details(view.id).spec == RECIPE
    path = place / "recipe.yaml"
    path.write_text(RECIPE)
    assert jobs.submit_job(path).recipe_id == "tiny"
    assert jobs.count_jobs() == {"queued": 2}


@pytest.mark.parametrize(
    ("text", "choices", "message"),
    [
        ("title: Tiny", {}, "In the recipe recipe, the field id is missing."),
        (RECIPE.replace("one", "two"), {}, "There is no data set 'two' with a split.csv in"),
        (
            RECIPE.replace("platelet]", "monocyte]").replace(
                "name: one", "name: one, labels: [lymphocyte, neutrophil]"
            ),
            {},
            "No training picture shows monocyte.",
        ),
        (RECIPE.replace("name: one", "name: untested"), {}, "No validation picture shows platelet."),
        (RECIPE.replace("name: one", "name: vanished"), {}, "0.png of the set vanished is not there."),
        (RECIPE, {"backend": "cloud"}, "There is no backend 'cloud'."),
        (RECIPE, {"device": "tpu"}, "There is no device 'tpu'."),
        (RECIPE.replace("id: tiny", "id: taken"), {}, "A model named 'taken' is installed already."),
    ],
)
def test_what_would_spoil_a_run_is_refused_before_it_is_queued(place, text, choices, message):
    write_set(place / "data_dir" / "untested", rows(val=LABELS[:2]))
    write_set(place / "datasets_dir" / "vanished", rows())
    (place / "datasets_dir" / "vanished" / "0.png").unlink()
    (place / "models_dir" / "taken").mkdir(parents=True)
    (place / "models_dir" / "taken" / "card.json").touch()
    with pytest.raises(WbcError) as caught:
        jobs.submit_job(text, **choices)
    assert message in caught.value.message
    assert caught.value.hint
    assert jobs.list_jobs() == ()


def test_an_installed_models_id_is_taken_where_it_is_to_be_replaced(place):
    (place / "models_dir" / "tiny").mkdir(parents=True)
    (place / "models_dir" / "tiny" / "card.json").touch()
    assert jobs.submit_job(RECIPE, replace=True).state == "queued"


def test_a_full_disk_is_noticed_before_the_run(place, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**12, 10**12, 2 * 10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(WbcError) as caught:
        jobs.submit_job(RECIPE)
    assert f"The disk of {place / 'runs_dir'} has 200 MB left; this run wants 5" in caught.value.message
    assert caught.value.hint == "Make room, or set WBC_RUNS_DIR to another disk."


def test_ray_is_refused_where_it_is_not_installed(place, monkeypatch):
    monkeypatch.setattr("wbc_core.services.job_checks.find_spec", lambda name: None)
    with pytest.raises(WbcError) as caught:
        jobs.submit_job(RECIPE, backend="ray")
    assert str(caught.value) == (
        "Training on a Ray cluster needs the package ray, which is not installed. "
        "Install it: pip install -c constraints.txt -r requirements-cluster.txt."
    )


def test_a_waiting_job_is_cancelled_and_resumed_on_another_device(place):
    job = jobs.submit_job(RECIPE)
    cancelled = jobs.cancel_job(job.id)
    assert (cancelled.state, cancelled.can_cancel, cancelled.can_resume) == ("cancelled", False, True)
    again = jobs.resume_job(job.id, device="cpu")
    assert (again.state, again.device) == ("queued", "cpu")


def test_a_resumed_job_forgets_how_its_last_attempt_ended(place):
    job = jobs.submit_job(RECIPE)
    job.run_dir.mkdir(parents=True)
    folder.write_status(job.run_dir, "failed", message="It was so.", epoch=2)
    end_as(job.id, "failed", message="It was so.")
    assert jobs.resume_job(job.id).message == ""
    status = folder.read_status(job.run_dir)
    assert (status.state, status.message, status.epoch) == ("queued", "", 2)


@pytest.mark.parametrize(
    ("state", "step", "message"),
    [
        ("finished", jobs.cancel_job, "The job {} cannot be cancelled: it is finished."),
        ("failed", jobs.cancel_job, "The job {} cannot be cancelled: it is failed."),
        ("finished", jobs.resume_job, "The job {} cannot be resumed: it is finished."),
        ("interrupted", jobs.resume_job, "The job {} cannot be resumed: it is interrupted."),
        ("cancelled", jobs.promote_job, "The job {} has no model to promote: it is cancelled."),
        ("finished", jobs.promote_job, "The run {} has left no model."),
    ],
)
def test_what_makes_no_sense_in_a_state_is_refused(place, state, step, message):
    job = jobs.submit_job(RECIPE)
    end_as(job.id, state)
    with pytest.raises(WbcError) as caught:
        step(job.id)
    assert caught.value.message == message.format(job.id)
    assert caught.value.hint


def test_a_trial_is_resumed_by_its_search_only(place):
    trial = jobs.queue().submit(parse_recipe(RECIPE), search_id="s", worker="w")
    jobs.queue().move(trial.id, "cancelled")
    with pytest.raises(WbcError, match=f"The job {trial.id} is a trial of the search s"):
        jobs.resume_job(trial.id)


def test_details_follow_the_run_folder(place):
    job = jobs.submit_job(RECIPE)
    queue = jobs.queue()
    queue.take(job.id, "w")
    queue.move(job.id, "running")
    job.run_dir.mkdir(parents=True)
    for line in range(50):
        folder.append_log(job.run_dir, f"line {line}")
    folder.write_status(job.run_dir, "running", epoch=1, epochs=3, step=2, steps=4, eta_s=9.0)
    details = jobs.job_details(job.id, lines=2)
    assert (details.epoch, details.step, details.steps, details.eta_s) == (1, 2, 4, 9.0)
    assert details.progress == pytest.approx(0.5)
    assert details.last_lines == ("line 48", "line 49")
    assert details.workers == 0


def test_a_thousand_jobs_are_listed_with_one_question_and_no_look_at_their_folders(place, monkeypatch):
    recipe, queue = parse_recipe(RECIPE), jobs.queue()
    ids = [queue.submit(recipe).id for _ in range(1000)]
    asked = []
    event.listen(queue.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    monkeypatch.setattr(folder, "read_status", lambda path: pytest.fail("a run folder was read"))
    assert [job.id for job in jobs.list_jobs()] == ids[::-1]
    assert [job.id for job in jobs.list_jobs(limit=20, offset=40)] == ids[::-1][40:60]
    assert len(asked) == 2


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """A sound export: the files of the default model."""
    target = tmp_path_factory.mktemp("run") / folder.EXPORT
    shutil.copytree(Settings().models_dir / Settings().default_model, target)
    return target


def test_a_finished_jobs_model_is_promoted_whole_or_not_at_all(place, export):
    job = jobs.submit_job(RECIPE)
    end_as(job.id, "finished")
    job.run_dir.mkdir(parents=True)
    shutil.copytree(export, job.run_dir / folder.EXPORT)
    assert jobs.promote_job(job.id) == "wbc8-lite0"
    target = place / "models_dir" / "wbc8-lite0"
    card = json.loads((target / "card.json").read_text())
    assert {path.name for path in target.iterdir()} == {"card.json", *card["files"]}
    with pytest.raises(WbcError, match="A model named 'wbc8-lite0' is installed already"):
        jobs.promote_job(job.id)
    (target / "history.csv").unlink()
    assert jobs.promote_job(job.id, replace=True) == "wbc8-lite0"
    assert (target / "history.csv").is_file()
    assert [path.name for path in target.parent.iterdir()] == ["wbc8-lite0"]
    with (job.run_dir / folder.EXPORT / "history.csv").open("a") as stream:
        stream.write("touched\n")
    with pytest.raises(WbcError, match=r"history\.csv"):
        jobs.promote_job(job.id, replace=True)
    assert (target / "card.json").is_file()


def test_an_estimate_says_what_it_rests_on(place):
    found = jobs.estimate_job(RECIPE)
    assert (found.epochs, found.pictures_per_epoch) == (3, 12)
    assert found.seconds > 3 * found.seconds_per_epoch > 0
    assert "timings of this network at 96 px on two cores" in found.sentence()
    assert found.sentence().startswith("About 60 s for 3 epochs of under a second and 12 pictures each, about ")
    one = jobs.estimate_job(RECIPE.replace("epochs: 3", "epochs: 1"))
    assert one.sentence().startswith("About 60 s for 1 epoch of under a second and 12 pictures, about ")


def test_an_estimate_learns_from_finished_runs_of_the_same_kind_on_this_host(place):
    job = jobs.submit_job(RECIPE)
    end_as(job.id, "finished")
    job.run_dir.mkdir(parents=True)
    folder.write_status(job.run_dir, "finished", host=socket.gethostname(), steps=3)
    folder.write_history(job.run_dir, [{"epoch": epoch, "seconds": value} for epoch, value in enumerate([60, 24, 24])])
    found = jobs.estimate_job(RECIPE)
    assert found.seconds_per_epoch == pytest.approx(24)
    assert "one finished run of this network at this size on this host" in found.sentence()
    for other in (RECIPE.replace("size: 32", "size: 64"), RECIPE.replace("baseline_cnn", "raabin_cnn")):
        assert "timings of this network" in jobs.estimate_job(other).rests_on
    assert "timings of this network" in jobs.estimate_job(RECIPE, device="gpu").rests_on
    folder.write_status(job.run_dir, "finished", host="another host")
    assert "timings of this network" in jobs.estimate_job(RECIPE).rests_on


def test_an_estimate_grows_with_pictures_size_and_batch_and_shrinks_with_cores():
    def of(text=RECIPE, **values):
        return estimate(parse_recipe(text), **{"pictures": 1000, "validation": 100, "cores": 2} | values)

    plain = of()
    assert of(pictures=2000).seconds_per_epoch > 1.8 * plain.seconds_per_epoch
    assert of(RECIPE.replace("size: 32", "size: 64")).seconds_per_epoch == pytest.approx(4 * plain.seconds_per_epoch)
    assert of(cores=4).seconds_per_epoch < plain.seconds_per_epoch
    assert of(RECIPE.replace("batch_size: 4", "batch_size: 64")).memory_mb > plain.memory_mb
    frozen = RECIPE.replace("random}", "random, frozen_through: backbone}")
    assert of(frozen).seconds_per_epoch < 0.6 * plain.seconds_per_epoch
    drawn = RECIPE.replace("batch_size: 4", "batch_size: 4, steps_per_epoch: 10")
    assert of(drawn).pictures_per_epoch == 40
    assert of(measured=Measured(0.01, 2)).seconds_per_epoch == pytest.approx(10)


def test_the_commands_lead_a_job_through_its_life(place, capsys):
    def wbc(*arguments):
        main(["jobs", *arguments])

    def printed():
        return capsys.readouterr().out.splitlines()

    path = place / "recipe.yaml"
    path.write_text(RECIPE)
    with pytest.raises(SystemExit, match="0"):
        wbc("estimate", str(path))
    assert printed()[0].startswith("About ")
    with pytest.raises(SystemExit, match="0"):
        wbc("submit", str(path), "--device", "cpu")
    job_id, hint = printed()
    assert hint == "No worker is at work: start one with `wbc jobs worker`, or the app."
    with pytest.raises(SystemExit, match="0"):
        wbc("list")
    assert printed() == [f"{job_id}\tqueued\t0 %\ttiny\tTiny"]
    with pytest.raises(SystemExit, match="0"):
        wbc("list", "--json")
    assert json.loads("\n".join(printed()))[0]["id"] == job_id
    folder_of = jobs.job_details(job_id).run_dir
    folder_of.mkdir(parents=True)
    for line in ("one", "two", "three"):
        folder.append_log(folder_of, line)
    with pytest.raises(SystemExit, match="0"):
        wbc("show", job_id)
    shown = printed()
    assert f"id:         {job_id}" in shown
    waits = "waits:      No worker is at work: start one with `wbc jobs worker`, or the app."
    assert shown[-4:] == [waits, "| one", "| two", "| three"]
    with pytest.raises(SystemExit, match="0"):
        wbc("logs", job_id, "--lines", "2")
    assert printed() == ["two", "three"]
    with pytest.raises(SystemExit, match="0"):
        wbc("cancel", job_id)
    assert printed() == [f"{job_id}: cancelled"]
    with pytest.raises(SystemExit, match="0"):
        wbc("logs", job_id, "--follow", "--lines", "1")
    assert printed() == ["three"]
    with pytest.raises(SystemExit, match="0"):
        wbc("resume", job_id)
    assert printed() == [f"{job_id}: queued"]
    with pytest.raises(SystemExit, match="0"):
        wbc("show", job_id, "--json")
    assert json.loads("\n".join(printed()))["spec"] == RECIPE
    with pytest.raises(SystemExit, match="1"):
        wbc("show", "j-0")
    assert capsys.readouterr().err == "wbc: There is no job 'j-0'. See `wbc jobs list`.\n"


def test_following_a_log_gives_each_line_once_until_the_job_ends(place):
    job = jobs.submit_job(RECIPE)
    job.run_dir.mkdir(parents=True)
    folder.append_log(job.run_dir, "early")
    lines = jobs.follow_log(job.id, 10, every_s=0.0)
    assert next(lines) == "early"
    with (job.run_dir / folder.LOG).open("a") as stream:
        stream.write("half a li")
    folder.append_log(job.run_dir, "ne")
    assert next(lines) == "half a line"
    folder.append_log(job.run_dir, "last")
    jobs.cancel_job(job.id)
    assert list(lines) == ["last"]


def test_the_queue_of_another_place_is_another_queue(place, monkeypatch):
    jobs.submit_job(RECIPE)
    monkeypatch.setenv("WBC_RUNS_DIR", str(place / "elsewhere"))
    settings.cache_clear()
    assert jobs.list_jobs() == ()
    open_database.cache_clear()
    assert jobs.list_jobs() == ()

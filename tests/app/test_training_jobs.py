"""Training jobs: a recipe is written, estimated, started and watched; what failed says why, what finished is used."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from stand_ins import failure, texts
from streamlit.testing.v1 import AppTest
from training_folders import make_job, spec

from tests.tiny_models import install_tiny_model
from wbc_core.jobs.queue import open_queue
from wbc_core.jobs.staff import Staff
from wbc_core.services.jobs import list_jobs
from wbc_core.settings import ROOT, settings

PAGE = "../../pages/lab/training_jobs.py"
Opened = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A queue, a data set and models of the test's own; no worker takes anything up."""
    for name in ("RUNS", "MODELS", "DATA", "DATASETS", "CACHE"):
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name.lower()))
    settings.cache_clear()
    st.cache_data.clear()  # estimates of a test before
    (tmp_path / "models" / "recipes").mkdir(parents=True)
    shutil.copy(ROOT / "models" / "recipes" / "wbc8-lite0.yaml", tmp_path / "models" / "recipes")
    own = tmp_path / "data" / "own"
    own.mkdir(parents=True)
    with (own / "split.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "label", "group", "split"])
        for number, part in enumerate(["train"] * 12 + ["val"] * 4):
            name = f"{number}.png"
            (own / name).write_bytes(b"")
            rows.writerow([name, ("eosinophil", "neutrophil")[number % 2], str(number), part])
    yield
    settings.cache_clear()


@pytest.fixture
def opened(open_home: Callable[[], AppTest]) -> Opened:
    """Return a function that opens the page, on one job where it is named."""

    def open_page(job: str | None = None) -> AppTest:
        page = open_home().switch_page(PAGE)
        if job is not None:
            page.query_params["job"] = job
        page.run()
        assert not page.exception
        return page

    return open_page


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def field(page: AppTest, kind: str, name: str) -> object:
    return getattr(page, kind)(key=f"jobs_form__{name}")


def test_without_jobs_the_form_comes_first_and_a_missing_worker_is_said(opened: Opened) -> None:
    page = opened()
    assert page.title[0].value == "Train a model"
    assert page.warning[0].proto.title == "No worker is running"
    assert field(page, "text_input", "title").value == "My model"
    assert not page.error


def test_with_a_worker_nothing_is_said_of_it(opened: Opened) -> None:
    from wbc_core.jobs.processes import process_name

    Staff(open_queue(settings()).engine).beat(str(process_name()))
    assert not opened().warning


def test_the_form_starts_a_job_with_what_was_entered(opened: Opened) -> None:
    page = opened()
    field(page, "text_input", "title").set_value("Two types")
    field(page, "text_input", "id").set_value("two-types")
    field(page, "number_input", "epochs").set_value(2)
    field(page, "number_input", "rate").set_value(0.002)
    field(page, "slider", "strength").set_value(0.5)
    field(page, "selectbox", "schedule").set_value("constant")
    field(page, "toggle", "balanced").set_value(True)
    page.selectbox(key="jobs_device").set_value("cpu").run()
    page.button(key="jobs_start").click().run()
    assert not page.exception
    (job,) = list_jobs()
    assert page.query_params["job"] == job.id
    assert (job.title, job.recipe_id, job.device, job.state) == ("Two types", "two-types", "cpu", "queued")
    text = open_queue(settings()).get(job.id).spec
    for line in ("epochs: 2", "learning_rate: 0.002", "kind: constant", "class_weights: balanced"):
        assert line in text
    assert "Two types" in texts(page)
    assert "Waiting" in [badge.proto.body for badge in page.get("badge")] or "Waiting" in texts(page)


def test_what_it_will_take_is_said_before_the_start(opened: Opened) -> None:
    page = opened()
    assert page.info[0].proto.title == "What it will take"
    assert "12 epochs" in page.info[0].value


def test_a_recipe_of_the_project_fills_the_form(opened: Opened) -> None:
    page = opened()
    page.selectbox(key="jobs_form_start").set_value("wbc8-lite0").run()
    assert page.text_input(key="jobs_form_wbc8-lite0_id").value == "wbc8-lite0"
    assert page.number_input(key="jobs_form_wbc8-lite0_epochs").value == 22
    assert "This recipe's data set pbc and kaggle and raabin is not here: choose others." in texts(page)
    assert failure(page) == ("No data set is chosen.", "Choose at least one.")
    assert page.button(key="jobs_start").disabled


def test_a_wrong_value_is_named_and_nothing_can_be_started(opened: Opened) -> None:
    page = opened()
    field(page, "text_input", "id").set_value("Not Allowed").run()
    assert failure(page)[0] == "The id 'Not Allowed' is not allowed."
    assert page.button(key="jobs_start").disabled
    field(page, "text_input", "id").set_value("allowed").run()
    assert not page.error
    assert not page.button(key="jobs_start").disabled


def test_the_recipe_can_be_edited_as_yaml_with_the_same_checks(opened: Opened) -> None:
    page = opened()
    field(page, "number_input", "epochs").set_value(3).run()
    page.session_state["jobs_form_tab"] = "Edit as YAML"
    page.session_state["jobs_form_yaml"] = spec("Typed", epochs=3).replace("epochs: 3", "epochs: 0")
    page.run()
    assert failure(page)[0].startswith("In the recipe in the editor, optimisation.epochs is 0:")
    assert page.button(key="jobs_start").disabled
    page.text_area(key="jobs_form_yaml").set_value(spec("Typed", epochs=3)).run()
    page.button(key="jobs_start").click().run()
    assert [job.title for job in list_jobs()] == ["Typed"]
    assert open_queue(settings()).get(list_jobs()[0].id).spec.startswith("id: trained-here")


def test_a_data_set_whose_pictures_are_gone_is_named_before_the_start(opened: Opened) -> None:
    (settings().data_dir / "own" / "0.png").unlink()
    page = opened()
    assert "is not there" in failure(page)[0]
    assert page.button(key="jobs_start").disabled


def test_where_training_is_switched_off_the_page_says_so_and_still_lists(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WBC_JOBS_WORKER", "0")
    settings.cache_clear()
    page = opened()
    assert page.info[0].proto.title == "Training is switched off on this host"
    assert not page.text_input
    job = make_job("failed", title="Listed", message="It broke.", hint="Look.")
    assert "Listed" in texts(opened())
    assert "Resume" not in labels(opened(job.id))


def test_jobs_are_listed_ten_at_a_time_the_newest_first(opened: Opened) -> None:
    for number in range(12):
        make_job("finished", title=f"Number {number}")
    page = opened()
    shown = [line for line in texts(page).splitlines() if line.startswith("**Number")]
    assert shown == [f"**Number {number}**" for number in range(11, 1, -1)]
    assert labels(page).count("Open") == 10


def test_a_job_opens_from_the_list_and_leads_back(opened: Opened) -> None:
    job = make_job("queued", title="Look at me")
    page = opened()
    page.button(key=f"jobs_open_{job.id}").click().run()
    assert page.header[0].value == "Look at me"
    assert page.query_params["job"] == job.id
    page.button(key="jobs_back").click().run()
    assert not page.header
    assert "job" not in page.query_params


def test_a_running_job_shows_progress_time_left_and_its_curves(opened: Opened) -> None:
    now = time.time()
    job = make_job("running", epochs_done=3, epochs=8, step=2, steps=5, eta_s=600.0, progress=0.4, heartbeat=now)
    page = opened(job.id)
    assert "Epoch 4 of 8, batch 2 of 5 · about 10 min left" in page.get("progress")[0].proto.text.replace("\\", "")
    assert not page.warning
    assert "Cancel" in labels(page)
    assert page.get("arrow_vega_lite_chart") or page.get("vega_lite_chart")


def test_a_job_that_gives_no_sign_of_life_says_for_how_long(opened: Opened) -> None:
    job = make_job("running", epochs_done=3, epochs=8, heartbeat=time.time() - 200)
    page = opened(job.id)
    assert [warning.proto.title for warning in page.warning] == ["No sign of life for 3 min"]


def test_a_waiting_job_without_a_worker_says_what_it_waits_for(opened: Opened) -> None:
    page = opened(make_job("queued").id)
    assert [warning.proto.title for warning in page.warning] == ["No worker is running"]


def test_a_failed_job_shows_message_hint_and_the_end_of_its_log_and_can_be_resumed(opened: Opened) -> None:
    job = make_job("failed", epochs_done=2, message="The disk is full.", hint="Make room, then resume.")
    page = opened(job.id)
    assert failure(page) == ("The disk is full.", "Make room, then resume.")
    assert "the last line of the log" in page.code[0].value
    page.button(key="jobs_resume").click().run()
    assert not page.exception
    assert list_jobs()[0].state == "queued"
    assert not page.error


def test_a_waiting_job_is_cancelled(opened: Opened) -> None:
    page = opened(make_job("queued").id)
    page.button(key="jobs_cancel").click().run()
    assert list_jobs()[0].state == "cancelled"


def test_a_button_that_comes_too_late_says_why(opened: Opened) -> None:
    job = make_job("queued")
    page = opened(job.id)
    open_queue(settings()).request_cancel(job.id)
    page.button(key="jobs_cancel").click().run()
    assert not page.exception
    assert "cannot be cancelled" in failure(page)[0]


def test_a_finished_job_is_promoted_and_its_model_chosen_on_the_single_image_page(opened: Opened) -> None:
    job = make_job("finished", title="Well trained", epochs_done=8)
    exported = install_tiny_model(settings().models_dir, "trained-here", "Well trained", ["eosinophil", "neutrophil"])
    shutil.move(exported, job.run_dir / "export")
    install_tiny_model(settings().models_dir, "older", "Older model", ["eosinophil", "neutrophil"])
    page = opened(job.id)
    page.button(key="jobs_promote").click().run()
    assert not page.exception
    assert not page.error
    assert (settings().models_dir / "trained-here" / "card.json").is_file()
    assert "Use this model" not in labels(page)
    page.button(key="jobs_use").click().run()
    assert not page.exception
    assert page.title[0].value == "What cell is this?"
    assert page.selectbox(key="single_model").value == "trained-here"


def test_another_model_of_the_same_id_is_replaced_only_when_asked(opened: Opened) -> None:
    job = make_job("finished", title="Well trained", epochs_done=8)
    exported = install_tiny_model(settings().models_dir, "trained-here", "New", ["monocyte", "neutrophil"])
    shutil.move(exported, job.run_dir / "export")
    there = install_tiny_model(settings().models_dir, "trained-here", "Old", ["eosinophil", "neutrophil", "basophil"])
    page = opened(job.id)
    assert page.button(key="jobs_promote").disabled
    page.checkbox(key="jobs_replace").check().run()
    page.button(key="jobs_promote").click().run()
    assert not page.error
    assert '"New"' in (there / "card.json").read_text()


def test_a_job_that_is_not_there_is_named_and_leads_back(opened: Opened) -> None:
    page = opened("j-none")
    assert failure(page)[0] == "There is no job 'j-none'."
    assert "All jobs" in labels(page)


def test_where_training_is_switched_off_a_missing_worker_is_said_only_to_jobs_that_wait(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WBC_JOBS_WORKER", "false")
    settings.cache_clear()
    make_job("finished")
    assert not opened().warning
    make_job("queued")
    assert [warning.proto.title for warning in opened().warning] == ["No worker is running"]


def test_a_failed_job_goes_on_with_another_device(opened: Opened) -> None:
    page = opened(make_job("failed", message="The GPU failed while the run used it.").id)
    page.selectbox[0].set_value("cpu").run()
    page.button(key="jobs_resume").click().run()
    assert not page.exception
    job = list_jobs()[0]
    assert (job.state, job.device) == ("queued", "cpu")
    assert not opened(make_job("cancelled").id).selectbox

"""Training curves: runs are chosen by name or by link, laid over each other, judged in words, and taken away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stand_ins import texts
from streamlit.testing.v1 import AppTest
from training_folders import make_run

from benchmarks.run_listing import write_runs
from tests.curve_files import curve, event_file
from wbc_core.runs.folder import write_status
from wbc_core.settings import settings
from wbc_core.ui.curve_chart import PALETTE, PANELS, figure, in_words, legend_html, long_form, panel_chart
from wbc_core.ui.curve_downloads import drawn

PAGE = "../../pages/lab/training_curves.py"
Opened = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No runs and no models but those of the test."""
    for name in ("RUNS", "MODELS", "DATA", "DATASETS"):
        monkeypatch.setenv(f"WBC_{name}_DIR", str(tmp_path / name.lower()))
    (tmp_path / "runs").mkdir()
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def opened(open_home: Callable[[], AppTest]) -> Opened:
    """Return a function that opens the page, for runs named in its address."""

    def open_page(*runs: str) -> AppTest:
        page = open_home().switch_page(PAGE)
        if runs:
            page.query_params["run"] = list(runs)
        page.run()
        assert not page.exception
        return page

    return open_page


def titles(page: AppTest) -> list[str]:
    return [alert.proto.title.replace("\\", "") for alert in [*page.error, *page.info]]


def test_without_any_run_the_page_says_how_to_come_by_one(opened: Opened) -> None:
    page = opened()
    assert page.title[0].value == "How did the training go?"
    assert "No training chosen yet. The curves appear here." in texts(page).replace("**", "")
    assert "Start one on the page Training jobs" in texts(page)


def test_a_first_curve_is_one_click_away(opened: Opened) -> None:
    make_run("one", title="Only run")
    page = opened()
    page.button(key="curves_first").click().run()
    assert not page.exception
    assert page.query_params["run"] == "one"
    assert "Only run" in texts(page)


def test_a_link_opens_its_runs_with_charts_table_and_words(opened: Opened) -> None:
    make_run("one", title="First")
    make_run("two", title="Second")
    page = opened("two", "one")
    assert page.multiselect(key="curves_chosen").value == ["two", "one"]
    table = page.dataframe[0].value
    assert list(table["Run"]) == ["Second", "First"]
    assert list(table["Best epoch"]) == [5, 5]
    assert list(table["Gap at best"]) == [pytest.approx(0), pytest.approx(0)]
    assert "Overfitting starts after epoch 5" in texts(page)


def test_the_choice_goes_into_the_address_and_an_unknown_run_is_named(opened: Opened) -> None:
    make_run("one")
    page = opened("gone", "one")
    assert titles(page) == ["There is no run named gone."]
    assert page.multiselect(key="curves_chosen").value == ["one"]
    make_run("two", title="Another")
    page.multiselect(key="curves_chosen").set_value(["one", "two"]).run()
    assert page.query_params["run"] == ["one", "two"]
    assert not page.error


def test_two_runs_of_one_title_are_told_apart_by_their_id(opened: Opened) -> None:
    make_run("one")
    make_run("two")
    assert list(opened("one", "two").dataframe[0].value["Run"]) == ["A training (one)", "A training (two)"]


def test_what_was_done_differently_is_listed(opened: Opened) -> None:
    make_run("one", title="First")
    folder = make_run("two", title="Second")
    (folder / "spec.yaml").write_text((folder / "spec.yaml").read_text().replace("0.001", "0.01"))
    page = opened("one", "two")
    rows = page.dataframe[1].value
    assert rows.to_numpy().tolist() == [
        ["title", "First", "Second"],
        ["optimisation.learning_rate", "0.001", "0.01"],
    ]
    assert "-title: First" in page.code[0].value


def test_a_failed_run_shows_its_reason_and_the_epochs_it_has(opened: Opened) -> None:
    make_run("one", "failed", title="Broken", message="The disk is full.", hint="Make room, then resume.")
    page = opened("one")
    assert titles(page) == ["Broken"]
    assert "The disk is full. Make room, then resume." in texts(page)
    assert page.dataframe[0].value["State"][0] == "Failed"


def test_a_run_whose_history_is_broken_shows_what_is_broken_beside_the_others(opened: Opened) -> None:
    make_run("one", title="Sound")
    folder = make_run("two", title="Broken")
    (folder / "history.csv").write_bytes(b"\xff\xfe\x00")
    page = opened("one", "two")
    assert titles(page) == ["Broken"]
    assert "is no text file" in texts(page)
    assert list(page.dataframe[0].value["Run"]) == ["Sound"]


def test_a_run_before_its_first_epoch_is_no_fault(opened: Opened) -> None:
    make_run("one", "running", title="Fresh", epochs_done=0)
    page = opened("one")
    assert not page.error
    assert "has no finished epoch yet" in texts(page) or "has no finished epoch yet" in page.info[0].value


def test_a_run_that_goes_on_renews_itself_and_says_for_how_long_it_was_silent(opened: Opened) -> None:
    folder = make_run("one", "running")
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps(status | {"heartbeat": status["heartbeat"] - 200}))
    page = opened("one")
    assert page.dataframe[0].value["State"][0] == "Running, no sign of life for 3 min"
    assert "renewed every 5 seconds" in texts(page)
    write_status(folder, "finished")
    page.run()
    assert "renewed every" not in texts(page)


def test_uploads_are_shown_beside_runs_and_a_bad_one_beside_the_good(opened: Opened) -> None:
    make_run("one", title="Here")
    page = opened("one")
    page.file_uploader(key="curves_upload").upload("log.csv", b"epoch,acc,val_acc,loss,val_loss\n0,0.5,0.5,1,1\n")
    page.file_uploader(key="curves_upload").upload("events.out.tfevents.1.h.2.v2", event_file({"loss": [1.0, 0.5]}))
    page.file_uploader(key="curves_upload").upload("notes.csv", b"nothing\n")
    page.run()
    assert not page.exception
    assert list(page.dataframe[0].value["Run"]) == ["Here", "log.csv", "events.out.tfevents.1.h.2.v2"]
    assert titles(page) == ["notes.csv"]
    assert "Only one epoch so far" in texts(page)


def test_a_thousand_runs_can_be_chosen_from(opened: Opened) -> None:
    write_runs(settings().runs_dir, 1000)
    page = opened("j-20260101-0990")
    assert len(page.multiselect(key="curves_chosen").options) == 1000
    assert list(page.dataframe[0].value["Run"]) == ["Training number 990"]


def test_hostile_titles_are_shown_letter_by_letter(opened: Opened) -> None:
    make_run("one", title="<img src=x onerror=alert(1)> :red[f] $b$")
    page = opened("one")
    marked = [element.value for kind in (page.markdown, page.caption) for element in kind]
    assert not any("<img" in value.replace("\\<", "") or ":red[" in value.replace("\\:", "") for value in marked)
    assert "<img" not in legend_html(["<img src=x>"])


def test_smoothing_leaves_the_raw_values_visible_and_the_learning_rate_alone() -> None:
    shown = curve(accuracy=[0.1, 0.9, 0.5], val_accuracy=[0.2, 0.8, 0.4], learning_rate=[0.1, 0.01, 0.001])
    accuracy = long_form(PANELS[0], {"A": shown}, 0.5)
    assert list(accuracy["raw"][:3]) == [0.1, 0.9, 0.5]
    assert list(accuracy["value"][:3]) != [0.1, 0.9, 0.5]
    rate = long_form(PANELS[2], {"A": shown}, 0.5)
    assert list(rate["value"]) == [0.1, 0.01, 0.001]
    chart = panel_chart(PANELS[0], {"A": shown}, 0.5)
    assert chart is not None
    assert chart.layer[0].mark.opacity == 0.3
    assert chart.layer[0].encoding.y.shorthand == "raw:Q"


def test_training_is_dashed_validation_solid_and_the_best_epoch_marked() -> None:
    shown = curve(loss=[3, 2, 1], val_loss=[2, 1, 3])
    rows = long_form(PANELS[1], {"A": shown}, 0.0)
    assert rows[rows["best"] == "yes"][["part", "epoch"]].to_numpy().tolist() == [["validation (solid)", 2]]
    spec = figure({"A": shown}, 0.0).to_dict()
    dashes = spec["vconcat"][0]["layer"][0]["encoding"]["strokeDash"]["scale"]
    assert dict(zip(dashes["domain"], dashes["range"], strict=True)) == {
        "training (dashed)": [5, 4],
        "validation (solid)": [1, 0],
    }


def test_a_chart_is_told_in_words_for_readers_who_do_not_see_it() -> None:
    shown = curve(loss=[3, 2], val_loss=[2, 1], accuracy=[0.4, 0.6], val_accuracy=[0.5, 0.75])
    assert in_words(PANELS[0], {"A": shown}) == (
        "Accuracy on validation pictures by epoch. A: from 50.0 % at epoch 1 to 75.0 % at epoch 2."
    )


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_the_charts_are_drawn_as_files(kind: str, start: bytes) -> None:
    shown = curve(loss=[3, 2], val_loss=[2, 1], accuracy=[0.4, 0.6], val_accuracy=[0.5, 0.75])
    data = drawn({"A & B": shown}, 0.0, kind)  # type: ignore[arg-type]
    assert data.startswith(start)
    if kind == "svg":
        assert b"training (dashed)" in data
        assert b"A &amp; B" in data


@pytest.mark.parametrize("ground", ["#ffffff", "#050407"])
def test_every_colour_of_a_run_stands_out_from_both_grounds(ground: str) -> None:
    from test_config import contrast

    assert all(contrast(colour, ground) >= 3 for colour in PALETTE)

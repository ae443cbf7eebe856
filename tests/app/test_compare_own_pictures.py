"""On the Compare page: pictures of one's own through the chosen models, and the parts of a set."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import streamlit as st
from stand_ins import texts
from streamlit.testing.v1 import AppTest

from tests.compared_models import SET, draw_pictures, install_predicting_model, predictions
from wbc_core.datasets.synthetic import render_cell
from wbc_core.evaluation.subgroups import by_key
from wbc_core.services.comparing import compare_models
from wbc_core.ui.compare_live import Kept, on_this_computer, summary
from wbc_core.ui.compare_parts import weakest_in_words

PAGE = "../../pages/lab/compare_models.py"
LABELS = ("basophil", "eosinophil", "neutrophil")
WAIT_S = 120  # for a busy machine
Opened = Callable[[], AppTest]


@pytest.fixture(autouse=True)
def two_models(folders: Path) -> None:
    for number, (model_id, noise) in enumerate((("good", 1.0), ("poor", 4.0))):
        install_predicting_model(
            folders / "models", model_id, f"{model_id.title()} model", LABELS, pictures=90, noise=noise, seed=number
        )


@pytest.fixture
def opened(open_home: Callable[[], AppTest]) -> Callable[..., AppTest]:
    def open_page(part: str = "Figures") -> AppTest:
        page = open_home().switch_page(PAGE)
        page.session_state["compare_view"] = part
        page.session_state["compare_live_box"] = True
        page.run(timeout=120)
        assert not page.exception
        return page

    return open_page


def archive() -> bytes:
    """Twelve drawn cells in class folders, and one of a class that no model knows."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for number in range(12):
            label = LABELS[number % 3]
            picture = cv2.imencode(".png", render_cell(label, seed=number, size=96)[..., ::-1])[1].tobytes()
            packed.writestr(f"{label}/{number}.png", picture)
        packed.writestr("platelet/x.png", picture)
    return stream.getvalue()


def test_a_zip_is_run_through_the_models_and_joins_the_tables_with_its_pictures(
    opened: Callable[..., AppTest],
) -> None:
    page = opened("Confusion")
    page.file_uploader(key="compare_live_upload").upload("mine.zip", archive())
    page.run()
    page.button(key="compare_live_start").click().run()
    assert not page.exception
    kept: Kept = page.session_state["compare_live"]
    kept.run.wait(WAIT_S)
    page.run()
    assert not page.exception
    assert page.selectbox(key="compare_set").value == "mine (run here)"
    assert page.query_params["set"] == SET
    shown = texts(page).replace("**", "")
    assert "12 pictures of mine (run here) · 2 models · 3 classes" in shown.replace("\\", "")
    assert "Good model and Poor model answered 13 pictures" in shown.replace("\\", "")
    assert "1 picture labelled platelet left out" in shown.replace("\\", "")
    page.segmented_control(key="compare_pictures").set_value("One cell of a matrix").run()
    lineup = kept.run.tables["good"]
    assert len(lineup) == 12
    place = kept.folder
    assert place is not None
    page.button(key="compare_live_remove").click().run()
    assert not Path(place.name).exists()
    assert page.selectbox(key="compare_set").value == SET


def test_what_cannot_be_run_is_said(opened: Callable[..., AppTest]) -> None:
    page = opened()
    page.file_uploader(key="compare_live_upload").upload("cell.png", b"whatever it is")
    page.run()
    page.button(key="compare_live_start").click().run()
    assert [alert.proto.title for alert in page.error] == ["The pictures have no labels\\."]
    assert "compare_live" not in page.session_state


@pytest.mark.parametrize(
    ("labels", "source", "title"),
    [
        (
            ("platelet", "erythroblast"),
            SET,
            "good, poor and theirs.csv have fewer than two labels in common. The added files are left out.",
        ),
        (LABELS, "elsewhere", "theirs.csv has no test set in common with the chosen models, so it is left out."),
    ],
)
def test_predictions_that_answer_another_question_are_left_out_and_the_rest_stands(
    opened: Callable[..., AppTest], labels: tuple[str, ...], source: str, title: str
) -> None:
    page = opened()
    page.session_state["compare_upload_box"] = True
    page.run()
    page.file_uploader(key="compare_upload").upload("theirs.csv", predictions(labels, 90, 0.5, source=source))
    page.run()
    assert not page.exception
    assert title in [alert.proto.title.replace("\\", "") for alert in page.error]
    figures = next(html.proto.body for html in page.html if "<table" in html.proto.body)
    assert re.findall(r'<th scope="row"[^>]*>([^<]*)</th>', figures) == ["Good model", "Poor model"]


def test_a_folder_of_the_server_can_be_named_on_the_same_computer_only(
    opened: Callable[..., AppTest], folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_network, this_computer = {"server.address": "0.0.0.0"}, {"server.address": "127.0.0.1"}
    monkeypatch.setattr(st, "get_option", every_network.get)
    assert not on_this_computer()
    page = opened()
    assert not [box for box in page.text_input if box.key == "compare_live_path"]
    monkeypatch.setattr(st, "get_option", this_computer.get)
    assert on_this_computer()
    draw_pictures(folders / "data", LABELS, 12, source="own")
    page = opened()
    page.text_input(key="compare_live_path").set_value(str(folders / "data" / "own")).run()
    page.button(key="compare_live_start").click().run()
    kept: Kept = page.session_state["compare_live"]
    assert kept.folder is None
    kept.run.wait(WAIT_S)
    assert summary(kept.run, {"good": "Good", "poor": "Poor", "new": "New"}) == [
        "Good and Poor answered 12 pictures; choose own (run here) as test set to see the figures.",
        "New was not asked: take the run out and start it again for all.",
    ]


def test_parts_of_the_set_are_shown_the_weakest_first(opened: Callable[..., AppTest], folders: Path) -> None:
    draw_pictures(folders / "data", LABELS, 90)
    page = opened("Parts of the set")
    assert "The set gives no finer label than the class" in page.info[0].value
    assert not page.error
    page.segmented_control(key="compare_parts_by").set_value("brightness").run(timeout=120)
    assert not page.exception
    table = page.dataframe[0].value
    assert set(table["Part"]) <= {"Dark", "Medium", "Bright"}
    assert list(table.columns) == ["Part", "Pictures", "Good model", "Poor model"]
    assert "one or the other looks weak by chance alone" in texts(page)


def test_a_part_is_named_where_its_interval_leaves_the_whole_out() -> None:
    comparison = compare_models(["poor"])
    right = comparison.lineup.right[0]
    keys = np.where(right, "easy", "hard").tolist()
    parts = by_key(comparison.lineup, keys)
    sentences = weakest_in_words(comparison, parts, "group", {"poor": "Poor"})
    assert sentences[0].startswith("**Weakest part of Poor**: hard, 0.0 % (0.0–")
    assert f"on {int((~right).sum())} pictures" in sentences[0]
    assert weakest_in_words(comparison, parts[:1], "group", {"poor": "Poor"}) == [
        "No part of Poor lies below the whole by more than its interval allows."
    ]

"""The error gallery: sorted by how wrong, filtered, looked at closely, and doubts about labels taken away."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stand_ins import texts
from streamlit.testing.v1 import AppTest

from tests.compared_models import SET, draw_pictures, install_predicting_model
from wbc_core.errors import DatasetError
from wbc_core.services.error_gallery import Answers, NotedLabel, answers_of, note_of, noted_csv
from wbc_core.ui.error_detail import in_words
from wbc_core.ui.error_gallery import ON_A_PAGE

pytestmark = pytest.mark.usefixtures("folders")
PAGE = "../../pages/lab/error_gallery.py"
LABELS = ("basophil", "eosinophil", "neutrophil")
PICTURES = 120
Opened = Callable[..., AppTest]


@pytest.fixture
def two_models(folders: Path) -> None:
    for number, (model_id, noise) in enumerate((("fair", 2.0), ("poor", 4.0))):
        install_predicting_model(
            folders / "models", model_id, model_id.capitalize(), LABELS, pictures=PICTURES, noise=noise, seed=number
        )


@pytest.fixture
def opened(open_home: Callable[[], AppTest]) -> Opened:
    def open_page(**address: str) -> AppTest:
        page = open_home().switch_page(PAGE)
        for key, value in address.items():
            page.query_params[key] = value
        page.run(timeout=120)
        assert not page.exception
        return page

    return open_page


def pictures(page: AppTest) -> list[str]:
    return [html.proto.body for html in page.html if "<figure" in html.proto.body]


def first_button(page: AppTest) -> int:
    return next(int(button.key.removeprefix("errors_open_")) for button in page.button if "errors_open_" in button.key)


def test_without_models_the_page_says_what_it_needs(opened: Opened) -> None:
    assert "No model brings its test predictions." in texts(opened())


def test_mistakes_stand_first_by_how_wrong_they_are(two_models: None) -> None:
    answers = answers_of("poor", SET)
    rows = answers.rows("mistakes")
    assert len(rows) == (answers.said != answers.table.truth).sum() > ON_A_PAGE
    assert (np.diff(answers.of_truth[rows]) >= 0).all()
    sure_of = answers.confidence[answers.rows("uncertain")]
    assert len(sure_of) == PICTURES
    assert (np.diff(sure_of) >= 0).all()
    (truth, said), count = next(iter(answers.pairs().items()))
    assert len(answers.rows("mistakes", pair=(truth, said))) == count
    silent = answers.rows("mistakes", status="unidentified")
    assert set(silent) | set(answers.rows("mistakes", status="classified")) == set(rows)
    assert (answers.confidence[silent] < answers.threshold).all()
    with pytest.raises(DatasetError, match="have no picture of the set 'elsewhere'"):
        answers_of("poor", "elsewhere")


def test_the_page_is_linked_filtered_and_paged(opened: Opened, two_models: None, folders: Path) -> None:
    draw_pictures(folders / "data", LABELS, PICTURES)
    page = opened(model="poor", set="elsewhere")
    assert page.selectbox(key="errors_model").value == "poor"
    assert page.query_params["set"] == SET
    assert [alert.proto.title for alert in page.error] == ["There is no test set named elsewhere here\\."]
    answers = answers_of("poor", SET)
    assert f"{len(answers.rows('mistakes'))} pictures" in texts(page)
    assert len(pictures(page)) == ON_A_PAGE
    assert all("data:image/jpeg" in body for body in pictures(page))
    page.number_input(key="errors_page").set_value(2).run()
    assert first_button(page) == answers.rows("mistakes")[ON_A_PAGE]
    page.selectbox(key="errors_status").set_value("unidentified").run()
    page.selectbox(key="errors_pair").set_value("basophil>eosinophil").run()
    expected = answers.rows("mistakes", pair=("basophil", "eosinophil"), status="unidentified")
    assert f"{len(expected)} picture" in texts(page)
    page.segmented_control(key="errors_kind").set_value("suspected").run()
    assert not page.exception
    assert "Look before you believe either." in texts(page)


def test_a_picture_is_looked_at_closely_its_label_doubted_and_the_doubts_taken_away(
    opened: Opened, two_models: None, folders: Path
) -> None:
    draw_pictures(folders / "data", LABELS, PICTURES)
    page = opened(model="poor")
    rows = answers_of("poor", SET).rows("mistakes")
    page.button(key=f"errors_open_{rows[0]}").click().run()
    assert not page.exception
    assert "The set says" in texts(page)
    assert [expander.label for expander in page.expander] == ["Where it looked"]
    page.text_input(key=f"errors_note_{SET}_{rows[0]}").set_value("=1+1").run()
    page.button(key="errors_note_it").click().run()
    assert "Noted: the label looks wrong" in texts(page)
    page.button(key="errors_next").click().run()
    assert f"2 of {len(rows)}" in texts(page)
    page.button(key="errors_back").click().run()
    assert "Label noted as wrong" in pictures(page)[0]
    assert "1 label of this set" in texts(page)
    page.button(key=f"errors_open_{rows[0]}").click().run()
    page.button(key="errors_unnote").click().run()
    assert "1 label of this set" not in texts(page)


def test_a_picture_that_is_not_at_hand_says_why_and_can_be_doubted_all_the_same(
    opened: Opened, two_models: None
) -> None:
    page = opened(model="poor")
    assert all("not at hand" in body for body in pictures(page))
    assert "These pictures are not at hand here" in texts(page)
    page.button(key=f"errors_open_{first_button(page)}").click().run()
    assert page.info[0].proto.title == "The picture is not at hand here"
    assert page.button(key="errors_note_it")


def test_doubts_are_a_table_in_which_nothing_is_a_formula(two_models: None) -> None:
    answers: Answers = answers_of("poor", SET)
    row = int(answers.rows("mistakes")[0])
    noted = note_of(answers, row, "=HYPERLINK(1)")
    assert noted.truth == answers.table.labels[answers.table.truth[row]]
    assert noted.suggested == answers.table.labels[answers.said[row]]
    lines = list(csv.DictReader(io.StringIO(noted_csv({"a": noted, "b": NotedLabel("@b.png", "x", "y", 0.25)}))))
    assert list(lines[0]) == ["file", "truth", "suggested", "probability", "note"]
    assert lines[0]["note"] == "'=HYPERLINK(1)"
    assert lines[1] == {"file": "'@b.png", "truth": "x", "suggested": "y", "probability": "0.250000", "note": ""}


def test_a_picture_in_words_says_what_the_set_and_the_model_say(two_models: None) -> None:
    answers = answers_of("poor", SET)
    wrong = answers.rows("mistakes", status="unidentified")
    words = " ".join(in_words(answers, int(wrong[0])))
    assert words.startswith("**The set says** ")
    assert "It would not answer" in words
    right = np.flatnonzero(answers.said == answers.table.truth)[0]
    assert "as the set does" in " ".join(in_words(answers, int(right)))

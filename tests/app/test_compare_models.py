"""Models side by side: chosen by link, sorted, judged in words, with the pictures behind every figure, to take away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from stand_ins import texts
from streamlit.testing.v1 import AppTest

from tests.compared_models import SET, draw_pictures, file_name, install_predicting_model, predictions
from wbc_core.evaluation.figures import METRICS
from wbc_core.evaluation.prediction_table import parse_predictions
from wbc_core.services.comparing import ShippedPredictions, compare_models, compare_tables
from wbc_core.settings import settings
from wbc_core.ui.compare_choice import MOST, Compared, first_choice, shared_sets, shown_names
from wbc_core.ui.compare_classes import class_bars, curve_chart
from wbc_core.ui.compare_downloads import drawn, figures_csv, printed
from wbc_core.ui.compare_matrix import difference_chart, matrix_chart, matrix_in_words
from wbc_core.ui.compare_one_picture import agreement
from wbc_core.ui.compare_table import missing_in_words, sorted_rows, words_table
from wbc_core.ui.compare_thumbnails import gallery_html
from wbc_core.ui.compare_words import telling_first

pytestmark = pytest.mark.usefixtures("folders")
PAGE = "../../pages/lab/compare_models.py"
LABELS = ("basophil", "eosinophil", "neutrophil")
PICTURES = 120
HOSTILE = "<img src=x onerror=alert(1)> :red[f]"
Opened = Callable[..., AppTest]


@pytest.fixture
def three_models(folders: Path) -> None:
    """A good, a fair and a poor model; the poor one has no measured speed."""
    for number, (model_id, noise, speed) in enumerate((("good", 1.0, 50.0), ("fair", 2.0, 90.0), ("poor", 4.0, None))):
        install_predicting_model(
            folders / "models",
            model_id,
            f"{model_id.capitalize()} model",
            LABELS,
            pictures=PICTURES,
            noise=noise,
            seed=number,
            images_per_second=speed,
        )


@pytest.fixture
def opened(open_home: Callable[[], AppTest]) -> Opened:
    """Return a function that opens the page at one of its parts, for models and a set named in its address."""

    def open_page(*models: str, part: str = "Figures", test_set: str = "") -> AppTest:
        page = open_home().switch_page(PAGE)
        page.session_state["compare_view"] = part
        if models:
            page.query_params["model"] = list(models)
        if test_set:
            page.query_params["set"] = test_set
        page.run(timeout=120)
        assert not page.exception
        return page

    return open_page


def models_in_figures(page: AppTest) -> list[str]:
    """Names of the models in the table of figures, from top to bottom."""
    body = next(html.proto.body for html in page.html if "<table" in html.proto.body)
    return re.findall(r'<th scope="row"[^>]*>([^<]*)</th>', body)


def titles(page: AppTest) -> list[str]:
    return [re.sub(r"\\([^\w\s])", r"\1", alert.proto.title) for alert in page.error]


def comparison_of(*models: str, names: dict[str, str] | None = None) -> Compared:
    found = compare_models(models)
    return Compared(found, names or {name: f"{name.capitalize()} model" for name in models}, models)


def test_without_models_the_page_says_what_it_needs(opened: Opened) -> None:
    page = opened()
    assert "No model chosen yet. The comparison appears here." in texts(page).replace("**", "")
    assert not page.error


def test_all_models_of_a_set_are_compared_at_first_and_the_best_is_named_in_words(
    opened: Opened, three_models: None
) -> None:
    page = opened()
    assert models_in_figures(page) == ["Good model", "Fair model", "Poor model"]
    assert page.query_params["model"] == ["fair", "good", "poor"]
    assert page.query_params["set"] == SET
    shown = texts(page).replace("**", "")
    assert "120 pictures of drawn · 3 models · 3 classes" in shown
    assert "Best in Accuracy: Good model, higher is better" in shown
    assert "No slide or donor is known" in shown
    page.selectbox(key="compare_sort").set_value("log_loss").run()
    assert "Best in Log loss: Good model, lower is better" in texts(page).replace("**", "")


def test_a_link_opens_its_models_and_what_it_names_wrongly_is_said_and_ignored(
    opened: Opened, three_models: None
) -> None:
    page = opened("poor", "gone", "fair", test_set="elsewhere")
    assert page.multiselect(key="compare_models").value == ["poor", "fair"]
    assert titles(page) == [
        "There is no model named gone that brings its test predictions.",
        "The chosen models share no test set named elsewhere.",
    ]
    assert models_in_figures(page) == ["Fair model", "Poor model"]
    page.multiselect(key="compare_models").set_value(["good", "fair"]).run()
    assert page.query_params["model"] == ["good", "fair"]
    assert not page.error


def test_predictions_of_another_program_stand_beside_ours_and_a_bad_file_says_what_is_wrong(
    opened: Opened, three_models: None
) -> None:
    page = opened("good")
    page.session_state["compare_upload_box"] = True
    page.run()
    sound = predictions(LABELS, PICTURES, 0.5, seed=9)
    lines = sound.decode().splitlines()
    lines[3] = ",".join([*lines[3].split(",")[:-1], "nan"])
    page.file_uploader(key="compare_upload").upload("theirs.csv", sound)
    page.file_uploader(key="compare_upload").upload("broken.csv", "\n".join(lines).encode())
    page.run()
    assert not page.exception
    assert set(models_in_figures(page)) == {"Good model", "theirs.csv"}
    assert len(titles(page)) == 1
    assert titles(page)[0].startswith("broken.csv, line 4 (")
    assert "is not a number" in titles(page)[0]


def test_every_pair_is_judged_in_words_the_most_telling_first(opened: Opened, three_models: None) -> None:
    page = opened(part="Significance")
    shown = texts(page)
    assert "**Good model** is right on" in shown
    assert "corrected for 3 pairs" in shown
    assert "p** is how often a coin" in shown
    assert "Holm's correction" in shown
    pairs = comparison_of("good", "fair", "poor").comparison.pairs
    assert {telling_first(pairs)[0].first, telling_first(pairs)[0].second} == {"good", "poor"}
    page.multiselect(key="compare_models").set_value(["good"]).run()
    assert page.info[0].proto.title == "A difference needs two"


def test_a_cell_of_the_matrix_shows_its_pictures_and_what_each_model_said(
    opened: Opened, three_models: None, folders: Path
) -> None:
    draw_pictures(folders / "data", LABELS, PICTURES)
    page = opened("poor", "fair", part="Confusion")
    page.selectbox(key="compare_cell_truth").set_value("eosinophil").run()
    page.selectbox(key="compare_cell_said").set_value("neutrophil").run()
    lineup = compare_models(["poor", "fair"]).lineup
    rows = np.flatnonzero((lineup.truth == 1) & (lineup.said[0] == 2))
    assert f"{len(rows)} pictures where the truth is eosinophil, and the model says neutrophil" in texts(page).replace(
        "**", ""
    )
    assert page.html[-1].proto.body.count("<figure") == len(rows)
    assert page.html[-1].proto.body.count("data:image/jpeg") == len(rows)
    page.selectbox(key="compare_cell_said").set_value("eosinophil").run()
    assert page.html[-1].proto.body.count("<figure") == 24
    assert "Pictures 1 to 24 of" in texts(page)
    page.segmented_control(key="compare_pictures").set_value("Where models disagree").run()
    assert not page.exception
    assert "not all models name alike" in texts(page)


def test_pictures_that_are_not_at_hand_are_named(three_models: None) -> None:
    compared = comparison_of("good", "poor", names={"good": HOSTILE, "poor": "Poor"})
    html, missing = gallery_html(compared.comparison.lineup, np.array([0, 1]), compared.names)
    assert missing == 2
    assert html.count("not at hand</div>") == 2
    assert file_name("basophil", 0) in html
    assert "<img" not in html
    assert "Basophil" in html


def test_classes_have_bars_curves_and_a_table(opened: Opened, three_models: None) -> None:
    page = opened(part="Classes")
    assert list(page.dataframe[0].value["Class"]) == ["Basophil", "Eosinophil", "Neutrophil"]
    page.segmented_control(key="compare_kind").set_value("specificity").run()
    page.selectbox(key="compare_class").set_value("neutrophil").run()
    assert not page.exception
    assert "of other cells, how many are not called so" in texts(page)
    assert "AUROC: " in texts(page)


def test_models_without_measured_speed_are_named_beside_the_plot(opened: Opened, three_models: None) -> None:
    page = opened(part="Confidence and speed")
    assert "no speed was measured on this host: Poor model" in texts(page)
    assert "no other model is at least as good in both accuracy and speed" in texts(page)
    assert list(page.dataframe[0].value["Pictures a second"]) == ["90", "50", "–"]


def test_published_systems_stand_with_claims_and_what_is_not_installed(opened: Opened, three_models: None) -> None:
    page = opened(part="Published systems")
    shown = texts(page).replace("\\", "")
    assert "It says: test accuracy 86.01 %" in shown
    assert "- a-densenet201: not installed, so not measured" in shown
    assert shown.count("**A: Leukaemia screen") == 1


def test_one_picture_is_put_before_all_models_at_once(opened: Opened, three_models: None, picture: bytes) -> None:
    page = opened(part="One picture")
    page.selectbox(key="compare_sample").set_value("eosinophil").run()
    assert not page.exception
    table = page.table[0].value
    assert list(table["Model"]) == ["Fair model", "Good model", "Poor model"]
    assert set(table["Status"]) <= {"Classified", "Unidentified"}
    page.file_uploader(key="compare_picture").upload("note.png", b"no picture at all")
    page.run()
    assert not page.exception
    assert list(page.table[0].value["Status"]) == ["Failed"] * 3
    assert agreement({}, {}) == "No model answers."


def test_a_figure_that_is_not_defined_is_a_dash_with_its_reason() -> None:
    rows = predictions(LABELS, 30, 0.0).decode().splitlines()
    # Every basophil is called an eosinophil, so the class is never named.
    swapped = [
        rows[0],
        *(re.sub(r"basophil,(0\.9\d+),(0\.9\d+),(0\.0\d+)", r"eosinophil,\1,\3,\2", r) for r in rows[1:]),
    ]
    table = parse_predictions("\n".join(swapped).encode(), "blind.csv", most_bytes=10_000_000)
    measures = compare_tables([table]).measures
    metrics = [metric for metric in METRICS if metric.key in ("accuracy", "macro_precision")]
    words = words_table(sorted_rows(measures, "macro_precision"), metrics, {"blind.csv": "Blind"})
    assert words["Precision (macro)"][0] == "–"
    assert missing_in_words(measures, metrics, {"blind.csv": "Blind"}) == [
        "– Precision (macro) of Blind: basophil was never named, so precision is not defined."
    ]


def test_the_matrix_is_clickable_on_the_page_counts_as_text_and_told_in_words(three_models: None) -> None:
    good, poor = comparison_of("good", "poor").comparison.measures
    spec = matrix_chart(poor).to_dict()
    assert [param["name"] for param in spec["params"]] == ["cell"]
    assert "params" not in matrix_chart(poor, clickable=False).to_dict()
    counts = {row["text"] for row in spec["data"]["values"]}
    assert counts == {str(count) if count else "" for count in poor.confusion.ravel()}
    assert re.fullmatch(r"\d+ of 120 pictures are right\. Commonest mistakes: .+", matrix_in_words(poor))
    points = [row["points"] for row in difference_chart(good, poor).to_dict()["data"]["values"]]
    assert points[0] == pytest.approx(100 * (good.confusion[0, 0] - poor.confusion[0, 0]) / 40)


def test_the_comparison_is_taken_away_as_table_charts_and_a_page_to_print(three_models: None) -> None:
    compared = comparison_of("good", "poor", names={"good": HOSTILE, "poor": "Poor"})
    rows = list(csv.DictReader(io.StringIO(figures_csv(compared))))
    assert [row["model"] for row in rows] == ["good", "poor"]
    assert float(rows[1]["accuracy"]) == pytest.approx(compared.comparison.measures[1].figures["accuracy"].value)
    svg = drawn(compared, "svg")
    assert svg.startswith(b"<svg")
    assert b"Accuracy against speed" in svg
    page = printed(compared)
    assert "<img" not in page
    assert page.count("<svg") >= 7
    assert "For Research Use Only" in page
    assert "right on" in page


def test_charts_leave_out_what_is_not_there() -> None:
    lineup = comparison_of_one_class()
    assert curve_chart(lineup.comparison.lineup, "basophil", "roc", lineup.names) is None
    spec = class_bars(lineup.comparison.measures, "specificity", lineup.names).to_dict()
    assert {row["class"] for rows in spec["datasets"].values() for row in rows} <= {"Eosinophil (0)", "Neutrophil (0)"}


def comparison_of_one_class() -> Compared:
    lines = predictions(LABELS, 60, 1.0).decode().splitlines()
    kept = [lines[0], *(line for line in lines[1:] if line.split(",")[2] == "basophil")]
    table = parse_predictions("\n".join(kept).encode(), "one", most_bytes=10_000_000)
    return Compared(compare_tables([table]), {"one": "One"}, ())


def test_the_first_choice_is_the_set_that_most_models_share() -> None:
    offered = [ShippedPredictions(f"m{number}", "T", LABELS, {"pbc": 2220}) for number in range(10)]
    offered.append(ShippedPredictions("k", "K", LABELS, {"kaggle": 9000}))
    assert first_choice(offered) == [f"m{number}" for number in range(MOST)]
    fewer = [ShippedPredictions(f"f{number}", "F", LABELS[:2], {"pbc": 1000}) for number in range(12)]
    default = settings().default_model
    ours = [ShippedPredictions(name, "D", LABELS, {"pbc": 2220, "own": 9}) for name in ("a", default)]
    assert first_choice([*fewer, *ours]) == [default, "a"], "the same classes as the default model"
    assert first_choice([*fewer, ours[0]]) == [f"f{number}" for number in range(MOST)]
    assert first_choice([]) == []
    assert shared_sets([{"a": 5, "b": 9}, {"b": 7, "a": 6}]) == {"b": 7, "a": 5}
    assert shown_names({"x": "Same", "y": "Same"}, ["z.csv"]) == {"x": "Same (x)", "y": "Same (y)", "z.csv": "z.csv"}

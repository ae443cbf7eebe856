"""Comparing installed models: on what they ship, on what a user brings, and live."""

from __future__ import annotations

import csv
import io

import cv2
import numpy as np
import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import DatasetError, ModelError
from wbc_core.inference.cards import describe_file, load_card, save_card
from wbc_core.services import compare_pictures, comparing, models
from wbc_core.services.compare_cost import Cost, accuracy_against_speed, cost_of, measure_cost
from wbc_core.services.compare_pictures import picture_facts, picture_path, subgroups, with_groups
from wbc_core.services.compare_report import as_report, as_rows
from wbc_core.settings import Settings

LABELS = ("lymphocyte", "monocyte", "neutrophil")


def table_bytes(labels=LABELS, n=60, seed=0, skill=2.0, source="pbc", truths=None):
    """A CSV table of predictions; the truth of a picture does not depend on the seed."""
    rng = np.random.default_rng(seed)
    truths = truths or labels
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["source", "file", "truth", "label", "confidence", *(f"p_{label}" for label in labels)])
    for index in range(n):
        truth = truths[index % len(truths)]
        logits = rng.normal(0, 1, len(labels)) + skill * np.array([label == truth for label in labels])
        shares = np.exp(logits) / np.exp(logits).sum()
        top = int(shares.argmax())
        writer.writerow([source, f"{truth}/{index}.png", truth, labels[top], shares[top], *shares])
    return stream.getvalue().encode()


def ship(folder, data):
    """Put a table of predictions beside a model and into its card."""
    (folder / "test_predictions.csv").write_bytes(data)
    card = load_card(folder)
    files = card.files | {"test_predictions.csv": describe_file(folder / "test_predictions.csv")}
    save_card(card.model_copy(update={"files": files}), folder)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Models of a few bytes with predictions of their own, and a folder for the pictures."""
    folder = tmp_path / "models"
    for seed, (name, labels) in enumerate({"one": LABELS, "two": LABELS, "three": LABELS[:2]}.items()):
        skill = 2.5 if name == "one" else 1.0
        ship(install_tiny_model(folder, name, name.title(), labels), table_bytes(labels, seed=seed, skill=skill))
    install_tiny_model(folder, "bare", "Bare", LABELS)
    chosen = Settings(
        models_dir=folder,
        default_model="one",
        data_dir=tmp_path / "data",
        datasets_dir=tmp_path / "sets",
        cache_dir=tmp_path / "cache",
    )
    for module in (models, comparing, compare_pictures):
        monkeypatch.setattr(module, "settings", lambda: chosen)
    return tmp_path


@pytest.fixture(scope="module")
def cells():
    """One drawn cell of each label."""
    return {label: render_cell(label, seed=1, size=96)[..., ::-1] for label in LABELS}


@pytest.fixture
def pictures(place, cells):
    """Pictures to the tables, one of them no picture, with subtypes and slides in the set's own table."""
    folder = place / "data" / "pbc"
    rows = ["file,label,subtype,group,split"]
    for index in range(60):
        label = LABELS[index % 3]
        (folder / label).mkdir(parents=True, exist_ok=True)
        picture = (cells[label] * (1 - 0.006 * index)).astype(np.uint8)
        cv2.imwrite(str(folder / label / f"{index}.png"), picture)
        rows.append(f"{label}/{index}.png,{label},{label[:2].upper()},slide {index % 4},test")
    (folder / "neutrophil" / "59.png").write_text("no picture")
    (folder / "split.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_models_are_compared_on_what_they_ship(place):
    comparison = comparing.compare_models(["one", "two"])
    assert comparison.source == "pbc"
    assert [row.name for row in comparison.measures] == ["one", "two"]
    assert len(comparison.lineup) == 60
    assert len(comparison.pairs) == 1
    assert comparison.pairs[0].only_first > comparison.pairs[0].only_second


def test_the_same_question_is_answered_from_memory_until_a_model_changes(place):
    first = comparing.compare_models(["one", "two"])
    assert comparing.compare_models(["one", "two"]) is first
    ship(place / "models" / "two", table_bytes(seed=1, skill=4.0))
    again = comparing.compare_models(["one", "two"])
    assert again.measures[1].figures["accuracy"].value > first.measures[1].figures["accuracy"].value


def test_every_pair_meets_on_all_that_the_two_know(place):
    comparison = comparing.compare_models(["one", "two", "three"])
    assert comparison.lineup.labels == ("lymphocyte", "monocyte")
    by_names = {(pair.first, pair.second): pair for pair in comparison.pairs}
    assert by_names["one", "two"].labels == LABELS
    assert by_names["one", "two"].n == 60
    assert by_names["one", "three"].labels == ("lymphocyte", "monocyte")
    alone = comparing.compare_models(["one", "two"]).pairs[0]
    assert by_names["one", "two"].p_value == alone.p_value
    assert by_names["one", "two"].pairs == 3


@pytest.mark.parametrize(
    ("ids", "error", "words"),
    [
        ([], ModelError, "A comparison needs 1 to 24 different models; 0 were named."),
        (["one", "one"], ModelError, "A comparison needs 1 to 24 different models; 2 were named."),
        (["one", "none"], ModelError, "There is no model named 'none'."),
        (["one", "../one"], ModelError, "There is no model named '../one'."),
        (["one", "bare"], ModelError, "The model bare ships no test predictions."),
    ],
)
def test_what_cannot_be_compared_is_said(place, ids, error, words):
    with pytest.raises(error) as caught:
        comparing.compare_models(ids)
    assert caught.value.message == words
    assert caught.value.hint


def test_models_of_different_sets_are_refused(place):
    ship(place / "models" / "two", table_bytes(source="raabin"))
    with pytest.raises(DatasetError, match=r"no test set in common \(one: pbc; two: raabin\)"):
        comparing.compare_models(["one", "two"])


def test_an_altered_file_is_refused(place):
    path = place / "models" / "two" / "test_predictions.csv"
    path.write_bytes(path.read_bytes().replace(b"0.9", b"0.8", 1))
    with pytest.raises(ModelError, match="differs from the one its card describes"):
        comparing.compare_models(["one", "two"])
    assert [row.model_id for row in comparing.models_with_predictions()] == ["one", "three"]


def test_an_uploaded_table_stands_beside_a_model(place):
    mine = comparing.uploaded_predictions(table_bytes(seed=9), "mine.csv")
    comparison = comparing.compare_tables([comparing.shipped_predictions("one"), mine])
    assert comparison.lineup.names == ("one", "mine.csv")
    assert accuracy_against_speed(comparison, [cost_of("one")])[1].images_per_second is None


def test_models_run_live_on_labelled_pictures(place, pictures):
    told = []
    tables = comparing.live_predictions(["one", "three"], pictures, progress=lambda *step: told.append(step))
    assert told[59] == ("one", 60, 60)
    assert told[-1] == ("three", 60, 60)
    assert tables[0].notes[0].startswith("1 picture could not be read, such as neutrophil/59.png")
    assert "labelled neutrophil left out: three knows no such class." in tables[1].notes[-1]
    comparison = comparing.compare_tables(tables)
    assert comparison.lineup.labels == ("lymphocyte", "monocyte")
    assert len(comparison.lineup) == 40
    assert set(comparison.lineup.group) == {f"slide {index}" for index in range(4)}


def test_groups_and_subtypes_come_from_the_set_where_it_is_at_hand(place, pictures):
    lineup = comparing.compare_tables([comparing.uploaded_predictions(table_bytes(), "mine.csv")]).lineup
    assert any("only 4 groups" in note for note in lineup.notes)
    rows = subgroups(lineup, "subtype")
    assert [(row.name, row.n) for row in rows] == [
        ("lymphocyte: LY", 20),
        ("monocyte: MO", 20),
        ("neutrophil: NE", 20),
    ]
    assert [row.n for row in subgroups(lineup, "group")] == [15] * 4


def test_pictures_are_looked_at_once_for_brightness_and_quality(place, pictures):
    lineup = comparing.compare_models(["one", "two"]).lineup
    told = []
    facts = picture_facts(lineup, progress=lambda *step: told.append(step))
    assert told[-1] == (60, 60)
    assert facts[59].brightness is None
    thirds = subgroups(lineup, "brightness")
    assert [row.name for row in thirds] == ["dark", "medium", "bright"]
    assert sum(row.n for row in thirds) == 59
    assert sum(row.n for row in subgroups(lineup, "quality")) == 59
    again = []
    assert picture_facts(lineup, progress=lambda *step: again.append(step)) == facts
    assert again == []


def test_without_the_pictures_subgroups_say_what_is_missing(place):
    lineup = comparing.compare_models(["one", "two"]).lineup
    with pytest.raises(DatasetError, match="The pictures of this comparison are not at hand"):
        subgroups(lineup, "brightness")
    with pytest.raises(DatasetError, match="No subtype is known of these pictures"):
        subgroups(lineup, "subtype")


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("pbc", "../../models/one/card.json"),
        ("pbc", "../pbc2/secret.png"),
        ("..", "data/pbc/lymphocyte/0.png"),
        ("pbc/lymphocyte", "0.png"),
        ("pbc", "lymphocyte/0.png\0.png"),
        ("pbc", "split.csv"),
        ("", "lymphocyte/0.png"),
    ],
)
def test_a_table_leads_to_no_file_outside_its_set(place, pictures, source, file):
    (place / "data" / "pbc2").mkdir()
    (place / "data" / "pbc2" / "secret.png").write_bytes(b"secret")
    assert picture_path("pbc", "lymphocyte/0.png") == pictures / "lymphocyte" / "0.png"
    assert picture_path(source, file) is None


def test_a_set_of_another_name_changes_nothing(place):
    table = comparing.shipped_predictions("one")
    assert with_groups(table).group.tolist() == [""] * 60


def test_speed_and_memory_are_measured_in_a_process_of_its_own(tmp_path, cells):
    for label, picture in cells.items():
        cv2.imwrite(str(tmp_path / f"{label}.png"), picture)
    cost = measure_cost("wbc8-lite0", tmp_path)
    assert cost.images == 3
    assert cost.images_per_second > 0
    assert cost.first_answer_s > 0
    assert 0 < cost.added_mb < cost.memory_mb
    with pytest.raises(ModelError, match="There is no picture in"):
        measure_cost("wbc8-lite0", tmp_path / "none")


def test_only_speeds_of_one_host_are_put_against_accuracy(place):
    comparison = comparing.compare_models(["one", "two", "three"])
    costs = [Cost("one", 1, 1, 50.0, 1.0, "a"), Cost("two", 1, 1, 40.0, 1.0, "a"), Cost("three", 1, 1, 900.0, 1.0, "b")]
    points = accuracy_against_speed(comparison, costs)
    assert [point.images_per_second for point in points] == [50.0, 40.0, None]
    assert points[0].on_front
    assert not points[2].on_front


def test_a_report_holds_every_figure_and_a_sentence(place):
    comparison = comparing.compare_models(["one", "two"])
    report = as_report(comparison)
    assert report["models"][0]["figures"]["accuracy"]["low"] < report["models"][0]["figures"]["accuracy"]["value"]
    assert report["pairs"][0]["sentence"] == comparison.pairs[0].sentence
    assert report["statement"].startswith("For Research Use Only")
    (row, _) = as_rows(comparison)
    assert row["accuracy"] == pytest.approx(comparison.measures[0].figures["accuracy"].value, abs=1e-6)
    assert {"macro_f1_low", "recall_monocyte_high", "major_mistakes"} <= set(row)


def test_the_shipped_models_give_the_figures_of_their_cards():
    ids = ["wbc8-lite0", "wbc8-lite0-pbc-only"]
    assert set(comparing.shipped_predictions(ids[0]).labels) == set(CELL_TYPES)
    for source in ("pbc", "kaggle"):
        comparison = comparing.compare_models(ids, source=source)
        for model_id, measures in zip(ids, comparison.measures, strict=True):
            stated = models.model_details(model_id).evaluation(f"{source} test")
            assert measures.n == stated.n
            assert measures.figures["accuracy"].value == pytest.approx(stated.accuracy.value)
            assert measures.figures["macro_f1"].value == pytest.approx(stated.macro_f1.value)
            assert measures.figures["log_loss"].value == pytest.approx(stated.log_loss.value, abs=1e-3)
            assert measures.figures["ece"].value == pytest.approx(stated.ece.value, abs=1e-4)

"""Models of the bone-marrow study and of merged classes predict and are measured as every other model."""

import cv2
import numpy as np
import pytest

from tests.tiny_models import install_tiny_model
from wbc_core.biology.labels import LYMPHOBLAST_STUDY, parse_merge
from wbc_core.biology.statements import BONE_MARROW_STUDY, RESEARCH_USE
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import DatasetError
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.services import models
from wbc_core.services.evaluating import evaluate_source
from wbc_core.services.prediction import as_row, labels_asked, predict_paths
from wbc_core.services.single_image import NOT_CUT_OUT, classify_image
from wbc_core.settings import Settings

MERGED = ("lymphocyte", "monocyte", "neutrophil", "eosinophil_basophil")
MERGE = parse_merge("eosinophil_basophil=eosinophil+basophil")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder of models with one of each kind, which the services use."""
    folder = tmp_path / "models"
    marrow = Preprocessing(size=64, crop="foreground")
    install_tiny_model(folder, "a-tiny", "Lymphoblasts against normal precursors", LYMPHOBLAST_STUDY, marrow)
    install_tiny_model(folder, "e-merged-tiny", "Four classes", MERGED)
    monkeypatch.setattr(models, "settings", lambda: Settings(models_dir=folder, default_model="a-tiny"))
    return folder


def cut_out(stain=(120, 40, 60)):
    picture = np.zeros((224, 224, 3), np.uint8)
    cv2.ellipse(picture, (112, 112), (60, 70), 0, 0, 360, stain, -1)
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


def film(label="neutrophil", seed=1):
    return cv2.imencode(".png", render_cell(label, seed=seed, size=200)[..., ::-1])[1].tobytes()


def test_a_cell_cut_out_on_black_is_classified(installed):
    result = classify_image(cut_out(), "cell.png", model_id="a-tiny")
    assert result.status == "classified"
    assert set(result.probabilities) == set(LYMPHOBLAST_STUDY)
    assert result.whole_cell
    assert result.warnings == ()
    assert result.cell_diameter_px == pytest.approx(141, abs=2)


def test_a_result_of_the_study_says_what_it_is(installed):
    content = classify_image(cut_out(), "cell.png", model_id="a-tiny").as_dict()
    assert content["statement"] == f"{RESEARCH_USE} {BONE_MARROW_STUDY}"
    assert classify_image(film(), "cell.png", model_id="e-merged-tiny").as_dict()["statement"] == RESEARCH_USE


def test_a_picture_of_a_film_is_no_cell_for_the_study(installed):
    result = classify_image(film(), "film.png", model_id="a-tiny")
    assert (result.status, result.reason) == ("unidentified", "not_a_cell")
    assert result.warnings == (NOT_CUT_OUT,)
    assert not result.whole_cell


def test_a_merged_class_has_one_column(installed, tmp_path):
    (tmp_path / "cell.png").write_bytes(film("eosinophil"))
    (result,) = predict_paths([tmp_path / "cell.png"], model_id="e-merged-tiny")
    assert list(as_row(result, MERGED))[6:] == [f"p_{label}" for label in MERGED]


def test_a_merged_class_is_named_as_the_model_names_it(installed):
    assert labels_asked("Eosinophil_basophil,neutrophils", "e-merged-tiny") == ("eosinophil_basophil", "neutrophil")
    with pytest.raises(DatasetError, match='"eosinophil_basophil" is not a known cell type'):
        labels_asked("eosinophil_basophil,lymphoblast", "a-tiny")


@pytest.fixture
def cells(tmp_path):
    """Class folders with the five types under their own names."""
    for label in ("lymphocyte", "monocyte", "neutrophil", "eosinophil", "basophil"):
        (tmp_path / "cells" / label).mkdir(parents=True)
        for seed in range(2):
            (tmp_path / "cells" / label / f"{seed}.png").write_bytes(film(label, seed))
    return tmp_path / "cells"


def test_a_declared_merge_renames_the_truth_for_a_model_that_merged_it(installed, cells):
    evaluation = evaluate_source(cells, model_id="e-merged-tiny", merges=[MERGE])
    assert evaluation.labels == MERGED
    assert evaluation.n == 10
    assert evaluation.per_class["eosinophil_basophil"].support == 4


def test_without_the_merge_the_message_says_how_to_ask(installed, cells):
    with pytest.raises(DatasetError) as caught:
        evaluate_source(cells, model_id="e-merged-tiny")
    assert "holds pictures labelled basophil, eosinophil, which are not" in caught.value.message
    assert caught.value.hint == (
        "The model knows them as one class: ask with --merge eosinophil_basophil=eosinophil+basophil."
    )


def test_a_set_may_name_the_merged_class_itself(installed, cells):
    (cells / "eosinophil").rename(cells / "eosinophil_basophil")
    for path in (cells / "basophil").iterdir():
        path.rename(cells / "eosinophil_basophil" / f"b{path.name}")
    (cells / "basophil").rmdir()
    assert evaluate_source(cells, model_id="e-merged-tiny").per_class["eosinophil_basophil"].support == 4


def test_a_merge_of_a_class_the_model_does_not_know_is_still_refused(installed, cells):
    with pytest.raises(DatasetError, match="names eosinophil, which the model was not asked for"):
        evaluate_source(cells, model_id="e-merged-tiny", merges=[parse_merge("granular=eosinophil+neutrophil")])


def test_the_study_is_measured_on_its_own_names(installed, tmp_path):
    for name, stain in (("blast", (120, 40, 60)), ("normal", (50, 40, 140))):
        (tmp_path / "marrow" / name).mkdir(parents=True)
        (tmp_path / "marrow" / name / "UID_1_1_1_all.png").write_bytes(cut_out(stain))
    evaluation = evaluate_source(tmp_path / "marrow", model_id="a-tiny")
    assert {label: row.support for label, row in evaluation.per_class.items()} == dict.fromkeys(LYMPHOBLAST_STUDY, 1)
    assert evaluation.coverage.value > 0

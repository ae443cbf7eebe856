"""Pictures become rows: in order, whatever lies between them, alone or in batches."""

import zipfile

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import ImageError, ModelError
from wbc_core.inference.judging import judge
from wbc_core.services.prediction import as_row, predict_paths
from wbc_core.services.single_image import classify_image
from wbc_core.settings import settings

FIVE = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")


def encoded(label="neutrophil", seed=1, ending=".png", size=240):
    return cv2.imencode(ending, render_cell(label, seed=seed, size=size)[..., ::-1])[1].tobytes()


@pytest.fixture
def folder(tmp_path):
    """Three good pictures, a broken one between them, and a text."""
    for index, label in enumerate(("neutrophil", "eosinophil", "lymphocyte")):
        (tmp_path / f"{index}.png").write_bytes(encoded(label, seed=index))
    (tmp_path / "1-broken.png").write_bytes(encoded()[:500])
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_bad_file_is_a_row_and_stops_nothing(folder):
    results = list(predict_paths([folder]))
    assert [result.file.rsplit("/", 1)[1] for result in results] == ["0.png", "1-broken.png", "1.png", "2.png"]
    assert [result.status == "failed" for result in results] == [False, True, False, False]
    assert results[1].error
    assert results[1].hint
    assert results[1].label is None


def test_batches_answer_as_single_pictures_do(folder):
    for result in predict_paths([folder]):
        if result.status == "failed":
            continue
        with open(result.file, "rb") as stream:  # noqa: PTH123
            single = classify_image(stream.read(), result.file)
        assert single.label == result.label
        assert single.status == result.status
        assert single.probabilities == pytest.approx(result.probabilities, abs=1e-5)


def test_a_row_has_the_columns_of_the_contract(folder):
    result = next(predict_paths([folder], labels=FIVE))
    row = as_row(result, FIVE)
    assert list(row) == ["file", "label", "confidence", "status", "reason", "error", *(f"p_{label}" for label in FIVE)]
    assert sum(row[f"p_{label}"] for label in FIVE) == pytest.approx(1, abs=1e-5)


def test_chosen_labels_are_renormalised_not_reordered():
    data = encoded("monocyte")
    every, some = classify_image(data, "a.png"), classify_image(data, "a.png", labels=FIVE)
    assert tuple(some.probabilities) == FIVE
    total = sum(every.probabilities[label] for label in FIVE)
    for label in FIVE:
        assert some.probabilities[label] == pytest.approx(every.probabilities[label] / total, abs=1e-6)


@pytest.mark.parametrize("labels", [("neutrophil",), ("neutrophil", "unicorn"), ()])
def test_impossible_choices_of_labels_are_refused(labels):
    with pytest.raises(ModelError):
        classify_image(encoded(), "a.png", labels=labels)


def test_a_zip_is_read_entry_by_entry(folder, tmp_path):
    archive = tmp_path / "cells.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in sorted(folder.glob("*.png")):
            target.write(path, f"cells/{path.name}")
        target.writestr("__MACOSX/._0.png", b"not a picture")
        target.writestr("readme.txt", "no picture")
    inside, outside = list(predict_paths([archive])), list(predict_paths([folder]))
    assert [result.label for result in inside] == [result.label for result in outside]
    assert inside[0].file == f"{archive}/cells/0.png"


def test_a_zip_entry_larger_than_the_limit_is_refused(tmp_path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("large.png", bytes(settings().max_upload_mb * 1_000_000 + 1))
        target.writestr("small.png", encoded())
    large, small = predict_paths([archive])
    assert large.status == "failed"
    assert f"the limit is {settings().max_upload_mb} MB" in large.error
    assert small.status != "failed"


def test_what_is_no_archive_is_one_failed_row(tmp_path):
    (tmp_path / "cells.zip").write_bytes(b"PK but no archive")
    (result,) = predict_paths([tmp_path / "cells.zip"])
    assert result.status == "failed"
    assert "cannot be read as a zip file" in result.error


def test_a_missing_file_is_a_failed_row(tmp_path):
    (result,) = predict_paths([tmp_path / "nowhere.png"])
    assert result.status == "failed"
    assert "cannot be read" in result.error


def test_an_empty_field_is_not_a_cell():
    blank = cv2.imencode(".png", np.full((200, 200, 3), (222, 226, 236), np.uint8))[1].tobytes()
    result = classify_image(blank, "blank.png")
    assert (result.status, result.reason) == ("unidentified", "not_a_cell")
    assert result.cell_diameter_px is None


@pytest.mark.parametrize(
    ("confidence", "convincing", "expected"),
    [
        (0.9, True, ("classified", "")),
        (0.8, True, ("classified", "")),
        (0.79, True, ("unidentified", "low_confidence")),
        (0.99, False, ("unidentified", "not_a_cell")),
    ],
)
def test_what_a_confidence_means(confidence, convincing, expected):
    assert judge(confidence, convincing, 0.8) == expected


def test_the_true_size_is_kept_where_the_scale_is_known():
    data = encoded(size=240)
    unknown = classify_image(data, "a.png")
    known = classify_image(data, "a.png", microns_per_pixel=0.1)
    assert unknown.cell_diameter_um is None
    assert known.cell_diameter_um == pytest.approx(known.cell_diameter_px * 0.1)
    assert known.as_dict()["nucleus"]["diameter_um"] == known.cell_diameter_um


def test_the_json_states_its_purpose_and_holds_no_pixels():
    content = classify_image(encoded(), "a.png").as_dict()
    assert content["statement"] == "For Research Use Only. Not for use in diagnostic procedures."
    assert "crop" not in content


def test_bytes_that_are_no_picture_raise_an_image_error():
    with pytest.raises(ImageError):
        classify_image(b"plain text", "notes.jpg")

"""The cell enlarger learns from pictures of cells, and OpenCV runs what Keras trained."""

import csv
import json

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import DatasetError, WbcError
from wbc_core.imaging import super_resolution
from wbc_core.imaging.super_resolution import ENLARGERS, OWN_FOLDER, Enlarger, enlarge
from wbc_core.services.enlarging import train_cell_enlarger
from wbc_core.settings import settings


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """A small set of drawn cells under the name that the training reads."""
    home = tmp_path / "data" / "pbc"
    home.mkdir(parents=True)
    rows = [("file", "label", "split")]
    for index in range(8):
        cv2.imwrite(str(home / f"{index}.png"), render_cell("neutrophil", seed=index, size=128)[..., ::-1])
        rows.append((f"{index}.png", "neutrophil", "train" if index < 6 else "val"))
    with (home / "split.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    monkeypatch.setenv("WBC_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.mark.slow
def test_a_short_training_writes_a_network_that_opencv_runs(cells, monkeypatch):
    facts = train_cell_enlarger(cells / "own.onnx", steps=30)
    assert facts == json.loads((cells / "own.json").read_text())
    assert facts["training_pictures"] == 6
    assert facts["validation_psnr_db"] > facts["validation_psnr_bicubic_db"]
    # What OpenCV makes of the file restores as much as training said.
    monkeypatch.setattr(super_resolution, "OWN_FOLDER", cells)
    monkeypatch.setattr(super_resolution, "ENLARGERS", {"own": Enlarger("own.onnx", 2, facts["sha256"], own=True)})
    signals = []
    for index in (6, 7):
        large = cv2.imread(str(cells / "data" / "pbc" / f"{index}.png"))[..., ::-1]
        again = enlarge(np.ascontiguousarray(cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)), "own")
        both = [cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., 0] for picture in (np.ascontiguousarray(large), again)]
        signals.append(cv2.PSNR(*both))
    assert np.mean(signals) == pytest.approx(facts["validation_psnr_db"], abs=0.5)


def test_the_network_that_ships_is_the_one_whose_training_is_told():
    facts = json.loads((OWN_FOLDER / "cell_x2.json").read_text())
    assert facts["sha256"] == ENLARGERS["cell_x2"].sha256
    assert facts["validation_psnr_db"] > facts["validation_psnr_bicubic_db"]


def test_a_folder_that_is_not_there_is_named(cells):
    with pytest.raises(WbcError) as caught:
        train_cell_enlarger(cells / "nowhere" / "own.onnx", steps=1)
    assert caught.value.message == f"There is no folder {cells / 'nowhere'}."


@pytest.mark.slow
def test_a_set_that_is_not_there_is_named(cells):
    (cells / "data" / "pbc" / "split.csv").unlink()
    with pytest.raises(DatasetError):
        train_cell_enlarger(cells / "own.onnx", steps=1)

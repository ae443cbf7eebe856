"""Small crops are enlarged by a trained network; without its file the message says where it belongs."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import ModelError
from wbc_core.imaging import super_resolution
from wbc_core.imaging.localisation import CellLocation
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.imaging.super_resolution import ENLARGERS, enlarge
from wbc_core.settings import Settings


@pytest.fixture
def networks(weights_dir):
    """Skip where the folder of weights holds no super-resolution networks."""
    if not (weights_dir / ENLARGERS["fsrcnn_x2"].file).exists():
        pytest.skip("The super-resolution networks are not in the folder of weights.")
    return weights_dir


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """An empty folder of weights that the settings name."""
    monkeypatch.setattr(super_resolution, "settings", lambda: Settings(weights_dir=tmp_path))
    return tmp_path


def signal_to_noise(picture, truth):
    error = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float) - cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY)) ** 2
    return 10 * np.log10(255**2 / error[8:-8, 8:-8].mean())


def test_the_preprocessing_offers_every_network():
    choice = Preprocessing.model_json_schema()["properties"]["super_resolution"]["enum"]
    assert choice == ["none", *ENLARGERS]


@pytest.mark.parametrize("name", ENLARGERS)
def test_every_network_restores_more_than_interpolation(networks, name):
    factor = ENLARGERS[name].factor
    truth = render_cell("neutrophil", seed=4, size=60 * factor)
    small = cv2.resize(truth, (60, 60), interpolation=cv2.INTER_AREA)
    plain = cv2.resize(small, (60 * factor, 60 * factor), interpolation=cv2.INTER_CUBIC)
    large = enlarge(small, name)
    assert large.shape == truth.shape
    assert large.dtype == np.uint8
    assert signal_to_noise(large, truth) > signal_to_noise(plain, truth)


def test_threads_agree(networks):
    pictures = [render_cell("monocyte", seed=seed, size=64) for seed in range(8)]
    alone = [enlarge(picture, "fsrcnn_x2") for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda picture: enlarge(picture, "fsrcnn_x2"), pictures))
    assert np.array_equal(np.stack(alone), np.stack(together))


def test_only_crops_smaller_than_the_size_are_enlarged(networks):
    picture = render_cell("lymphocyte", seed=1, size=200)
    plain, helped = Preprocessing(size=96), Preprocessing(size=96, super_resolution="fsrcnn_x2")
    large, small = CellLocation(True, 100, 100, 60), CellLocation(True, 100, 100, 40)
    assert np.array_equal(plain.apply(picture, large), helped.apply(picture, large))
    assert plain.window(200, 200, small)[2] < 96
    assert not np.array_equal(plain.apply(picture, small), helped.apply(picture, small))
    assert helped.apply(picture, small, margin=1.5).shape == (144, 144, 3)


def test_a_missing_network_is_named_with_its_folder(folder):
    with pytest.raises(ModelError) as caught:
        enlarge(np.zeros((8, 8, 3), np.uint8), "espcn_x3")
    assert caught.value.message == f"The super-resolution network ESPCN_x3.pb is not in {folder}."
    assert caught.value.hint == "Set WBC_WEIGHTS_DIR to the folder that holds it."


def test_another_network_under_the_same_name_is_refused(networks, folder):
    shutil.copy(networks / "FSRCNN_x2.pb", folder / "FSRCNN-small_x2.pb")
    with pytest.raises(ModelError, match="is another one than models are trained with"):
        enlarge(np.zeros((8, 8, 3), np.uint8), "fsrcnn_small_x2")

"""A network that averages mirrored views does not care how a cell lies, whatever its head is made of."""

from __future__ import annotations

import numpy as np
import pytest

from wbc_core.errors import ModelError

pytestmark = pytest.mark.slow

# A linear head on the pooled map; dense layers on the flattened map; attention.
HEADS = ("baseline_cnn", "leaky_cnn", "raabin_cnn", "compact_transformer")
SIZE = 40


@pytest.fixture(scope="module", params=HEADS)
def network(request):
    import keras

    from wbc_core.zoo import registry

    keras.utils.set_random_seed(1)
    return registry.build(request.param, SIZE, 3)


@pytest.fixture(scope="module")
def averaged(network):
    """The network averaged over 2 and over 4 orientations."""
    from wbc_core.zoo.orientations import average_orientations

    return {orientations: average_orientations(network, orientations) for orientations in (2, 4)}


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE, 3)).astype(np.float32)


def outputs(model, pictures):
    return {name: value.numpy() for name, value in model(pictures).items()}


@pytest.mark.parametrize(("orientations", "axes"), [(2, [2]), (4, [1]), (4, [2]), (4, [1, 2])])
def test_an_averaged_network_does_not_care_how_a_cell_is_mirrored(network, averaged, pictures, orientations, axes):
    plain, mirrored = (outputs(averaged[orientations], x) for x in (pictures, np.flip(pictures, axes).copy()))
    assert plain["logits"] == pytest.approx(mirrored["logits"], abs=1e-4)
    assert plain["embedding"] == pytest.approx(mirrored["embedding"], abs=1e-4)
    assert plain["feature_map"] == pytest.approx(np.flip(mirrored["feature_map"], axes), abs=1e-4)
    # A plain one does care, or the test could not fail.
    single = [outputs(network, x)["logits"] for x in (pictures, np.flip(pictures, axes).copy())]
    assert np.abs(single[0] - single[1]).max() > 1e-3


def test_the_average_is_the_mean_of_the_views(network, averaged, pictures):
    mean = outputs(averaged[2], pictures)
    one, other = (outputs(network, x) for x in (pictures, pictures[:, :, ::-1].copy()))
    for name in ("logits", "embedding"):
        assert mean[name] == pytest.approx((one[name] + other[name]) / 2, abs=1e-4)
    turned = (one["feature_map"] + other["feature_map"][:, :, ::-1]) / 2
    assert mean["feature_map"] == pytest.approx(turned, abs=1e-4)


def test_one_orientation_is_the_network_itself_and_others_are_refused(network):
    from wbc_core.zoo.orientations import average_orientations

    assert average_orientations(network, 1) is network
    with pytest.raises(ModelError, match=r"cannot average over 3 orientations\. Choose 1, 2 or 4"):
        average_orientations(network, 3)


def test_keras_and_onnx_agree_after_saving(averaged, pictures, tmp_path):
    import onnxruntime

    from wbc_core.training.files import write_onnx

    model = averaged[4]
    model.save(tmp_path / "model.keras")
    write_onnx(tmp_path / "model.keras", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert set(names) == {"logits", "embedding", "feature_map"}
    truth = outputs(model, pictures)
    for count in (1, 3):
        values = session.run(names, {session.get_inputs()[0].name: pictures[:count]})
        for name, value in zip(names, values, strict=True):
            assert np.abs(value - truth[name][:count]).max() < 1e-4, name


def test_an_averaged_network_passes_its_weights_on(network, averaged, tmp_path):
    from wbc_core.zoo import registry
    from wbc_core.zoo.weights import initialise

    averaged[2].save(tmp_path / "cells.keras")
    fresh = registry.build(network.name, SIZE, 3)
    initialise(fresh, network.name, str(tmp_path / "cells.keras"), weights_dir=tmp_path, models_dir=tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(fresh.get_weights(), network.get_weights(), strict=True))

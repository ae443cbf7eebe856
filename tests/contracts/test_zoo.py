"""Every architecture takes any size and number of classes, starts from its weights, and survives saving and export."""

import numpy as np
import pytest

from wbc_core.errors import ModelError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network():
    import keras

    from wbc_core.zoo import efficientnet_lite0

    keras.utils.set_random_seed(1)
    return efficientnet_lite0.build(64, 3)


def outputs(model, pictures):
    return {name: np.asarray(value) for name, value in model.predict_on_batch(pictures).items()}


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.float32)


@pytest.mark.parametrize(("size", "classes"), [(32, 2), (100, 8)])
def test_any_size_and_number_of_classes(size, classes):
    from wbc_core.zoo import efficientnet_lite0

    model = efficientnet_lite0.build(size, classes)
    answer = outputs(model, np.zeros((2, size, size, 3), np.float32))
    side = -(-size // 32)
    assert answer["logits"].shape == (2, classes)
    assert answer["embedding"].shape == (2, 1280)
    assert answer["feature_map"].shape == (2, side, side, 1280)


def test_the_pretrained_backbone_fits(weights_dir):
    from wbc_core.zoo import efficientnet_lite0

    path = weights_dir / "efficientnet_lite0_no_top.npz"
    model = efficientnet_lite0.build(64, 3, weights=path)
    with np.load(path) as arrays:
        assert np.array_equal(model.get_layer("stem_conv").get_weights()[0], arrays["stem_conv/kernel"])
        assert np.array_equal(model.get_layer("top_bn").get_weights()[3], arrays["top_bn/moving_variance"])


def test_weights_that_do_not_fit_are_refused(tmp_path):
    from wbc_core.zoo import efficientnet_lite0

    with pytest.raises(ModelError, match="does not exist"):
        efficientnet_lite0.build(64, 3, weights=tmp_path / "missing.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ModelError, match="does not fit EfficientNet-Lite0"):
        efficientnet_lite0.build(64, 3, weights=tmp_path / "other.npz")


@pytest.mark.parametrize(("orientations", "axes"), [(2, [2]), (4, [1]), (4, [2]), (4, [1, 2])])
def test_an_averaged_network_does_not_care_how_a_cell_is_mirrored(network, pictures, orientations, axes):
    from wbc_core.zoo.orientations import average_orientations

    averaged = average_orientations(network, orientations)
    plain, mirrored = (outputs(averaged, x) for x in (pictures, np.flip(pictures, axes).copy()))
    assert plain["logits"] == pytest.approx(mirrored["logits"], abs=1e-5)
    assert plain["feature_map"] == pytest.approx(np.flip(mirrored["feature_map"], axes), abs=1e-4)
    if orientations == 2:
        both = [outputs(network, x)["logits"] for x in (pictures, pictures[:, :, ::-1].copy())]
        assert plain["logits"] == pytest.approx(np.mean(both, axis=0), abs=1e-5)


def test_other_numbers_of_orientations_are_refused(network):
    from wbc_core.zoo.orientations import average_orientations

    with pytest.raises(ModelError, match="Choose 1, 2 or 4"):
        average_orientations(network, 3)


@pytest.mark.parametrize("orientations", [1, 2])
def test_keras_and_onnx_agree_after_saving(network, pictures, tmp_path, orientations):
    import onnxruntime

    from wbc_core.training.export import write_onnx
    from wbc_core.zoo.orientations import average_orientations

    model = average_orientations(network, orientations)
    model.save(tmp_path / "model.keras")
    write_onnx(tmp_path / "model.keras", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert set(names) == {"logits", "embedding", "feature_map"}
    answer = outputs(model, pictures)
    for count in (1, 3):
        values = session.run(names, {session.get_inputs()[0].name: pictures[:count]})
        for name, value in zip(names, values, strict=True):
            assert np.abs(value - answer[name][:count]).max() < 1e-4, name

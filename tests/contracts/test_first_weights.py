"""First weights: ImageNet from folder, cache or network, and the layers of a model trained on cells before."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from wbc_core.errors import ModelError
from wbc_core.settings import ROOT

pytestmark = pytest.mark.slow

MOBILENET = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
VGG = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"


def start(architecture, initial_weights, *, size=64, classes=3, weights_dir, models_dir=ROOT / "models"):
    """Build a network and give it its first weights; return it and the sentence on them."""
    from wbc_core.zoo import registry
    from wbc_core.zoo.weights import initialise

    model = registry.build(architecture, size, classes)
    said = initialise(model, architecture, initial_weights, weights_dir=weights_dir, models_dir=models_dir)
    return model, said


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keras's cache of weights, empty, and no server that publishes any."""
    from wbc_core.zoo import imagenet

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(imagenet, "ADDRESS", "http://127.0.0.1:9/")
    return tmp_path / "keras" / "models"


@pytest.fixture
def publish(monkeypatch):
    """Return a function that serves bytes at every address; None keeps the caller waiting."""
    from wbc_core.zoo import imagenet

    servers, over = [], threading.Event()

    def serve(content: bytes | None, *, stated: int | None = None) -> list[str]:
        asked = []

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                if content is None:
                    over.wait()
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content) if stated is None else stated))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(imagenet, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
        return asked

    yield serve
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def test_random_weights_are_those_of_the_builder(tmp_path):
    import keras

    keras.utils.set_random_seed(3)
    model, said = start("baseline_cnn", "random", weights_dir=tmp_path)
    keras.utils.set_random_seed(3)
    again, _ = start("baseline_cnn", "random", weights_dir=tmp_path)
    assert said == "random weights"
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


def test_the_backbone_of_lite0_comes_from_the_folder_of_weights(weights_dir):
    model, said = start("efficientnet_lite0", "imagenet", weights_dir=weights_dir)
    assert said == "ImageNet backbone, 245 arrays from efficientnet_lite0_no_top.npz"
    with np.load(weights_dir / "efficientnet_lite0_no_top.npz") as arrays:
        assert np.array_equal(model.get_layer("stem_conv").get_weights()[0], arrays["stem_conv/kernel"])
        assert np.array_equal(model.get_layer("top_bn").get_weights()[3], arrays["top_bn/moving_variance"])


def test_files_that_do_not_fit_lite0_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"efficientnet_lite0_no_top.npz does not exist"):
        start("efficientnet_lite0", "imagenet", weights_dir=tmp_path)
    path = tmp_path / "efficientnet_lite0_no_top.npz"
    np.savez(path, a=np.zeros(3))
    with pytest.raises(ModelError, match="does not fit EfficientNet-Lite0: stem_conv/kernel is missing or differs"):
        start("efficientnet_lite0", "imagenet", weights_dir=tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(ModelError, match="cannot be read"):
        start("efficientnet_lite0", "imagenet", weights_dir=tmp_path)


def test_the_backbone_of_mobilenetv2_gives_the_features_of_keras_own(weights_dir):
    import keras

    model, said = start("mobilenetv2", "imagenet", weights_dir=weights_dir)
    assert said == f"ImageNet backbone, 260 arrays from {MOBILENET}"
    application = keras.applications.mobilenet_v2
    theirs = application.MobileNetV2(include_top=False, weights=weights_dir / MOBILENET, input_shape=(64, 64, 3))
    pictures = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.float32)
    expected = theirs(application.preprocess_input(pictures.copy())).numpy()
    assert expected.max() > 1
    assert model(pictures)["feature_map"].numpy() == pytest.approx(expected, abs=1e-3)


def test_a_file_in_keras_cache_is_used_and_unnamed_layers_find_their_arrays(cache, tmp_path):
    import keras

    application = keras.applications.inception_v3
    theirs = application.InceptionV3(include_top=False, weights=None, input_shape=(75, 75, 3))
    cache.mkdir(parents=True)
    # Keras publishes its older format, which it still writes for a whole model.
    theirs.save(cache / "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5")
    model, said = start("inceptionv3", "imagenet", size=75, weights_dir=tmp_path)
    assert said.startswith("ImageNet backbone, 376 arrays from inception_v3")
    pictures = np.random.default_rng(0).integers(0, 255, (2, 75, 75, 3)).astype(np.float32)
    expected = theirs(application.preprocess_input(pictures.copy())).numpy()
    assert model(pictures)["feature_map"].numpy() == pytest.approx(expected, rel=1e-3, abs=1e-7)


def test_a_missing_backbone_is_fetched_once(cache, tmp_path, weights_dir, publish):
    asked = publish((weights_dir / MOBILENET).read_bytes())
    for _ in range(2):
        _, said = start("mobilenetv2", "imagenet", weights_dir=tmp_path)
        assert said == f"ImageNet backbone, 260 arrays from {MOBILENET}"
    assert asked == [f"/mobilenet_v2/{MOBILENET}"]
    assert [path.name for path in cache.iterdir()] == [MOBILENET]


@pytest.fixture(scope="module")
def vgg19():
    """A network that is refused its weights, and so stays as it is."""
    from wbc_core.zoo import registry

    return registry.build("vgg19", 32, 3)


@pytest.mark.parametrize("fault", ["nobody answers", "silence", "cut short", "altered"])
def test_without_a_whole_download_the_message_says_what_to_do(fault, cache, tmp_path, publish, monkeypatch, vgg19):
    from wbc_core.zoo import imagenet
    from wbc_core.zoo.weights import initialise

    if fault == "silence":
        monkeypatch.setattr(imagenet, "TIMEOUT_S", 0.1)
        publish(None)
    elif fault == "cut short":
        publish(b"part", stated=4000)
    elif fault == "altered":
        publish(b"something else")
    with pytest.raises(ModelError) as refusal:
        initialise(vgg19, "vgg19", "imagenet", weights_dir=tmp_path, models_dir=tmp_path)
    assert refusal.value.message == ("ImageNet weights of VGG19 can be neither found in Keras's cache nor downloaded.")
    assert refusal.value.hint == (
        f"Connect once, or put {VGG} into {cache}, or choose initial_weights: random or the id of a model."
    )
    assert not list(cache.iterdir())


def test_a_broken_file_and_an_architecture_without_weights_are_named(tmp_path):
    (tmp_path / VGG).write_bytes(b"no such format")
    with pytest.raises(ModelError, match=rf"{VGG} does not fit VGG19 or is broken\. Delete it"):
        start("vgg19", "imagenet", weights_dir=tmp_path)
    with pytest.raises(ModelError, match="There are no ImageNet weights of Raabin CNN"):
        start("raabin_cnn", "imagenet", weights_dir=tmp_path)


def test_a_model_of_averaged_orientations_passes_on_its_backbone_and_head(tmp_path):
    import keras

    from wbc_core.zoo.orientations import average_orientations

    model, said = start("efficientnet_lite0", "wbc8-lite0", size=128, classes=8, weights_dir=tmp_path)
    assert said == "wbc8-lite0, 245 of 245 backbone arrays and the head"
    shipped = keras.saving.load_model(ROOT / "models" / "wbc8-lite0" / "model.keras", compile=False)
    pictures = np.random.default_rng(0).integers(0, 255, (2, 128, 128, 3)).astype(np.float32)
    ours, theirs = (network(pictures)["logits"].numpy() for network in (average_orientations(model, 4), shipped))
    assert ours == pytest.approx(theirs, abs=1e-4)
    other, said = start("efficientnet_lite0", "wbc8-lite0", size=64, classes=3, weights_dir=tmp_path)
    assert said == "wbc8-lite0, 245 of 245 backbone arrays"
    assert np.array_equal(other.get_layer("stem_conv").get_weights(), model.get_layer("stem_conv").get_weights())


def test_a_keras_file_serves_another_size_where_half_of_the_arrays_fit(tmp_path):
    from wbc_core.zoo import registry

    path = tmp_path / "cells.keras"
    registry.build("leaky_cnn", 64, 4).save(path)
    _, said = start("leaky_cnn", str(path), size=96, weights_dir=tmp_path)
    # The first dense layer sees more places at 96 px: its kernel and bias start at random.
    assert said == f"{path}, 28 of 30 backbone arrays"
    with pytest.raises(ModelError) as refusal:
        start("baseline_cnn", str(path), weights_dir=tmp_path)
    assert refusal.value.message == (
        f"Of the 30 arrays in the backbone of Baseline CNN with global average pooling, {path} has only 0 of the "
        "same name and shape."
    )


def test_models_and_files_that_are_not_there_are_named(tmp_path):
    (tmp_path / "cells-one").mkdir()
    (tmp_path / "cells-one" / "model.keras").write_bytes(b"no archive")
    with pytest.raises(ModelError) as refusal:
        start("baseline_cnn", "cells-won", weights_dir=tmp_path, models_dir=tmp_path)
    assert refusal.value.message == (
        "There is no installed model 'cells-won' with a Keras file to take first weights from."
    )
    assert refusal.value.hint == (
        "The closest: cells-one. Installed are cells-one. Or choose random, imagenet or a .keras file."
    )
    with pytest.raises(ModelError, match=r"The Keras file .*model\.keras cannot be read"):
        start("baseline_cnn", "cells-one", weights_dir=tmp_path, models_dir=tmp_path)
    with pytest.raises(ModelError, match=r"The file of first weights .*missing\.keras does not exist"):
        start("baseline_cnn", str(tmp_path / "missing.keras"), weights_dir=tmp_path)
    with pytest.raises(ModelError, match="No model is installed in"):
        start("baseline_cnn", "cells-one", weights_dir=tmp_path, models_dir=tmp_path / "none")

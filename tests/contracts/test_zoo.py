"""Every architecture keeps the same promises: any size and number of classes, trains, saves, exports, freezes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from wbc_core.biology.cell_types import CELL_TYPES
from wbc_core.datasets.synthetic import render_cell
from wbc_core.errors import ModelError, RecipeError
from wbc_core.recipes.architectures import ARCHITECTURES

pytestmark = pytest.mark.slow

CLASSES = 3
OUTPUTS = {"logits", "embedding", "feature_map"}


@dataclass
class Trained:
    """A network at its smallest size after one step, saved, loaded again and exported, once for all tests."""

    name: str
    model: Any
    again: Any
    loss: float
    changed: float
    folder: Path
    pictures: np.ndarray
    answers: dict[str, np.ndarray]


def outputs(model, pictures) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in model(pictures, training=False).items()}


def softmax(logits):
    values = np.exp(logits - logits.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def normalisations(model):
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.fixture(scope="module", params=list(ARCHITECTURES))
def trained(request, tmp_path_factory) -> Trained:
    import keras
    import tf2onnx.graph
    import tf2onnx.optimizer

    from wbc_core.training.files import write_onnx
    from wbc_core.zoo import registry

    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    size = registry.LEAST_SIZES.get(request.param, registry.LEAST_SIZE)
    model = registry.build(request.param, size, CLASSES)
    # Cells of all types under lamps from dim to bright: pictures alike leave the last layers nothing but rounding.
    coarser = -(-64 // size)
    cells = [
        render_cell(label, seed=seed, size=size * coarser)[::coarser, ::coarser]
        for seed, label in enumerate(CELL_TYPES)
    ]
    lamps = np.linspace(0.2, 1.0, len(cells))[:, None, None, None]
    pictures = (np.stack(cells) * lamps).astype(np.float32)
    # Statistics of the one batch, at once: with those of a new layer a deep network's logits would be zeros, and any
    # two of them agree. The variance a little wider, so that rounding does not grow from layer to layer.
    momenta = [layer.momentum for layer in normalisations(model)]
    for layer in normalisations(model):
        layer.momentum = 0.0
    before = [variable.numpy() for variable in model.trainable_variables]
    logits = keras.Model(model.input, model.output["logits"])
    logits.compile(
        keras.optimizers.Adam(1e-4), keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True
    )
    loss = float(logits.train_on_batch(pictures, np.arange(len(cells)) % CLASSES))
    for layer, momentum in zip(normalisations(model), momenta, strict=True):
        layer.momentum = momentum
        layer.moving_variance.assign(1.2 * layer.moving_variance)
    after = [variable.numpy() for variable in model.trainable_variables]
    changed = np.mean([not np.array_equal(old, new) for old, new in zip(before, after, strict=True)])
    folder = tmp_path_factory.mktemp(request.param)
    model.save(folder / "model.keras")
    with pytest.MonkeyPatch.context() as patch:
        # The converter copies the graph with all weights before each of its passes, to fall back on where one fails;
        # without the copies a deep network is exported in half the time, and a pass that fails fails the test.
        patch.setattr(tf2onnx.optimizer, "copy", SimpleNamespace(deepcopy=lambda graph: graph))
        # For the same reason: after each pass it writes all weights into the graph's nodes, though only the last
        # writing counts, which alone says where large weights go.
        update = tf2onnx.graph.Graph.update_proto
        patch.setattr(tf2onnx.graph.Graph, "update_proto", lambda graph, *storage: storage and update(graph, *storage))
        # The export loads what was saved, which takes seconds: it is looked at here instead of being loaded once more.
        loaded, load = [], keras.saving.load_model
        patch.setattr(keras.saving, "load_model", lambda *a, **k: loaded.append(load(*a, **k)) or loaded[-1])
        write_onnx(folder / "model.keras", folder / "model.onnx")
    some = pictures[::3]
    (again,) = loaded
    return Trained(request.param, model, again, loss, float(changed), folder, some, outputs(model, some))


def multiplications(model) -> float:
    """Count the multiplications with addition of convolutions, dense layers and attention, in 10⁹."""
    total = 0.0
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("Conv2D", "DepthwiseConv2D", "Dense"):
            places = np.prod(layer.output.shape[1:-1])
            total += float(np.prod(layer.kernel.shape) * places)
        elif kind == "MultiHeadAttention":
            tokens, width = layer.output.shape[1:]
            matrices = sum(np.prod(weight.shape) for weight in layer.weights if "kernel" in weight.path)
            total += float(tokens * matrices + 2 * tokens**2 * width)
    return total / 1e9


def test_the_registry_builds_exactly_the_architectures_of_recipes():
    from wbc_core.zoo.registry import BUILDERS

    assert list(BUILDERS) == list(ARCHITECTURES)


def test_at_96_pixels_with_eight_classes_a_network_has_the_size_and_cost_that_forms_state(trained):
    import keras

    from wbc_core.zoo import registry

    model = registry.build(trained.name, 96, 8)
    stated = ARCHITECTURES[trained.name]
    assert model.count_params() / 1e6 == pytest.approx(stated.parameters_m, rel=0.02)
    assert multiplications(model) == pytest.approx(stated.gmacs_96, rel=0.02)
    assert model.output["logits"].shape == (None, 8)
    # A recipe finds layers by name: a network built second must have the names of the first.
    first, second = ([layer.name for layer in network.layers if layer.weights] for network in (trained.model, model))
    assert first == second
    assert all(layer.dtype_policy.name == "float32" for layer in model.layers)
    keras.utils.clear_session()


def test_it_takes_pictures_and_gives_three_named_outputs(trained):
    assert trained.model.input.name == "image"
    assert trained.model.input.dtype == "float32"
    answers = trained.answers
    assert set(answers) == OUTPUTS
    assert answers["logits"].shape == (3, CLASSES)
    assert answers["embedding"].ndim == 2
    assert answers["feature_map"].ndim == 4
    head = trained.model.get_layer("logits")
    assert head.kernel.shape == (answers["embedding"].shape[1], CLASSES)
    assert answers["logits"] == pytest.approx(answers["embedding"] @ head.kernel.numpy() + head.bias.numpy(), abs=1e-4)


def test_a_signal_passes_the_plain_layers_of_vgg19_before_any_training():
    """With Keras's own first weights it comes out two thousand times weaker."""
    import keras

    from wbc_core.zoo import registry

    keras.utils.set_random_seed(1)
    network = registry.build("vgg19", 64, CLASSES)
    picture = render_cell("neutrophil", seed=0, size=64)[np.newaxis].astype(np.float32)
    into, out = (
        float(np.sqrt(np.mean(np.square(keras.Model(network.input, layer.output)(picture)))))
        for layer in (network.get_layer("normalisation"), network.get_layer("block5_conv4"))
    )
    assert 0.05 < out / into < 20


def test_a_step_of_training_moves_it(trained):
    assert np.isfinite(trained.loss)
    assert trained.changed > 0.9
    assert np.isfinite(trained.answers["logits"]).all()


def test_it_survives_saving(trained):
    answers = outputs(trained.again, trained.pictures)
    for name, value in trained.answers.items():
        assert np.array_equal(answers[name], value), name
    momenta = [layer.momentum for layer in normalisations(trained.again)]
    assert momenta == [layer.momentum for layer in normalisations(trained.model)]
    assert all(0.95 <= momentum <= 0.97 for momentum in momenta)


def test_onnx_agrees_with_keras_for_any_batch(trained):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(trained.folder / "model.onnx"), providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["image"]
    names = [value.name for value in session.get_outputs()]
    assert set(names) == OUTPUTS
    truth = trained.answers
    # What could not differ, could not agree either.
    assert np.ptp(truth["logits"], axis=0).max() > 1e-3
    for count in (1, 3):
        answer = dict(zip(names, session.run(names, {"image": trained.pictures[:count]}), strict=True))
        assert np.abs(softmax(answer["logits"]) - softmax(truth["logits"][:count])).max() < 1e-4
        for name in OUTPUTS - {"logits"}:
            scale = np.abs(truth[name]).max()
            assert np.abs(answer[name] - truth[name][:count]).max() < 1e-4 * scale, name


def test_layers_freeze_through_a_named_one_and_thaw_again(trained):
    from wbc_core.zoo.freezing import block_ends, freeze_through

    model = trained.model
    everything = [weight.path for weight in model.trainable_weights]
    middle = block_ends(model)[len(block_ends(model)) // 2]
    freeze_through(model, middle)
    some = [weight.path for weight in model.trainable_weights]
    freeze_through(model, "backbone")
    head = [weight.path for weight in model.trainable_weights]
    assert 0 < len(head) < len(some) < len(everything)
    assert {"logits/kernel", "logits/bias"} <= set(head)
    if trained.name not in ("leaky_cnn", "raabin_cnn", "compact_transformer"):
        assert len(head) == 2
    with pytest.raises(RecipeError) as refusal:
        freeze_through(model, f"{middle}x")
    assert refusal.value.message == f"The network {trained.name} has no layer '{middle}x' to freeze through."
    assert refusal.value.hint.startswith(f"The closest: {middle}")
    assert block_ends(model)[-1] in refusal.value.hint
    assert [weight.path for weight in model.trainable_weights] == head
    freeze_through(model, None)
    assert [weight.path for weight in model.trainable_weights] == everything


def test_a_step_leaves_frozen_layers_as_they_are_statistics_included():
    import keras

    from wbc_core.zoo import freezing, registry

    model = registry.build("baseline_cnn", 32, CLASSES)
    freezing.freeze_through(model, "stage2_pool")
    before = {weight.path: weight.numpy() for weight in model.weights}
    logits = keras.Model(model.input, model.output["logits"])
    logits.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    logits.train_on_batch(np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)), np.arange(4) % CLASSES)
    kept = {weight.path for weight in model.weights if np.array_equal(weight.numpy(), before[weight.path])}
    assert kept == {path for path in before if path.startswith(("stage1", "stage2"))}


@pytest.mark.parametrize(
    ("architecture", "size", "classes", "dropout", "message"),
    [
        ("resnet51", 96, 8, 0.2, "There is no architecture 'resnet51'. The closest: resnet50"),
        ("vgg19", 31, 8, 0.2, "vgg19 cannot take pictures of 31 × 31 pixels; it needs at least 32 × 32."),
        ("inceptionv3", 74, 8, 0.2, "inceptionv3 cannot take pictures of 74 × 74 pixels; it needs at least 75 × 75."),
        ("baseline_cnn", 32, 1, 0.2, "A network tells at least 2 classes apart, not 1."),
        ("baseline_cnn", 32, 2, 1.0, "The dropout 1.0 is outside 0 to below 1."),
    ],
)
def test_what_cannot_be_built_is_refused(architecture, size, classes, dropout, message):
    from wbc_core.zoo import registry

    with pytest.raises(ModelError) as refusal:
        registry.build(architecture, size, classes, dropout=dropout)
    assert str(refusal.value).startswith(message)


def test_the_dropout_of_a_recipe_is_the_first_of_the_leaky_network():
    from wbc_core.zoo import registry

    model = registry.build("leaky_cnn", 32, 2, dropout=0.5)
    rates = [layer.rate for layer in model.layers if "dropout" in layer.name]
    assert rates == pytest.approx([0.5, 0.4, 0.3])

"""Heat maps of networks with several dense layers after the feature map, exact for the picture at hand.

Dense layers with ReLU or LeakyReLU between them are linear as long as no unit changes sides. For one picture they are
thus one matrix: the product of the weights, with the rows of the units that are off scaled down. Each place's numbers
times that matrix are what the place adds to each logit, and with the constant of the same piece they sum up to it.

Draelos and Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks"
(arXiv:2011.08891): gradient times feature map, place by place. Here the gradient is written down from the stored
weights, so that no training framework is needed. Where the network averages the answers of mirrored views, each view
has a piece of its own; their maps are turned back and averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from wbc_core.explanation.linear_head import TOLERANCE, LinearHead, dense_layer, producer
from wbc_core.explanation.onnx_reading import Graph, Node, read_graph
from wbc_core.imaging.wire_format import delimited
from wbc_core.inference.cards import CARD, read_verified
from wbc_core.inference.classifier import Classifier, open_network

Floats = NDArray[np.float32]

MOST_LAYERS = 8
TURNED: Mapping[int, Sequence[tuple[int, ...]]] = {1: ((),), 2: ((), (1,)), 4: ((), (0,), (1,), (0, 1))}
"""Axes of a picture that are mirrored in each view, by the number of views; checked against the network's own map."""


@dataclass(frozen=True)
class Layer:
    """A dense layer and what follows it.

    Attributes
    ----------
    dense : LinearHead
        Weights (inputs, units) and bias (units,).
    slope : float
        What the following activation multiplies negative values by: 0 for ReLU, 1 for none.
    """

    dense: LinearHead
    slope: float


@dataclass(frozen=True)
class DenseStack:
    """The dense layers of a network, and the network with the input of the first of them as an output.

    Attributes
    ----------
    layers : tuple of Layer
        From the feature map to the logits.
    session : onnxruntime.InferenceSession
        The network, asked for ``features`` too.
    input_name, features : str
        Names of the picture and of the flattened feature maps, (views, height * width * channels).
    """

    layers: tuple[Layer, ...]
    session: onnxruntime.InferenceSession
    input_name: str
    features: str

    def answer(self, crop: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
        """Run the network once for one picture.

        Parameters
        ----------
        crop : ndarray of uint8, shape (size, size, 3)
            A preprocessed picture in RGB.

        Returns
        -------
        logits : ndarray of float32, shape (labels,)
            As the network gives them.
        maps : ndarray of float32, shape (labels, height, width)
            What each place adds to each logit, times the number of places.
        constant : ndarray of float32, shape (labels,)
            What the biases add; the average of a map plus this is the logit.
        """
        return self._explained(*self._run(crop))

    def holds_for(self, crop: NDArray[np.uint8]) -> bool:
        """Say whether the layers give the network's logits, and the views turned back its feature map."""
        logits, feature_map, flat = self._run(crop)
        if feature_map.ndim != 4 or flat.ndim != 2 or len(flat) not in TURNED:
            return False
        if flat.shape[1] != feature_map[0].size or flat.shape[1] != len(self.layers[0].dense.weights):
            return False
        views = flat.reshape(-1, *feature_map.shape[1:])
        turned = [np.flip(view, axes) for view, axes in zip(views, TURNED[len(views)], strict=True)]
        _, maps, constant = self._explained(logits, feature_map, flat)
        return _equal(np.mean(turned, axis=0), feature_map[0]) and _equal(maps.mean(axis=(1, 2)) + constant, logits[0])

    def _run(self, crop: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
        """Return logits (1, labels), feature map (1, height, width, channels) and flattened maps of the views."""
        pictures = crop[np.newaxis].astype(np.float32)
        logits, feature_map, flat = self.session.run(
            ["logits", "feature_map", self.features], {self.input_name: pictures}
        )
        return logits, feature_map, flat

    def _explained(self, logits: Floats, feature_map: Floats, flat: Floats) -> tuple[Floats, Floats, Floats]:
        height, width, channels = feature_map.shape[1:]
        matrices, constants = pieces(self.layers, flat)
        added = (flat[:, :, np.newaxis] * matrices).reshape(len(flat), height, width, channels, -1).sum(axis=3)
        turned = [np.flip(view, axes) for view, axes in zip(added, TURNED[len(flat)], strict=True)]
        mean = np.moveaxis(np.mean(turned, axis=0), -1, 0) * np.float32(height * width)
        return logits[0], np.ascontiguousarray(mean), constants.mean(axis=0)


def pieces(layers: Sequence[Layer], features: Floats) -> tuple[Floats, Floats]:
    """Return the linear maps that dense layers are for some inputs.

    Parameters
    ----------
    layers : sequence of Layer
        From the first to the last.
    features : ndarray of float32, shape (views, inputs)
        What the first layer takes.

    Returns
    -------
    matrices : ndarray of float32, shape (views, inputs, outputs)
        The layers' gradient at each input.
    constants : ndarray of float32, shape (views, outputs)
        A view's features times its matrix, plus its constant, is what the layers give.

    Examples
    --------
    >>> first = Layer(LinearHead(np.array([[1.0, -1.0]], np.float32), np.zeros(2, np.float32)), 0.0)
    >>> last = Layer(LinearHead(np.array([[2.0], [3.0]], np.float32), np.ones(1, np.float32)), 1.0)
    >>> [values.tolist() for values in pieces([first, last], np.array([[4.0], [-4.0]], np.float32))]
    [[[[2.0]], [[-3.0]]], [[1.0], [1.0]]]
    """
    slopes, values = [], features
    for layer in layers:
        before = values @ layer.dense.weights + layer.dense.bias
        slopes.append(np.where(before > 0, np.float32(1), np.float32(layer.slope)))
        values = before * slopes[-1]
    views, outputs = values.shape
    # Units before views: each layer's weights are then read from memory once for all views.
    matrix = np.repeat(np.eye(outputs, dtype=np.float32)[:, np.newaxis], views, axis=1)
    constants = np.zeros((views, outputs), np.float32)
    for layer, slope in zip(reversed(layers), reversed(slopes), strict=True):
        matrix = matrix * slope.T[:, :, np.newaxis]
        constants += np.einsum("u,uvo->vo", layer.dense.bias, matrix)
        matrix = (layer.dense.weights @ matrix.reshape(len(matrix), -1)).reshape(-1, views, outputs)
    return np.moveaxis(matrix, 1, 0), constants


def find_layers(data: bytes) -> tuple[tuple[Layer, ...], str] | None:
    """Read the dense layers before the output ``logits`` from an ONNX file.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    tuple of (tuple of Layer, str), or None
        The layers from the first to the last, and the name of what the first takes; None where there are none.
    """
    try:
        graph = read_graph(data)
    except ValueError:
        return None
    node, slope = _last_layer(graph), 1.0
    layers: list[Layer] = []
    name = ""
    while len(layers) < MOST_LAYERS:
        found = dense_layer(graph, node)
        if found is None:
            break
        layers.insert(0, Layer(found[0], slope))
        name = found[1]
        node = producer(graph, name)
        if node is None or node.kind not in ("Relu", "LeakyRelu"):
            break
        slope = node.floats.get("alpha", 0.01) if node.kind == "LeakyRelu" else 0.0
        node = producer(graph, node.inputs[0])
    return (tuple(layers), name) if layers else None


def _last_layer(graph: Graph) -> Node | None:
    """Return the operation that ends the last dense layer: before the average over views, where there is one."""
    node = producer(graph, "logits")
    while node is not None and node.kind in ("ReduceMean", "Concat", "Unsqueeze", "Split"):
        node = producer(graph, node.inputs[0])
    return node


def stack_of(classifier: Classifier, folder: Path) -> DenseStack | None:
    """Return the dense layers of a model, once they have been seen to give its answers.

    Parameters
    ----------
    classifier : Classifier
        The model.
    folder : Path
        Its folder, with ``model.onnx``.

    Returns
    -------
    DenseStack or None
        None where something else stands between feature map and answer.

    Raises
    ------
    ModelError
        If the file differs from its card.
    """
    return _checked(classifier, folder, (folder / CARD).stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _checked(classifier: Classifier, folder: Path, card_changed: int) -> DenseStack | None:
    if "feature_map" not in {output.name for output in classifier.session.get_outputs()}:
        return None
    data = read_verified(folder, classifier.card, "model.onnx")
    found = find_layers(data)
    if found is None:
        return None
    threads = classifier.session.get_session_options().intra_op_num_threads
    session = open_network(with_output(data, found[1]), threads, classifier.card.id)
    stack = DenseStack(found[0], session, classifier.input_name, found[1])
    noise = np.random.default_rng(0).integers(0, 256, (2, *classifier.card.input_size)).astype(np.uint8)
    return stack if all(stack.holds_for(crop) for crop in noise) else None


def with_output(data: bytes, name: str) -> bytes:
    """Return an ONNX file that gives one more value: a message read twice is merged, so the output is appended.

    Examples
    --------
    >>> with_output(b"", "x").hex()
    '3a0562030a0178'
    """
    message = delimited(1, name.encode())  # ValueInfoProto.name
    return data + delimited(7, delimited(12, message))  # ModelProto.graph, GraphProto.output


def _equal(ours: Floats, theirs: Floats) -> bool:
    return bool(np.abs(ours - theirs).max() <= TOLERANCE * max(1.0, float(np.abs(theirs).max())))

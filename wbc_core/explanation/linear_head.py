"""The last layer of a network whose head is the average over the feature map and one dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wbc_core.errors import ModelError
from wbc_core.explanation.onnx_reading import Graph, Node, read_graph
from wbc_core.inference.cards import CARD, read_verified
from wbc_core.inference.classifier import Classifier

TOLERANCE = 1e-4
"""Largest difference of a logit from its closed form, as a share of the largest logit (or of 1)."""


@dataclass(frozen=True)
class LinearHead:
    """Weights of the dense layer.

    Attributes
    ----------
    weights : ndarray of float32, shape (channels, labels)
        Of each channel of the feature map for each label.
    bias : ndarray of float32, shape (labels,)
        Logit of a map of zeros.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def find_head(data: bytes) -> LinearHead | None:
    """Read the dense layer before the output ``logits`` from an ONNX file.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    LinearHead or None
        None where something else than a dense layer gives the logits. Whether an average over the map comes before it
        is for :func:`head_of` to find out.
    """
    try:
        graph = read_graph(data)
    except ValueError:
        return None
    found = dense_layer(graph, producer(graph, "logits"))
    return None if found is None else found[0]


def dense_layer(graph: Graph, node: Node | None) -> tuple[LinearHead, str] | None:
    """Read the dense layer that ends in an operation.

    Parameters
    ----------
    graph : Graph
        Of an ONNX file.
    node : Node or None
        The layer's last operation: a product, or the addition of the bias.

    Returns
    -------
    tuple of LinearHead and str, or None
        Weights and bias, and the name of what the layer takes; None where the operation ends no dense layer.
    """
    bias = None
    if node is not None and node.kind == "Add":
        arrays = [_stored(graph, name) for name in node.inputs]
        if len(arrays) != 2 or (arrays[0] is None) == (arrays[1] is None):
            return None
        at = 0 if arrays[0] is not None else 1
        bias, node = arrays[at], producer(graph, node.inputs[1 - at])
    if node is None or node.kind not in ("MatMul", "Gemm") or len(node.inputs) < 2:
        return None
    weights = _stored(graph, node.inputs[1])
    if weights is None or weights.ndim != 2:
        return None
    if node.integers.get("transB"):
        weights = np.ascontiguousarray(weights.T)
    if node.kind == "Gemm" and len(node.inputs) > 2:
        bias = _stored(graph, node.inputs[2])
    outputs = weights.shape[1]
    if bias is None:
        bias = np.zeros(outputs, np.float32)
    return (LinearHead(weights, bias.reshape(-1)), node.inputs[0]) if bias.size == outputs else None


def producer(graph: Graph, name: str) -> Node | None:
    """Return the operation that gives a value, past those that hand it on unchanged."""
    node = graph.producers.get(name)
    while node is not None and node.kind == "Identity":
        node = graph.producers.get(node.inputs[0])
    return node


def _stored(graph: Graph, name: str) -> NDArray[np.float32] | None:
    """Return a stored array, past the cast of one that is stored in half precision."""
    node = graph.producers.get(name)
    while node is not None and node.kind in ("Identity", "Cast"):
        name = node.inputs[0]
        node = graph.producers.get(name)
    return graph.array(name)


def head_of(classifier: Classifier, folder: Path) -> LinearHead:
    """Return the head of a model, once the closed form has been seen to hold for its network.

    Two pictures of noise go through the network: the average of their feature maps times the weights, plus the bias,
    must be their logits. A network with anything else between map and logits fails that.

    Parameters
    ----------
    classifier : Classifier
        The model.
    folder : Path
        Its folder, with ``model.onnx``.

    Returns
    -------
    LinearHead

    Raises
    ------
    ModelError
        If the model has another head, or its file differs from its card.
    """
    return _checked(classifier, folder, (folder / CARD).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _checked(classifier: Classifier, folder: Path, card_changed: int) -> LinearHead:
    outputs = {output.name for output in classifier.session.get_outputs()}
    head = find_head(read_verified(folder, classifier.card, "model.onnx")) if "feature_map" in outputs else None
    if head is None or not _holds(classifier, head):
        raise ModelError(
            f"The head of the model {classifier.card.id} is more than an average over the feature map and one dense "
            f"layer.",
            "What rests on the averaged map needs that head; docs/explanation.md says more. Choose another model.",
        )
    return head


def _holds(classifier: Classifier, head: LinearHead) -> bool:
    height, width, _ = classifier.card.input_size
    noise = np.random.default_rng(0).integers(0, 256, (2, height, width, 3)).astype(np.float32)
    logits, maps = classifier.session.run(["logits", "feature_map"], {classifier.input_name: noise})
    if maps.ndim != 4 or maps.shape[-1] != head.weights.shape[0]:
        return False
    closed = maps.mean(axis=(1, 2)) @ head.weights + head.bias
    return bool(np.abs(closed - logits).max() <= TOLERANCE * max(1.0, float(np.abs(logits).max())))

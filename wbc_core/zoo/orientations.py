"""A network that looks at a cell in several orientations: a smear has no up and no left.

The feature maps of mirrored pictures are turned back and averaged (test-time averaging, Krizhevsky et al. 2012). The
average is part of the network: the served file, the Keras file and every program that loads them give the same answer.
Where the head is linear in the pooled map, it is applied once, to the average, so that its class activation map stays a
closed form of the averaged map. Other heads, with dense layers or attention after the map, answer for each view, and
their logits and embeddings are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from wbc_core.errors import ModelError

Mirrors = tuple[tuple[int, ...], ...]

MIRRORS: Mapping[int, Mirrors] = {1: ((),), 2: ((), (2,)), 4: ((), (1,), (2,), (1, 2))}
"""Axes mirrored for each orientation (1 from top to bottom, 2 from left to right), by number of orientations."""


def average_orientations(network: keras.Model, orientations: int) -> keras.Model:
    """Wrap a network so that it averages over mirrored orientations.

    Parameters
    ----------
    network : keras.Model
        As the registry builds it: gives ``logits``, ``embedding`` and ``feature_map``.
    orientations : int
        1, 2 (left and right) or 4 (both axes).

    Returns
    -------
    keras.Model
        With the outputs ``logits``, ``embedding`` and ``feature_map`` of the average, and the network's own weights;
        the network, or what of it makes the feature map, is in it as a model named ``backbone``.

    Raises
    ------
    ModelError
        If the number of orientations is another.
    """
    if orientations not in MIRRORS:
        raise ModelError(f"A network cannot average over {orientations} orientations.", "Choose 1, 2 or 4.")
    if orientations == 1:
        return network
    inputs = keras.layers.Input(network.input_shape[1:], name="image")
    average = _average_map if _has_linear_head(network) else _average_answers
    return keras.Model(inputs, average(network, inputs, MIRRORS[orientations]), name=f"{network.name}_averaged")


def _has_linear_head(network: keras.Model) -> bool:
    """Say whether only the average over all places stands between the feature map and the linear head."""
    return any(
        layer.name == "embedding" and isinstance(layer, keras.layers.GlobalAveragePooling2D) for layer in network.layers
    )


def _average_map(network: keras.Model, inputs: Any, mirrors: Mirrors) -> dict[str, Any]:
    backbone = keras.Model(network.input, network.output["feature_map"], name="backbone")
    feature_map = _mean_map(backbone(_views(inputs, mirrors)), mirrors)
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(feature_map)
    logits = network.get_layer("logits")(embedding)
    return {"logits": logits, "embedding": embedding, "feature_map": feature_map}


def _average_answers(network: keras.Model, inputs: Any, mirrors: Mirrors) -> dict[str, Any]:
    answers = keras.Model(network.input, network.output, name="backbone")(_views(inputs, mirrors))
    return {
        "logits": _mean(ops.split(answers["logits"], len(mirrors), axis=0)),
        "embedding": _mean(ops.split(answers["embedding"], len(mirrors), axis=0)),
        "feature_map": _mean_map(answers["feature_map"], mirrors),
    }


def _views(picture: Any, mirrors: Mirrors) -> Any:
    return ops.concatenate([_mirrored(picture, axes) for axes in mirrors], axis=0)


def _mean_map(maps: Any, mirrors: Mirrors) -> Any:
    """Turn the views' maps back and average them."""
    parts = ops.split(maps, len(mirrors), axis=0)
    return _mean([_mirrored(part, axes) for part, axes in zip(parts, mirrors, strict=True)])


def _mean(parts: Sequence[Any]) -> Any:
    return ops.mean(ops.stack(parts, axis=0), axis=0)


def _mirrored(x: Any, axes: tuple[int, ...]) -> Any:
    return ops.flip(x, axis=axes) if axes else x

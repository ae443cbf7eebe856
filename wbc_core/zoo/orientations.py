"""A network that looks at a cell in several orientations: a smear has no up and no left.

The backbone's feature maps of mirrored pictures are turned back and averaged before the head (test-time averaging,
Krizhevsky et al. 2012). The average is part of the network: the served file, the Keras file and every program that
loads them give the same answer. As the head is linear, its class activation map stays a closed form of the average.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from wbc_core.errors import ModelError

MIRRORS = {1: ((),), 2: ((), (2,)), 4: ((), (1,), (2,), (1, 2))}
"""Axes mirrored for each orientation (1 from top to bottom, 2 from left to right), by number of orientations."""


def average_orientations(network: keras.Model, orientations: int) -> keras.Model:
    """Wrap a network so that it averages over mirrored orientations.

    Parameters
    ----------
    network : keras.Model
        Gives ``feature_map``; its layer ``logits`` is the head.
    orientations : int
        1, 2 (left and right) or 4 (both axes).

    Returns
    -------
    keras.Model
        With the outputs ``logits``, ``embedding`` and ``feature_map`` of the average, and the network's own weights.

    Raises
    ------
    ModelError
        If the number of orientations is another.
    """
    if orientations not in MIRRORS:
        raise ModelError(f"A network cannot average over {orientations} orientations.", "Choose 1, 2 or 4.")
    if orientations == 1:
        return network
    mirrors = MIRRORS[orientations]
    inputs = keras.layers.Input(network.input_shape[1:], name="image")
    views = ops.concatenate([_mirrored(inputs, axes) for axes in mirrors], axis=0)
    backbone = keras.Model(network.input, network.output["feature_map"], name="backbone")
    maps = ops.split(backbone(views), orientations, axis=0)
    turned = [_mirrored(part, axes) for part, axes in zip(maps, mirrors, strict=True)]
    feature_map = ops.mean(ops.stack(turned, axis=0), axis=0)
    embedding = keras.layers.GlobalAveragePooling2D(name="embedding")(feature_map)
    logits = network.get_layer("logits")(embedding)
    return keras.Model(
        inputs, {"logits": logits, "embedding": embedding, "feature_map": feature_map}, name=f"{network.name}_averaged"
    )


def _mirrored(x: Any, axes: tuple[int, ...]) -> Any:
    return ops.flip(x, axis=axes) if axes else x

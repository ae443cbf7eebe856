"""What all networks share at their ends: the input, the linear head and the three named outputs."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def picture_input(size: int) -> Any:
    """Return the input: float32 RGB of shape (batch, size, size, 3) in 0 to 255."""
    return layers.Input((size, size, 3), name="image")


def pooled_network(name: str, inputs: Any, feature_map: Any, classes: int, dropout: float) -> keras.Model:
    """Close a network with the average over all places, dropout and a linear head.

    Parameters
    ----------
    name : str
        Name of the network.
    inputs : keras.KerasTensor
        The picture.
    feature_map : keras.KerasTensor
        The last spatial map, (batch, height, width, channels).
    classes : int
        Number of outputs.
    dropout : float
        Share of the pooled features dropped in training.

    Returns
    -------
    keras.Model
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, channels) and ``feature_map``.
    """
    embedding = layers.GlobalAveragePooling2D(name="embedding")(feature_map)
    dropped = layers.Dropout(dropout, name="dropout")(embedding)
    return network(name, inputs, dropped, classes, embedding=embedding, feature_map=feature_map)


def network(name: str, inputs: Any, last: Any, classes: int, *, embedding: Any, feature_map: Any) -> keras.Model:
    """Put the linear head on ``last`` and name the three outputs; logits are float32 in mixed precision too."""
    logits = layers.Dense(classes, dtype="float32", name="logits")(last)
    return keras.Model(inputs, {"logits": logits, "embedding": embedding, "feature_map": feature_map}, name=name)

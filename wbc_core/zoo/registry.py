"""The networks by name: one builder for each architecture that a recipe may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

import keras

from wbc_core.errors import ModelError
from wbc_core.zoo import (
    baseline_cnn,
    compact_transformer,
    densenet201,
    efficientnet_lite0,
    inceptionv3,
    leaky_cnn,
    mobilenetv2,
    raabin_cnn,
    resnet50,
    resnet101v2,
    vgg19,
)

BUILDERS: Mapping[str, Callable[..., keras.Model]] = MappingProxyType(
    {
        "vgg19": vgg19.build,
        "inceptionv3": inceptionv3.build,
        "mobilenetv2": mobilenetv2.build,
        "densenet201": densenet201.build,
        "resnet101v2": resnet101v2.build,
        "resnet50": resnet50.build,
        "leaky_cnn": leaky_cnn.build,
        "baseline_cnn": baseline_cnn.build,
        "raabin_cnn": raabin_cnn.build,
        "efficientnet_lite0": efficientnet_lite0.build,
        "compact_transformer": compact_transformer.build,
    }
)

LEAST_SIZE = 32
"""Smallest side in pixels that leaves a feature map of at least one place after the usual five halvings."""

LEAST_SIZES: Mapping[str, int] = MappingProxyType({"inceptionv3": 75})
"""Architectures that need more: the unpadded convolutions of InceptionV3 eat smaller pictures up."""


def build(architecture: str, size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build a network with random weights.

    Parameters
    ----------
    architecture : str
        One of :data:`wbc_core.recipes.architectures.ARCHITECTURES`.
    size : int
        Side of the input in pixels; the input ``image`` is float32 RGB of shape (batch, size, size, 3) in 0 to 255.
    classes : int
        Number of outputs, at least 2.
    dropout : float
        Share of features dropped in training, 0 to below 1.

    Returns
    -------
    keras.Model
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, features), the vector before the head, and
        ``feature_map`` (batch, height, width, channels), the last spatial map.

    Raises
    ------
    ModelError
        If there is no such architecture, or size, classes or dropout are outside its limits.
    """
    if architecture not in BUILDERS:
        close = get_close_matches(architecture, BUILDERS, n=2, cutoff=0.4)
        near = f"The closest: {', '.join(close)}. " if close else ""
        raise ModelError(
            f"There is no architecture {architecture!r}.", f"{near}There are {', '.join(sorted(BUILDERS))}."
        )
    least = LEAST_SIZES.get(architecture, LEAST_SIZE)
    if size < least:
        raise ModelError(
            f"{architecture} cannot take pictures of {size} × {size} pixels; it needs at least {least} × {least}.",
            "Raise preprocessing.size, or choose another architecture.",
        )
    if classes < 2:
        raise ModelError(f"A network tells at least 2 classes apart, not {classes}.", "Name two labels or more.")
    if not 0 <= dropout < 1:
        raise ModelError(f"The dropout {dropout} is outside 0 to below 1.", "Choose 0 to 0.9, for example 0.2.")
    return BUILDERS[architecture](size, classes, dropout=dropout)

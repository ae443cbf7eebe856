"""Baseline CNN: six convolutions with batch normalisation, global average pooling, no shortcuts.

Small enough to learn from random weights on two cores, and the yardstick that deeper networks have to beat.

References
----------
Reference system C of this project's comparison. Batch normalisation: Ioffe and Szegedy 2015, arXiv:1502.03167;
global average pooling: Lin, Chen and Yan 2014, *Network In Network*, arXiv:1312.4400.
"""

from __future__ import annotations

import keras
from keras import layers

from wbc_core.zoo import heads, normalisation

STAGES = ((32,), (64,), (96, 128), (192, 256))
"""Filters of the convolutions of each stage; a max-pooling halves the map between two stages."""

MOMENTUM = 0.95
"""Of batch normalisation; lower than elsewhere, as the weights start at random and move fast."""


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build the baseline CNN.

    Parameters
    ----------
    size : int
        Side of the input in pixels, at least 32; the input is float32 RGB of shape (batch, size, size, 3) in 0 to 255.
    classes : int
        Number of outputs.
    dropout : float
        Share of pooled features dropped in training.

    Returns
    -------
    keras.Model
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 256) and ``feature_map``
        (batch, size/8, size/8, 256).
    """
    inputs = heads.picture_input(size)
    x = normalisation.from_minus_one_to_one(inputs)
    for stage, widths in enumerate(STAGES, start=1):
        if stage > 1:
            x = layers.MaxPooling2D(name=f"stage{stage - 1}_pool")(x)
        for letter, filters in zip("ab", widths, strict=False):
            name = f"stage{stage}{letter}"
            x = layers.Conv2D(
                filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
            )(x)
            x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
    return heads.pooled_network("baseline_cnn", inputs, x, classes, dropout)

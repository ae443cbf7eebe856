"""Compact convolutional transformer: convolutions make tokens, attention relates them, a weighted mean pools them.

Small enough to learn from some thousand pictures without pretraining, and the one network here that relates distant
parts of a cell from its first block on. It departs from the paper in one point: instead of a learned
vector for each place, a 3 × 3 convolution in depth tells the tokens where they are (Chu et al. 2023), so that the same
weights serve any input size.

References
----------
Hassani et al. 2021, *Escaping the Big Data Paradigm with Compact Transformers*, arXiv:2104.05704; positions: Chu et
al. 2023, *Conditional Positional Encodings for Vision Transformers*, arXiv:2102.10882; a vision transformer on the
eight classes of PBC: Katar and Yildirim 2023, Diagnostics 13(14):2459, doi:10.3390/diagnostics13142459.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from wbc_core.zoo import heads, normalisation

STEM = (32, 64)
"""Filters of the convolutions before the one that makes tokens."""

WIDTH = 128
DEPTH = 7
ATTENTION_HEADS = 4
EXPANSION = 2
BLOCK_DROPOUT = 0.1
"""Share of features dropped after each attention and each pair of dense layers."""


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build the compact convolutional transformer with a linear head.

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
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 128) and ``feature_map``
        (batch, size/8, size/8, 128), the tokens in their places.
    """
    inputs = heads.picture_input(size)
    x = normalisation.from_minus_one_to_one(inputs)
    for number, filters in enumerate((*STEM, WIDTH), start=1):
        x = layers.Conv2D(
            filters,
            3,
            strides=2 if number == 1 else 1,
            padding="same",
            use_bias=False,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"tokens{number}_conv",
        )(x)
        if number > 1:
            x = layers.MaxPooling2D(3, 2, "same", name=f"tokens{number}_pool")(x)
    places = layers.DepthwiseConv2D(3, padding="same", name="places_dwconv")(x)
    x = layers.Add(name="places_add")([x, places])
    _, height, width, _ = x.shape
    x = layers.Reshape((height * width, WIDTH), name="tokens")(x)
    for number in range(1, DEPTH + 1):
        x = _block(x, f"block{number}")
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    feature_map = layers.Reshape((height, width, WIDTH), name="grid")(x)
    x = layers.Reshape((height * width, WIDTH), name="grid_tokens")(feature_map)
    share = layers.Softmax(axis=1, name="pool_share")(layers.Dense(1, name="pool_dense")(x))
    pooled = layers.Dot(axes=1, name="pool_sum")([share, x])
    embedding = layers.Reshape((WIDTH,), name="embedding")(pooled)
    dropped = layers.Dropout(dropout, name="dropout")(embedding)
    return heads.network("compact_transformer", inputs, dropped, classes, embedding=embedding, feature_map=feature_map)


def _block(x: Any, name: str) -> Any:
    """Attention, then two dense layers, each on normalised tokens and added to what came in."""
    normed = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm1")(x)
    # Dropout stands beside the attention, not in it: the loop seeds only the layers that it can see.
    related = layers.MultiHeadAttention(ATTENTION_HEADS, WIDTH // ATTENTION_HEADS, name=f"{name}_attention")(
        normed, normed
    )
    related = layers.Dropout(BLOCK_DROPOUT, name=f"{name}_attention_dropout")(related)
    x = layers.Add(name=f"{name}_attention_add")([x, related])
    normed = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm2")(x)
    y = layers.Dense(EXPANSION * WIDTH, name=f"{name}_dense1")(normed)
    # Approximated by a hyperbolic tangent: the exact one takes an operation that ONNX does not know.
    y = layers.Dense(WIDTH, name=f"{name}_dense2")(ops.gelu(y, approximate=True))
    y = layers.Dropout(BLOCK_DROPOUT, name=f"{name}_dense_dropout")(y)
    return layers.Add(name=f"{name}_add")([x, y])

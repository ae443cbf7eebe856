"""EfficientNet-Lite0: the EfficientNet made for plain hardware (ReLU6, no squeeze-and-excite).

References
----------
Tan and Le 2019, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, arXiv:1905.11946;
the Lite variant: Liu 2020, tensorflow/tpu repository, ``efficientnet/lite``.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from wbc_core.zoo import heads, normalisation

STAGES = (
    # repeats, kernel, stride of the first block, expansion, channels out
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
FEATURES = 1280


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build EfficientNet-Lite0 with a linear head.

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
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 1280) and ``feature_map``
        (batch, size/32, size/32, 1280).
    """
    inputs = heads.picture_input(size)
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="normalisation")(inputs)
    x = layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem_conv")(x)
    x = _norm(x, "stem_bn", activate=True)
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES, start=1):
        for repeat in range(repeats):
            name = f"block{stage}{'abcd'[repeat]}"
            x = _block(x, name, kernel, stride if repeat == 0 else 1, expansion, channels)
    x = layers.Conv2D(FEATURES, 1, use_bias=False, name="top_conv")(x)
    feature_map = _norm(x, "top_bn", activate=True)
    return heads.pooled_network("efficientnet_lite0", inputs, feature_map, classes, dropout)


def _norm(x: Any, name: str, *, activate: bool) -> Any:
    x = layers.BatchNormalization(epsilon=1e-3, momentum=normalisation.MOMENTUM, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


def _block(x: Any, name: str, kernel: int, stride: int, expansion: int, channels: int) -> Any:
    """Inverted residual block: expand, filter in depth, project; the input is added where shapes agree."""
    entry, entered = x, int(x.shape[-1])
    if expansion > 1:
        x = layers.Conv2D(entered * expansion, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _norm(x, f"{name}_expand_bn", activate=True)
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_dwconv")(x)
    x = _norm(x, f"{name}_bn", activate=True)
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _norm(x, f"{name}_project_bn", activate=False)
    return layers.Add(name=f"{name}_add")([entry, x]) if stride == 1 and entered == channels else x

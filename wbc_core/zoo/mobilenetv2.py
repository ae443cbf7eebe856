"""MobileNetV2: inverted residual blocks for small machines.

References
----------
Sandler et al. 2018, *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, arXiv:1801.04381; layers and names of
``keras.applications``.
"""

from __future__ import annotations

import keras

from wbc_core.zoo import heads, normalisation


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build MobileNetV2 with a linear head.

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
    x = normalisation.from_minus_one_to_one(inputs)
    backbone = keras.applications.MobileNetV2(include_top=False, weights=None, input_tensor=x)
    normalisation.lower_momentum(backbone)
    return heads.pooled_network("mobilenetv2", inputs, backbone.output, classes, dropout)

"""ResNet50: residual blocks of three convolutions.

References
----------
He et al. 2016, *Deep Residual Learning for Image Recognition*, arXiv:1512.03385; layers and names of
``keras.applications``.
"""

from __future__ import annotations

import keras

from wbc_core.zoo import heads, normalisation


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build ResNet50 with a linear head.

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
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 2048) and ``feature_map``
        (batch, size/32, size/32, 2048).
    """
    inputs = heads.picture_input(size)
    x = normalisation.caffe(inputs)
    backbone = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    normalisation.lower_momentum(backbone)
    return heads.pooled_network("resnet50", inputs, backbone.output, classes, dropout)

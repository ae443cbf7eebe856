"""ResNet101V2: residual blocks with normalisation and activation before each convolution.

References
----------
He et al. 2016, *Identity Mappings in Deep Residual Networks*, arXiv:1603.05027; layers and names of
``keras.applications``.
"""

from __future__ import annotations

import keras

from wbc_core.zoo import heads, normalisation


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build ResNet101V2 with a linear head.

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
    x = normalisation.from_minus_one_to_one(inputs)
    backbone = keras.applications.ResNet101V2(include_top=False, weights=None, input_tensor=x)
    normalisation.lower_momentum(backbone)
    return heads.pooled_network("resnet101v2", inputs, backbone.output, classes, dropout)

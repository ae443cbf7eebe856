"""DenseNet201: every layer of a block sees the features of all before it.

References
----------
Huang et al. 2017, *Densely Connected Convolutional Networks*, arXiv:1608.06993; layers and names of
``keras.applications``.
"""

from __future__ import annotations

import keras

from wbc_core.zoo import heads, normalisation


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build DenseNet201 with a linear head.

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
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 1920) and ``feature_map``
        (batch, size/32, size/32, 1920).
    """
    inputs = heads.picture_input(size)
    x = normalisation.torch(inputs)
    backbone = keras.applications.DenseNet201(include_top=False, weights=None, input_tensor=x)
    normalisation.lower_momentum(backbone)
    return heads.pooled_network("densenet201", inputs, backbone.output, classes, dropout)

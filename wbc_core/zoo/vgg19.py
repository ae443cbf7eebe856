"""VGG19: nineteen plain layers of 3 × 3 convolutions and max-pooling.

References
----------
Simonyan and Zisserman 2015, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, arXiv:1409.1556;
layers and names of ``keras.applications``. First weights: He et al. 2015, *Delving Deep into Rectifiers*,
arXiv:1502.01852.
"""

from __future__ import annotations

import keras

from wbc_core.zoo import heads, normalisation


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build VGG19 with a linear head.

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
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 512) and ``feature_map``
        (batch, size/32, size/32, 512).
    """
    inputs = heads.picture_input(size)
    x = normalisation.caffe(inputs)
    backbone = keras.applications.VGG19(include_top=False, weights=None, input_tensor=x)
    # With Keras's own first weights the signal fades by half in every two layers, and random weights learn nothing.
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.kernel.assign(keras.initializers.HeNormal()(layer.kernel.shape))
    return heads.pooled_network("vgg19", inputs, backbone.output, classes, dropout)

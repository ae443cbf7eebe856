"""Four-block LeakyReLU CNN: the network of a public four-class app for the Kaggle blood-cell pictures.

Four blocks of convolution, LeakyReLU, batch normalisation and max-pooling, then three dense layers with falling
dropout.

References
----------
Reference system B of this project's comparison; the activation: Maas, Hannun and Ng 2013, *Rectifier Nonlinearities
Improve Neural Network Acoustic Models*, ICML Workshop on Deep Learning for Audio, Speech and Language Processing.
"""

from __future__ import annotations

import keras
from keras import layers

from wbc_core.zoo import heads, normalisation

FILTERS = (32, 64, 128, 256)
DENSE = (512, 256, 128)
DROPOUT = (1.0, 0.8, 0.6)
"""Dropout of each dense layer as a share of the first one's: 0.5, 0.4 and 0.3 in the original."""


def build(size: int, classes: int, *, dropout: float = 0.5) -> keras.Model:
    """Build the four-block LeakyReLU CNN.

    Parameters
    ----------
    size : int
        Side of the input in pixels, at least 32; the input is float32 RGB of shape (batch, size, size, 3) in 0 to 255.
    classes : int
        Number of outputs.
    dropout : float
        Share of features dropped after the first dense layer; the second drops 0.8 and the third 0.6 of this share.

    Returns
    -------
    keras.Model
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 128) and ``feature_map``
        (batch, size/16, size/16, 256).
    """
    inputs = heads.picture_input(size)
    x = normalisation.from_minus_one_to_one(inputs)
    for number, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", name=f"block{number}_conv")(x)
        x = layers.LeakyReLU(0.1, name=f"block{number}_leaky")(x)
        x = layers.BatchNormalization(momentum=normalisation.MOMENTUM, name=f"block{number}_bn")(x)
        x = layers.MaxPooling2D(name=f"block{number}_pool")(x)
    feature_map = x
    x = layers.Flatten(name="flatten")(x)
    for number, (units, share) in enumerate(zip(DENSE, DROPOUT, strict=True), start=1):
        x = layers.Dense(units, name=f"dense{number}")(x)
        embedding = layers.LeakyReLU(0.1, name=f"dense{number}_leaky")(x)
        x = layers.Dropout(share * dropout, name=f"dense{number}_dropout")(embedding)
    return heads.network("leaky_cnn", inputs, x, classes, embedding=embedding, feature_map=feature_map)

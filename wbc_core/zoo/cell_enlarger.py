"""Cell enlarger: a small network that adds to an interpolated picture what interpolation loses, twice the size.

It works at the small size and enlarges in its last layer, so that it costs a quarter of what it would after an
enlargement. It predicts the difference to bicubic interpolation alone (residual learning: Kim et al. 2016,
arXiv:1511.04587).

References
----------
Dong, Loy and Tang 2016, *Accelerating the Super-Resolution Convolutional Neural Network*, arXiv:1608.00367; here with
half its widths.
"""

from __future__ import annotations

import keras
from keras import layers

FACTOR = 2
WIDTH, NARROW, DEPTH = 32, 12, 3


def build() -> keras.Model:
    """Build the network with random weights.

    Returns
    -------
    keras.Model
        From luminance, float32 in 0 to 1 of shape (batch, height, width, 1), to what is to be added to its bicubic
        enlargement, float32 of shape (batch, 2 * height, 2 * width, 1).
    """
    inputs = layers.Input((None, None, 1), name="luminance")
    x = layers.Conv2D(WIDTH, 5, padding="same", name="features")(inputs)
    x = layers.LeakyReLU(0.1, name="features_leaky")(x)
    x = layers.Conv2D(NARROW, 1, name="narrow")(x)
    x = layers.LeakyReLU(0.1, name="narrow_leaky")(x)
    for number in range(1, DEPTH + 1):
        x = layers.Conv2D(NARROW, 3, padding="same", name=f"map{number}")(x)
        x = layers.LeakyReLU(0.1, name=f"map{number}_leaky")(x)
    x = layers.Conv2D(WIDTH, 1, name="wide")(x)
    x = layers.LeakyReLU(0.1, name="wide_leaky")(x)
    # Starts as plain interpolation: nothing is added.
    last = layers.Conv2DTranspose(1, 8, strides=FACTOR, padding="same", kernel_initializer="zeros", name="detail")
    return keras.Model(inputs, last(x), name="cell_enlarger")

"""Raabin CNN: convolutions, ReLU and max-pooling, one dense layer with dropout; no normalisation of features.

References
----------
Reference system D of this project's comparison, trained on Raabin-WBC: Kouzehkanan et al. 2022, *A large dataset of
white blood cells containing cell locations and types, along with segmented nuclei and cytoplasm*, Scientific Reports
12:1123, doi:10.1038/s41598-021-04426-x.
"""

from __future__ import annotations

import keras
from keras import layers

from wbc_core.zoo import heads, normalisation

FILTERS = (32, 64, 128, 128)
UNITS = 256


def build(size: int, classes: int, *, dropout: float = 0.5) -> keras.Model:
    """Build the Raabin CNN.

    Parameters
    ----------
    size : int
        Side of the input in pixels, at least 32; the input is float32 RGB of shape (batch, size, size, 3) in 0 to 255.
    classes : int
        Number of outputs.
    dropout : float
        Share of the dense layer's features dropped in training.

    Returns
    -------
    keras.Model
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 256) and ``feature_map``
        (batch, size/16, size/16, 128).
    """
    inputs = heads.picture_input(size)
    x = normalisation.from_minus_one_to_one(inputs)
    for number, filters in enumerate(FILTERS, start=1):
        # He initialisation: nothing else keeps the features' scale through the layers.
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=f"block{number}_conv"
        )(x)
        x = layers.MaxPooling2D(name=f"block{number}_pool")(x)
    feature_map = x
    x = layers.Flatten(name="flatten")(x)
    embedding = layers.Dense(UNITS, activation="relu", kernel_initializer="he_normal", name="embedding")(x)
    x = layers.Dropout(dropout, name="dropout")(embedding)
    return heads.network("raabin_cnn", inputs, x, classes, embedding=embedding, feature_map=feature_map)

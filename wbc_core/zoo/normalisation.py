"""How networks scale pictures and features: inside the graph, so that every program feeds them 0 to 255.

The three ways to scale a picture are the ones that the ImageNet weights of ``keras.applications`` were trained with.
Each is made of layers that survive saving and the export to ONNX.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

MOMENTUM = 0.97
"""Of batch normalisation, where Keras has 0.99 or 0.999: a fine-tuning run has only some thousand steps for the
statistics to follow."""

CAFFE_MEANS = (103.939, 116.779, 123.68)
"""Mean of the ImageNet pictures in blue, green and red, 0 to 255."""

TORCH_MEANS = (0.485, 0.456, 0.406)
TORCH_DEVIATIONS = (0.229, 0.224, 0.225)
"""Mean and standard deviation of the ImageNet pictures in red, green and blue, 0 to 1."""


def from_minus_one_to_one(picture: Any) -> Any:
    """Scale 0 to 255 to -1 to 1."""
    return layers.Rescaling(1 / 127.5, offset=-1.0, name="normalisation")(picture)


def caffe(picture: Any) -> Any:
    """Turn RGB into BGR and subtract the means, as the weights of VGG and ResNet expect."""
    turned = ops.take(picture, [2, 1, 0], axis=-1)
    return layers.Rescaling(1.0, offset=[-mean for mean in CAFFE_MEANS], name="normalisation")(turned)


def torch(picture: Any) -> Any:
    """Subtract means and divide by standard deviations of the channels, as the weights of DenseNet expect."""
    return layers.Rescaling(
        [1 / (255 * deviation) for deviation in TORCH_DEVIATIONS],
        offset=[-mean / deviation for mean, deviation in zip(TORCH_MEANS, TORCH_DEVIATIONS, strict=True)],
        name="normalisation",
    )(picture)


def lower_momentum(model: keras.Model) -> None:
    """Set the momentum of every batch normalisation of a model to :data:`MOMENTUM`."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM

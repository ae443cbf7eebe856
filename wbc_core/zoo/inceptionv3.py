"""InceptionV3: blocks of parallel convolutions of several sizes.

References
----------
Szegedy et al. 2016, *Rethinking the Inception Architecture for Computer Vision*, arXiv:1512.00567; layers of
``keras.applications``, whose names ``mixed0`` to ``mixed10`` end the blocks.
"""

from __future__ import annotations

import re
from typing import Any

import keras

from wbc_core.zoo import heads, normalisation


def build(size: int, classes: int, *, dropout: float = 0.2) -> keras.Model:
    """Build InceptionV3 with a linear head.

    Parameters
    ----------
    size : int
        Side of the input in pixels, at least 75; the input is float32 RGB of shape (batch, size, size, 3) in 0 to 255.
    classes : int
        Number of outputs.
    dropout : float
        Share of pooled features dropped in training.

    Returns
    -------
    keras.Model
        Outputs a dict: ``logits`` (batch, classes), ``embedding`` (batch, 2048) and ``feature_map``
        (batch, about size/32 - 2, about size/32 - 2, 2048).
    """
    inputs = heads.picture_input(size)
    x = normalisation.from_minus_one_to_one(inputs)
    original = keras.applications.InceptionV3(include_top=False, weights=None, input_tensor=x)
    normalisation.lower_momentum(original)
    backbone = _named(original)
    return heads.pooled_network("inceptionv3", backbone.inputs[0], backbone.output, classes, dropout)


def _named(model: keras.Model) -> keras.Model:
    """Copy a model; its unnamed layers are numbered from the model's first on, as in a process that builds no other.

    Keras numbers them through the process: without this, a second network would have other names, and neither a
    recipe's frozen layers nor another model's weights could be found by name.
    """
    pattern = re.compile(r"(conv2d|batch_normalization|activation|\w+_pooling2d|concatenate)(?:_(\d+))?")
    unnamed: dict[str, list[tuple[int, str]]] = {}
    for layer in model.layers:
        found = pattern.fullmatch(layer.name)
        if found:
            unnamed.setdefault(found[1], []).append((int(found[2] or 0), layer.name))
    names = {
        name: kind if rank == 0 else f"{kind}_{rank}"
        for kind, layers in unnamed.items()
        for rank, (_, name) in enumerate(sorted(layers))
    }

    def renamed(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), "name": names.get(layer.name, layer.name)})

    return keras.models.clone_model(model, clone_function=renamed)

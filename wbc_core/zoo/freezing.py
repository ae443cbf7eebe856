"""Which layers are trained: freeze a network up to a named layer, and thaw it again."""

from __future__ import annotations

import re
from difflib import get_close_matches

import keras

from wbc_core.errors import RecipeError

BACKBONE = "backbone"
"""Freezes everything that makes the feature map; what stands between it and the logits is trained."""

_BLOCK_ENDS = re.compile(r"(_out|_add|_pool|mixed\d+)$")
_SHOWN = 12


def freeze_through(model: keras.Model, layer: str | None) -> None:
    """Let only the layers behind a named one be trained.

    A frozen batch normalisation keeps its statistics too (Keras runs it as in prediction).

    Parameters
    ----------
    model : keras.Model
        A network with the output ``feature_map``.
    layer : str, optional
        Layers up to and including this one are frozen, in the order of the network's layers; ``backbone`` freezes
        those up to the feature map; with None every layer is trained.

    Raises
    ------
    RecipeError
        If no layer has that name; the network stays as it was.
    """
    last = -1 if layer is None else _position(model, layer)
    for index, part in enumerate(model.layers):
        part.trainable = index > last


def block_ends(model: keras.Model) -> list[str]:
    """Return the names of the layers that end a network's blocks, from the input to the output."""
    names = [layer.name for layer in model.layers]
    # In a residual network an activation named _out follows the sum named _add: one end, not two.
    return [name for name in names if _BLOCK_ENDS.search(name) and f"{name.removesuffix('_add')}_out" not in set(names)]


def _position(model: keras.Model, name: str) -> int:
    if name == BACKBONE:
        feature_map = model.output["feature_map"]
        return next(index for index, layer in enumerate(model.layers) if layer.output is feature_map)
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise RecipeError(f"The network {model.name} has no layer {name!r} to freeze through.", _choice(model, name))
    return names.index(name)


def _choice(model: keras.Model, name: str) -> str:
    """Name the closest layers, then some ends of blocks spread over the network, the last one among them."""
    ends = block_ends(model)
    close = get_close_matches(name, [layer.name for layer in model.layers], n=2, cutoff=0.5)
    step = -(-len(ends) // _SHOWN)
    shown = ends[::-1][::step][::-1]
    nearest = f"The closest: {', '.join(close)}. " if close else ""
    return f"{nearest}Its blocks end in {', '.join(shown)}; {BACKBONE} leaves only the head."

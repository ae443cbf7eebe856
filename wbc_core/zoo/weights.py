"""The first weights of a network: random, from ImageNet, or of a model that was trained on cells before."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from zipfile import BadZipFile

import keras

from wbc_core.errors import ModelError
from wbc_core.recipes.architectures import ARCHITECTURES
from wbc_core.zoo.imagenet import load_imagenet

LEAST_SHARE = 0.5
"""Smallest share of a backbone's arrays that another model must provide; with fewer, a card that names it misleads."""

HEAD = "logits"


def initialise(
    model: keras.Model, architecture: str, initial_weights: str, *, weights_dir: Path, models_dir: Path
) -> str:
    """Put the first weights into a network.

    Parameters
    ----------
    model : keras.Model
        The network, as :func:`wbc_core.zoo.registry.build` builds it.
    architecture : str
        Its name.
    initial_weights : str
        ``random`` keeps what the builder gave; ``imagenet``; the path of a ``.keras`` file; or the id of an installed
        model. From another model, every layer of the same name and shapes is taken over, the head included.
    weights_dir : Path
        Folder of the ImageNet-pretrained backbones.
    models_dir : Path
        Folder of the installed models.

    Returns
    -------
    str
        One sentence on what was loaded, for log and card.

    Raises
    ------
    ModelError
        If the weights are missing, cannot be read or downloaded, or fit less than half of the backbone's arrays.
    """
    if initial_weights == "random":
        return "random weights"
    if initial_weights == "imagenet":
        return load_imagenet(model, architecture, weights_dir)
    path = Path(initial_weights)
    if path.suffix != ".keras":
        path = _installed(initial_weights, models_dir)
    elif not path.is_file():
        raise ModelError(
            f"The file of first weights {path} does not exist.", "Name a .keras file, or the id of an installed model."
        )
    return _take_over(model, architecture, path, initial_weights)


def _installed(identifier: str, models_dir: Path) -> Path:
    installed = {path.parent.name: path for path in sorted(models_dir.glob("*/model.keras"))}
    if identifier in installed:
        return installed[identifier]
    close = get_close_matches(identifier, installed, n=2, cutoff=0.5)
    nearest = f"The closest: {', '.join(close)}. " if close else ""
    listed = f"Installed are {', '.join(installed)}." if installed else f"No model is installed in {models_dir}."
    raise ModelError(
        f"There is no installed model {identifier!r} with a Keras file to take first weights from.",
        f"{nearest}{listed} Or choose random, imagenet or a .keras file.",
    )


def _take_over(model: keras.Model, architecture: str, path: Path, named: str) -> str:
    """Copy every layer of the same name and shapes; refuse a model that has too few of them."""
    try:
        source = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, BadZipFile) as error:
        raise ModelError(f"The Keras file {path} cannot be read.", "Name a .keras file that Keras 3 saved.") from error
    theirs = {layer.name: layer for layer in _all_layers(source)}
    fitting = [
        (layer, theirs[layer.name])
        for layer in model.layers
        if layer.weights and layer.name in theirs and _shapes(layer) == _shapes(theirs[layer.name])
    ]
    total = sum(len(layer.weights) for layer in model.layers if layer.name != HEAD)
    found = sum(len(layer.weights) for layer, _ in fitting if layer.name != HEAD)
    if found < LEAST_SHARE * total:
        title = ARCHITECTURES[architecture].title
        raise ModelError(
            f"Of the {total} arrays in the backbone of {title}, {named} has only {found} of the same name and shape.",
            "Choose a model of the same architecture, or random.",
        )
    for ours, other in fitting:
        ours.set_weights(other.get_weights())
    head = " and the head" if any(layer.name == HEAD for layer, _ in fitting) else ""
    return f"{named}, {found} of {total} backbone arrays{head}"


def _all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield a model's layers; a network that averages orientations holds its backbone as a model of its own."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)
        else:
            yield layer


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(variable.shape) for variable in layer.weights]

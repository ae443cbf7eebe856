"""Backbones trained on ImageNet: where their files lie, how they are fetched, and how they are put into a network.

Files are looked for in the folder of weights (``WBC_WEIGHTS_DIR``), then in Keras's own cache, and at last fetched
from where Keras publishes them, into that cache.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from zipfile import BadZipFile

import keras
import numpy as np

from wbc_core.errors import ModelError
from wbc_core.recipes.architectures import ARCHITECTURES

TIMEOUT_S = 20
"""Longest silence of the server, in seconds, before a download counts as failed."""

ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/"
"""Where Keras publishes the weights of its applications."""


@dataclass(frozen=True)
class Published:
    """A backbone's file as Keras publishes it: folder and name there, and its MD5 where Keras states one."""

    folder: str
    name: str
    md5: str | None


_KERNELS = "weights_tf_dim_ordering_tf_kernels"
PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "vgg19": Published("vgg19", f"vgg19_{_KERNELS}_notop.h5", "253f8cb515780f3b799900260a226db6"),
        "inceptionv3": Published(
            "inception_v3", f"inception_v3_{_KERNELS}_notop.h5", "bcbd6486424b2319ff4ef7d526e38f63"
        ),
        "mobilenetv2": Published("mobilenet_v2", f"mobilenet_v2_{_KERNELS}_1.0_224_no_top.h5", None),
        "densenet201": Published("densenet", f"densenet201_{_KERNELS}_notop.h5", "c13680b51ded0fb44dff2d8f86ac8bb1"),
        "resnet101v2": Published("resnet", f"resnet101v2_{_KERNELS}_notop.h5", "c0ed64b8031c3730f411d2eb4eea35b5"),
        "resnet50": Published("resnet", f"resnet50_{_KERNELS}_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
    }
)

LITE0 = "efficientnet_lite0_no_top.npz"
"""Arrays of EfficientNet-Lite0 named ``<layer>/<variable>``; Keras publishes none."""


def load_imagenet(model: keras.Model, architecture: str, weights_dir: Path) -> str:
    """Put ImageNet weights into a network's backbone; the head stays as it is.

    Parameters
    ----------
    model : keras.Model
        The network, as the registry builds it.
    architecture : str
        Its name.
    weights_dir : Path
        Folder that is searched before Keras's cache.

    Returns
    -------
    str
        What was loaded, for log and card.

    Raises
    ------
    ModelError
        If the architecture has no such weights, they can be neither found nor fetched, or the file does not fit.
    """
    title = ARCHITECTURES[architecture].title
    if not ARCHITECTURES[architecture].imagenet:
        raise ModelError(
            f"There are no ImageNet weights of {title}.", "Choose initial_weights: random, or the id of a model."
        )
    backbone = keras.Model(model.input, model.output["feature_map"])
    if architecture == "efficientnet_lite0":
        path = weights_dir / LITE0
        _load_arrays(backbone, path)
    else:
        path = _located(PUBLISHED[architecture], title, weights_dir)
        try:
            backbone.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"The backbone file {path} does not fit {title} or is broken.",
                "Delete it: it is fetched again where there is a network.",
            ) from error
    return f"ImageNet backbone, {len(backbone.weights)} arrays from {path.name}"


def keras_cache() -> Path:
    """Return the folder in which Keras keeps the weights of its applications."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".keras") / "models"


def _located(file: Published, title: str, weights_dir: Path) -> Path:
    cached = keras_cache() / file.name
    for path in (weights_dir / file.name, cached):
        if path.is_file():
            return path
    try:
        _download(f"{ADDRESS}{file.folder}/{file.name}", cached, file.md5)
    except (OSError, HTTPException) as error:
        raise ModelError(
            f"ImageNet weights of {title} can be neither found in Keras's cache nor downloaded.",
            f"Connect once, or put {file.name} into {cached.parent}, or choose initial_weights: random or the id of "
            "a model.",
        ) from error
    return cached


def _download(address: str, target: Path, md5: str | None) -> None:
    """Fetch a file beside its place and move it there once it is whole."""
    digest = hashlib.md5(usedforsecurity=False)  # what Keras states; against accidents, the connection is encrypted
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        with (
            urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer,  # noqa: S310 - always https, see the table
            partial.open("wb") as stream,
        ):
            expected = answer.headers.get("Content-Length")
            while piece := answer.read(1 << 20):
                digest.update(piece)
                stream.write(piece)
        size = partial.stat().st_size
        if (expected is not None and size != int(expected)) or (md5 is not None and digest.hexdigest() != md5):
            raise OSError(f"{address} came incomplete or altered: {size} bytes, MD5 {digest.hexdigest()}")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _load_arrays(backbone: keras.Model, path: Path) -> None:
    if not path.is_file():
        raise ModelError(
            f"The pretrained backbone {path} does not exist.",
            "Set WBC_WEIGHTS_DIR to the folder that holds it, or choose initial_weights: random.",
        )
    try:
        with np.load(path) as file:
            arrays = dict(file)
    except (OSError, ValueError, BadZipFile) as error:
        raise ModelError(
            f"The pretrained backbone {path} cannot be read.", "Copy the file again, or choose initial_weights: random."
        ) from error
    for layer in backbone.layers:
        for variable in layer.weights:
            key = f"{layer.name}/{variable.name}"
            if key not in arrays or arrays[key].shape != tuple(variable.shape):
                raise ModelError(
                    f"The backbone file {path.name} does not fit EfficientNet-Lite0: {key} is missing or differs.",
                    "Use the weights of EfficientNet-Lite0 without its classifier.",
                )
            variable.assign(arrays[key])

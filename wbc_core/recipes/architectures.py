"""The architectures that a recipe may name. :mod:`wbc_core.zoo` builds them; this list needs no Keras."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Architecture:
    """What a form, an estimate and a card say about an architecture.

    Attributes
    ----------
    name : str
        Its name in a recipe.
    title : str
        Its name in print.
    paper : str
        Where it was described.
    parameters_m : float
        Parameters in millions, with eight classes; of networks with dense layers after flattening, at 96 px.
    gmacs_96 : float
        Multiplications with addition of one forward pass at 96 × 96 pixels, in 10⁹.
    imagenet : bool
        Whether pretrained weights exist that this program knows how to load.
    """

    name: str
    title: str
    paper: str
    parameters_m: float
    gmacs_96: float
    imagenet: bool


_ROWS = (
    Architecture("vgg19", "VGG19", "Simonyan and Zisserman 2015, arXiv:1409.1556", 20.03, 3.58, True),
    Architecture("inceptionv3", "InceptionV3", "Szegedy et al. 2016, arXiv:1512.00567", 21.82, 0.34, True),
    Architecture("mobilenetv2", "MobileNetV2", "Sandler et al. 2018, arXiv:1801.04381", 2.27, 0.055, True),
    Architecture("densenet201", "DenseNet201", "Huang et al. 2017, arXiv:1608.06993", 18.34, 0.79, True),
    Architecture("resnet101v2", "ResNet101V2", "He et al. 2016, arXiv:1603.05027", 42.64, 1.32, True),
    Architecture("resnet50", "ResNet50", "He et al. 2016, arXiv:1512.03385", 23.6, 0.71, True),
    Architecture("leaky_cnn", "Four-block LeakyReLU CNN", "reference system B", 5.27, 0.14, False),
    Architecture("baseline_cnn", "Baseline CNN with global average pooling", "reference system C", 0.85, 0.24, False),
    Architecture("raabin_cnn", "Raabin CNN", "reference system D", 1.42, 0.115, False),
    Architecture(
        "efficientnet_lite0",
        "EfficientNet-Lite0",
        "Tan and Le 2019, arXiv:1905.11946; Lite: Liu 2020",
        3.42,
        0.071,
        True,
    ),
    Architecture(
        "compact_transformer",
        "Compact convolutional transformer",
        "Hassani et al. 2021, arXiv:2104.05704",
        1.02,
        0.256,
        False,
    ),
)

ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType({row.name: row for row in _ROWS})

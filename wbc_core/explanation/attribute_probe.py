"""Morphology in words: linear probes that read eleven attributes from a network's embedding.

A probe is one small linear classifier on what the network computes anyway (Alain and Bengio 2016,
arXiv:1610.01644). Weights lie beside the model as ``attributes.npz`` (arrays only, never pickled objects), what was
measured of them as ``attributes.json``; both stand in the model's card with their digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from wbc_core.errors import ModelError
from wbc_core.inference.cards import ModelCard, read_verified
from wbc_core.inference.classifier import softmax
from wbc_core.inference.measurements import Estimate
from wbc_core.inference.stored_arrays import packed_arrays, unpacked_arrays

CARD_NAME, WEIGHTS_NAME = "attributes.json", "attributes.npz"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AttributeFigures(_Part):
    """One attribute: what it can be, what its probe reads, and how often that is right."""

    values: tuple[str, ...]
    strength: float
    """Inverse of the regularisation (``C``), chosen on validation pictures."""
    validation_accuracy: float
    accuracy: Estimate
    """On test pictures, with Wilson's interval."""
    balanced_accuracy: float
    most_frequent: float
    """Share of test pictures that have the value most frequent in training: what naming it always would reach."""


class AttributeCard(_Part):
    """What was measured of a model's probes, ``attributes.json``."""

    schema_version: Literal[1] = 1
    model_id: str
    network_sha256: str
    """Of the ``model.onnx`` whose embedding the probes read."""
    method: str
    source: str
    licence: str
    labels: tuple[str, ...]
    """Types of the cells that were described; of others nothing was learned."""
    images: dict[str, int]
    """Pictures by part."""
    test_sha256: str
    attributes: dict[str, AttributeFigures]
    mean_accuracy: Estimate
    """Over the attributes, with a percentile interval of a bootstrap by group."""


@dataclass(frozen=True)
class Reading:
    """What a probe says of one attribute: a value, its probability, and how often the probe is right."""

    attribute: str
    value: str
    probability: float
    accuracy: Estimate


@dataclass(frozen=True)
class LinearProbe:
    """Weights of one attribute's probe.

    Attributes
    ----------
    weights : ndarray of float32, shape (channels, values)
        On plain embeddings: the scaling of the training pictures is folded in.
    bias : ndarray of float32, shape (values,)
        Added.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class AttributeProbes:
    """All probes of a model."""

    card: AttributeCard
    probes: Mapping[str, LinearProbe]

    def read(self, embedding: NDArray[np.float32]) -> tuple[Reading, ...]:
        """Say what every attribute of a cell is.

        Parameters
        ----------
        embedding : ndarray of float32, shape (channels,)
            Of the cell.

        Returns
        -------
        tuple of Reading
            In the card's order.
        """
        readings = []
        for name, figures in self.card.attributes.items():
            probe = self.probes[name]
            shares = softmax((embedding @ probe.weights + probe.bias).astype(np.float64))
            top = int(shares.argmax())
            readings.append(Reading(name, figures.values[top], float(shares[top]), figures.accuracy))
        return tuple(readings)


def packed(probes: Mapping[str, LinearProbe]) -> bytes:
    """Return probes as the content of ``attributes.npz``."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, probe in probes.items():
        arrays |= {f"{name}.weights": probe.weights, f"{name}.bias": probe.bias}
    return packed_arrays(arrays)


def load_probes(folder: Path, card: ModelCard) -> AttributeProbes | None:
    """Return a model's probes; None where it has none.

    Parameters
    ----------
    folder : Path
        The model's folder.
    card : ModelCard
        Its card.

    Raises
    ------
    ModelError
        If a file is damaged, differs from the card, or belongs to another network.
    """
    if CARD_NAME not in card.files or WEIGHTS_NAME not in card.files:
        return None
    refused = ModelError(
        f"The attribute probes of the model {card.id} cannot be read.",
        f"Write them anew with `wbc models attributes {card.id}`.",
    )
    try:
        figures = AttributeCard.model_validate(json.loads(read_verified(folder, card, CARD_NAME)))
        arrays = unpacked_arrays(read_verified(folder, card, WEIGHTS_NAME))
        probes = {name: LinearProbe(arrays[f"{name}.weights"], arrays[f"{name}.bias"]) for name in figures.attributes}
    except (ValueError, KeyError, RecursionError) as error:
        raise refused from error
    if figures.network_sha256 != card.files["model.onnx"].sha256:
        raise ModelError(
            f"The attribute probes of the model {card.id} belong to another network than its model.onnx.",
            f"Write them anew with `wbc models attributes {card.id}`.",
        )
    return AttributeProbes(figures, probes)

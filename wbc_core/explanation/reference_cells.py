"""Training cells that look most like a given one to the network: nearest embeddings, by brute force.

The index ships names, labels and shortened embeddings of training cells, never their pictures. Embeddings are centred
and turned onto their principal axes, of which the first are kept: neighbours stay, and the file stays small.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from wbc_core.datasets.sources import LabelledImage
from wbc_core.errors import ModelError
from wbc_core.inference.cards import ModelCard, read_verified
from wbc_core.inference.measurements import Estimate
from wbc_core.inference.stored_arrays import packed_arrays, unpacked_arrays

CARD_NAME, INDEX_NAME = "reference_cells.json", "reference_cells.npz"


class ReferenceCard(BaseModel):
    """What is known of an index, ``reference_cells.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    model_id: str
    network_sha256: str
    cells: dict[str, dict[str, int]]
    """Cells by label and data set."""
    axes: int
    kept_variance: float
    """Share of the embeddings' variance on the kept axes."""
    nearest_agrees: dict[str, Estimate]
    """Share of validation pictures whose nearest cell carries their label, by data set, with Wilson's interval."""


@dataclass(frozen=True)
class Neighbour:
    """A training cell near another one; similarity is the cosine between centred embeddings, -1 to 1."""

    source: str
    file: str
    label: str
    similarity: float


@dataclass(frozen=True)
class ReferenceIndex:
    """Embeddings of training cells.

    Attributes
    ----------
    centre : ndarray of float32, shape (channels,)
        Mean embedding.
    axes : ndarray of float16, shape (channels, axes)
        Principal axes, as columns.
    vectors : ndarray of float16, shape (cells, axes)
        Of length 1.
    names : tuple of (source, file, label)
        Of each cell.
    """

    centre: NDArray[np.float32]
    axes: NDArray[np.float16]
    vectors: NDArray[np.float16]
    names: tuple[tuple[str, str, str], ...]

    def nearest(self, embedding: NDArray[np.float32], count: int = 5) -> tuple[Neighbour, ...]:
        """Return the cells with the most similar embeddings, the most similar first.

        Parameters
        ----------
        embedding : ndarray of float32, shape (channels,)
            Of the cell asked about.
        count : int
            How many.
        """
        closeness = self.similarities(embedding[np.newaxis])[0]
        best = np.argsort(-closeness, kind="stable")[:count]
        return tuple(Neighbour(*self.names[int(at)], similarity=float(closeness[at])) for at in best)

    def similarities(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the similarity of every picture to every cell: (pictures, channels) in, (pictures, cells) out."""
        found: NDArray[np.float32] = _unit((embeddings - self.centre) @ self.axes.astype(np.float32)) @ (
            self.vectors.astype(np.float32).T
        )
        return found


def spread_choice(images: Sequence[LabelledImage], per_class: int) -> tuple[LabelledImage, ...]:
    """Choose cells evenly over data sets, class by class, and no near duplicates.

    Parameters
    ----------
    images : sequence of LabelledImage
        Training pictures of any number of data sets.
    per_class : int
        Most cells of a class; each data set that has the class gives its part, as far as it goes.

    Returns
    -------
    tuple of LabelledImage
        In an order that depends on the pictures' names alone.
    """

    def order(image: LabelledImage) -> str:
        return hashlib.sha256(f"{image.source}/{image.file}".encode()).hexdigest()

    groups: dict[str, set[str]] = {}
    for image in images:
        groups.setdefault(image.source, set()).add(image.group or image.file)
    chosen: list[LabelledImage] = []
    for label in sorted({image.label for image in images}):
        queues: dict[str, list[LabelledImage]] = {}
        seen: set[tuple[str, str]] = set()
        for image in sorted((image for image in images if image.label == label), key=order):
            group = (image.source, image.group or image.file)
            # One of a group is enough where groups are near duplicates; where they are slides, each holds many cells.
            if group in seen and len(groups[image.source]) > per_class:
                continue
            seen.add(group)
            queues.setdefault(image.source, []).append(image)
        taken: list[LabelledImage] = []
        while len(taken) < per_class and any(queues.values()):
            taken += [queue.pop(0) for queue in queues.values() if queue]
        chosen += taken[:per_class]
    return tuple(chosen)


def build_index(images: Sequence[LabelledImage], embeddings: NDArray[np.float32], axes: int) -> ReferenceIndex:
    """Build an index of training cells.

    Parameters
    ----------
    images : sequence of LabelledImage
        The cells.
    embeddings : ndarray of float32, shape (cells, channels)
        In the same order.
    axes : int
        Principal axes to keep.
    """
    centre = embeddings.mean(axis=0)
    _, _, rows = np.linalg.svd(embeddings - centre, full_matrices=False)
    kept = rows[:axes].T.astype(np.float16)
    vectors = _unit((embeddings - centre) @ kept.astype(np.float32)).astype(np.float16)
    names = tuple((image.source, image.file, image.label) for image in images)
    return ReferenceIndex(centre.astype(np.float32), kept, vectors, names)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


def packed_index(index: ReferenceIndex) -> bytes:
    """Return an index as the content of ``reference_cells.npz``."""
    names = np.array(index.names, dtype=np.str_).reshape(len(index.names), 3)
    return packed_arrays({"centre": index.centre, "axes": index.axes, "vectors": index.vectors, "names": names})


def load_index(folder: Path, card: ModelCard) -> tuple[ReferenceCard, ReferenceIndex] | None:
    """Return a model's reference cells and what is known of them; None where it has none.

    Raises
    ------
    ModelError
        If a file is damaged, differs from the card, or belongs to another network.
    """
    if CARD_NAME not in card.files or INDEX_NAME not in card.files:
        return None
    again = f"Write them anew with `wbc models references {card.id}`."
    try:
        known = ReferenceCard.model_validate(json.loads(read_verified(folder, card, CARD_NAME)))
        arrays = unpacked_arrays(read_verified(folder, card, INDEX_NAME))
        names = tuple((str(source), str(file), str(label)) for source, file, label in arrays["names"])
        index = ReferenceIndex(arrays["centre"], arrays["axes"], arrays["vectors"], names)
    except (ValueError, KeyError, RecursionError) as error:
        raise ModelError(f"The reference cells of the model {card.id} cannot be read.", again) from error
    if known.network_sha256 != card.files["model.onnx"].sha256 or len(index.vectors) != len(names):
        raise ModelError(f"The reference cells of the model {card.id} belong to another network.", again)
    return known, index

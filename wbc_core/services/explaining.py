"""Why a model answered as it did: where in the picture, like which known cells, and with what look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wbc_core.errors import ModelError, WbcError
from wbc_core.explanation.attribute_probe import CARD_NAME as PROBES_CARD
from wbc_core.explanation.attribute_probe import AttributeCard, AttributeProbes, Reading, load_probes
from wbc_core.explanation.heat_maps import against_the_others, answer_with_maps, mapped_head
from wbc_core.explanation.reference_cells import CARD_NAME as REFERENCE_CARD
from wbc_core.explanation.reference_cells import Neighbour, ReferenceCard, ReferenceIndex, load_index
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.localisation import CellLocation
from wbc_core.inference.cards import CARD, load_card
from wbc_core.inference.pipeline import prepare
from wbc_core.services.access import require
from wbc_core.services.models import classifier_for, model_details, model_folder
from wbc_core.services.roles import Action
from wbc_core.services.single_image import ImageResult
from wbc_core.settings import settings

NEIGHBOURS = 5


@dataclass(frozen=True)
class Explanation:
    """What speaks for and against each class of a model, place by place, and what else is known of the cell.

    Attributes
    ----------
    model_id : str
        Which model was asked.
    labels : tuple of str
        All classes of the model, also those a user did not ask for.
    logits : ndarray of float32, shape (labels,)
        Before the temperature.
    maps : ndarray of float32, shape (labels, rows, columns)
        What each place adds to each class's lead over the average class, in units of the logit.
    square : tuple of float
        Left edge, top edge and side of the part that the network saw, in pixels of the upright picture.
    readings : tuple of Reading
        Morphology in words; none where the model has no probes, or none were taught cells of the answer's type.
    attribute_card : AttributeCard or None
        What was measured of those probes; None where the model has none.
    neighbours : tuple of Neighbour
        Nearest training cells; none where the model has no index.
    reference_card : ReferenceCard or None
        What is known of that index.
    """

    model_id: str
    labels: tuple[str, ...]
    logits: NDArray[np.float32]
    maps: NDArray[np.float32]
    square: tuple[float, float, float]
    readings: tuple[Reading, ...] = ()
    attribute_card: AttributeCard | None = None
    neighbours: tuple[Neighbour, ...] = ()
    reference_card: ReferenceCard | None = None

    @property
    def limit(self) -> float:
        """Largest absolute value of all maps: one scale for every class, so that they can be compared."""
        return float(np.abs(self.maps).max())

    def map_of(self, label: str) -> NDArray[np.float32]:
        """Return the map of one class, (rows, columns)."""
        values: NDArray[np.float32] = self.maps[self.labels.index(label)]
        return values


def offered(model_id: str) -> tuple[bool, bool]:
    """Return whether a model has probes for morphology in words, and an index of its training cells."""
    try:
        files = model_details(model_id).files
    except WbcError:  # altered or gone since it answered; the heat map's own refusal says what is wrong
        return False, False
    return PROBES_CARD in files, REFERENCE_CARD in files


def explain_image(data: bytes, name: str, *, model_id: str | None = None) -> Explanation:
    """Explain the answer for a picture: decoding, finding the cell, and one run of the network.

    Raises
    ------
    ImageError
        If the bytes are no acceptable picture.
    ModelError
        If the model is missing or altered, or its head allows no heat map.
    """
    classifier = classifier_for(model_id)
    prepared = prepare(data, name, classifier.card.preprocessing)
    pixels = prepared.decoded
    return _explained(prepared.crop, prepared.location, (pixels.height, pixels.width), model_id, None)


def explain_result(result: ImageResult) -> Explanation:
    """Explain a result whose crop is at hand: one run of the network, nothing is decoded again.

    Parameters
    ----------
    result : ImageResult
        Of a picture that could be read.

    Raises
    ------
    ModelError
        If the model is missing or altered by now, or its head allows no heat map.
    """
    require(Action.LOOK)
    if result.crop is None:
        raise ModelError("There is nothing to explain: the picture was not classified.", "Choose another picture.")
    found = result.cell_x is not None and result.cell_y is not None and result.cell_diameter_px is not None
    location = CellLocation(
        found,
        result.cell_x or 0.0,
        result.cell_y or 0.0,
        result.cell_diameter_px or 0.0,
        cut_out=result.whole_cell,
    )
    return _explained(result.crop, location, (result.height, result.width), result.model_id, result.label)


def _explained(
    crop: NDArray[np.uint8], location: CellLocation, size: tuple[int, int], model_id: str | None, label: str | None
) -> Explanation:
    classifier, folder = classifier_for(model_id), model_folder(model_id)
    card = classifier.card
    answer = answer_with_maps(classifier, mapped_head(classifier, folder), crop)
    x, y, side = card.preprocessing.window(*size, location)
    explanation = Explanation(
        model_id=card.id,
        labels=card.labels,
        logits=answer.logits,
        maps=against_the_others(answer.maps),
        # Rounded as the crop is cut.
        square=(float(round(x - side / 2)), float(round(y - side / 2)), float(max(1, round(side)))),
    )
    probes, known = _files_beside(folder, (folder / CARD).stat().st_mtime_ns)
    if probes is not None and answer.embedding is not None:
        described = (label or card.labels[int(answer.logits.argmax())]) in probes.card.labels
        readings = probes.read(answer.embedding) if described else ()
        explanation = replace(explanation, readings=readings, attribute_card=probes.card)
    if known is not None and answer.embedding is not None:
        reference_card, index = known
        neighbours = index.nearest(answer.embedding, NEIGHBOURS)
        explanation = replace(explanation, neighbours=neighbours, reference_card=reference_card)
    return explanation


@lru_cache(maxsize=4)
def _files_beside(
    folder: Path, card_changed: int
) -> tuple[AttributeProbes | None, tuple[ReferenceCard, ReferenceIndex] | None]:
    """Return a model's probes and its index, read and checked once as long as its card stays the same."""
    card = load_card(folder)
    return load_probes(folder, card), load_index(folder, card)


def neighbour_picture(neighbour: Neighbour, model_id: str) -> NDArray[np.uint8] | None:
    """Return a training cell as the network saw it; None where its data set is not at hand.

    Parameters
    ----------
    neighbour : Neighbour
        From :func:`explain_result`.
    model_id : str
        The model whose crop is wanted.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3), or None
    """
    require(Action.LOOK)
    for root in (settings().data_dir, settings().datasets_dir):
        folder = (root / neighbour.source).resolve()
        path = (folder / neighbour.file).resolve()
        if not path.is_relative_to(folder) or not folder.is_relative_to(root.resolve()) or not path.is_file():
            continue
        try:
            return classifier_for(model_id).card.preprocessing.apply(read_image(path).pixels)
        except WbcError:
            continue
    return None

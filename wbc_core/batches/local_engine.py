"""A batch on this machine: pictures decoded in threads beside the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wbc_core.batches.folder import BatchFolder, Request
from wbc_core.batches.listing import Listing
from wbc_core.batches.rows import BatchRow, classify
from wbc_core.errors import ModelError
from wbc_core.inference.cards import ModelCard
from wbc_core.inference.classifier import Classifier


def local_rows(
    classifier_of: Callable[[str], Classifier], batch_size: int
) -> Callable[[BatchFolder, Listing], Iterator[BatchRow]]:
    """Return what makes the rows that a batch still lacks.

    Parameters
    ----------
    classifier_of : callable
        Returns the classifier of a model id.
    batch_size : int
        Pictures per call of the network.
    """

    def rows(folder: BatchFolder, listing: Listing) -> Iterator[BatchRow]:
        request = folder.request()
        classifier = classifier_of(request.model_id)
        check_network(request, classifier.card)
        return classify(folder.remaining(listing.pictures), classifier, request.asked, batch_size)

    return rows


def check_network(request: Request, card: ModelCard) -> None:
    """Refuse to go on with another network than the batch was begun with.

    Raises
    ------
    ModelError
        If the model has been replaced meanwhile.
    """
    if card.files["model.onnx"].sha256 != request.network:
        raise ModelError(
            f"The model {request.model_id} was replaced since the batch was begun.",
            "Hand the pictures in as a new batch, so that one network answers for all of them.",
        )

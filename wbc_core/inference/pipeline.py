"""From encoded pictures to probabilities: decoding in threads, beside true batches through the network."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.errors import WbcError
from wbc_core.imaging.decoding import DecodedImage, decode_image
from wbc_core.imaging.foreign_colours import MOST_FOREIGN, foreign_share
from wbc_core.imaging.localisation import CellLocation
from wbc_core.imaging.preprocessing import Preprocessing
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.judging import note_of


@dataclass(frozen=True)
class PendingImage:
    """A picture that has a name and can be read when its turn comes."""

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class PreparedImage:
    """A picture decoded, located and cropped."""

    decoded: DecodedImage
    location: CellLocation
    crop: NDArray[np.uint8]
    decode_ms: float
    locate_ms: float


@dataclass(frozen=True)
class Answer:
    """What came of one picture: probabilities in the order of the labels asked for, or an error.

    ``convincing`` says whether a stained cell stands out in it, ``unknown`` whether it is unlike all training cells,
    ``note`` what else it shows, see :func:`wbc_core.inference.judging.note_of`.
    """

    name: str
    probabilities: NDArray[np.float64] | None
    convincing: bool
    unknown: bool
    error: WbcError | None = None
    note: str = ""


@dataclass(frozen=True)
class _Loaded:
    name: str
    crop: NDArray[np.uint8] | None = None
    convincing: bool = False
    note: str = ""
    error: WbcError | None = None


def prepare(data: bytes, name: str, preprocessing: Preprocessing) -> PreparedImage:
    """Decode, locate and crop one picture.

    Raises
    ------
    ImageError
        If the bytes are no acceptable picture.
    """
    start = time.perf_counter()
    decoded = decode_image(data, name)
    read = time.perf_counter()
    location = preprocessing.locate(decoded.pixels)
    if location.convincing and not location.cut_out and foreign_share(decoded.pixels) > MOST_FOREIGN:
        location = replace(location, foreign=True)
    crop = preprocessing.apply(decoded.pixels, location)
    done = time.perf_counter()
    return PreparedImage(decoded, location, crop, (read - start) * 1e3, (done - read) * 1e3)


def answer_all(
    images: Iterable[PendingImage], classifier: Classifier, *, labels: Sequence[str] | None, batch_size: int
) -> Iterator[Answer]:
    """Classify any number of pictures in their order; memory holds at most a few batches of crops.

    Two threads decode the next batches while the network works on the current one. A picture that cannot be read
    becomes an answer with its error and stops nothing.

    Parameters
    ----------
    images : iterable of PendingImage
        Read lazily.
    classifier : Classifier
        The model.
    labels : sequence of str or None
        Labels to choose between; the model's own if None.
    batch_size : int
        Pictures per call of the network.

    Yields
    ------
    Answer
        One per picture, in order.
    """
    classifier.columns(labels)
    cv2.setNumThreads(1)
    preprocessing = classifier.card.preprocessing

    def load(image: PendingImage) -> _Loaded:
        try:
            prepared = prepare(image.read(), image.name, preprocessing)
        except WbcError as error:
            return _Loaded(image.name, error=error)
        location = prepared.location
        return _Loaded(image.name, prepared.crop, location.convincing, note_of(location, prepared.decoded.pixels.shape))

    source = iter(images)
    waiting: deque[Future[_Loaded]] = deque()
    with ThreadPoolExecutor(2, thread_name_prefix="decode") as pool:
        waiting.extend(pool.submit(load, image) for image in itertools.islice(source, 3 * batch_size))
        while waiting:
            rows = [waiting.popleft().result() for _ in range(min(batch_size, len(waiting)))]
            waiting.extend(pool.submit(load, image) for image in itertools.islice(source, len(rows)))
            crops = [row.crop for row in rows if row.crop is not None]
            logits, unknown = classifier.look(np.stack(crops)) if crops else (None, np.zeros(0, bool))
            answers = iter(
                () if logits is None else zip(classifier.probabilities(logits, labels), unknown, strict=True)
            )
            for row in rows:
                values, strange = (None, False) if row.crop is None else next(answers)
                yield Answer(row.name, values, row.convincing, bool(strange), row.error, row.note)

"""What the last feature map says of each picture: three numbers a channel, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.sources import LabelledImage
from wbc_core.imaging.decoding import read_image
from wbc_core.inference.classifier import Classifier

POOLINGS = ("mean", "deviation", "largest")
"""Over all places of the map, in this order. The mean is the embedding of a network with a linear head."""

Progress = Callable[[int, int], None]


def pool(feature_map: NDArray[np.float32]) -> NDArray[np.float32]:
    """Summarise feature maps over their places.

    Parameters
    ----------
    feature_map : ndarray of float32, shape (images, height, width, channels)
        The network's output of that name.

    Returns
    -------
    ndarray of float32, shape (images, 3, channels)
        Mean, standard deviation and largest value, see `POOLINGS`.

    Examples
    --------
    >>> pool(np.array([0, 2, 0, 2], np.float32).reshape(1, 2, 2, 1)).ravel().tolist()
    [1.0, 1.0, 2.0]
    """
    places = (1, 2)
    return np.stack([feature_map.mean(places), feature_map.std(places), feature_map.max(places)], axis=1)


def pooled_features(
    images: Sequence[LabelledImage],
    classifier: Classifier,
    folder: Path,
    *,
    batch_size: int = 8,
    progress: Progress | None = None,
) -> NDArray[np.float16]:
    """Run pictures through a network once, and read its pooled features from an array file afterwards.

    Parameters
    ----------
    images : sequence of LabelledImage
        The pictures, in the order wanted.
    classifier : Classifier
        The model; its network gives ``feature_map``.
    folder : Path
        Where the array files lie. A file's name is a digest of the network, its preprocessing and the pictures.
    batch_size : int
        Pictures per call of the network.
    progress : callable, optional
        Called with the number of pictures done and their total.

    Returns
    -------
    ndarray of float16, shape (images, 3, channels)
        Mapped read-only from the file.

    Raises
    ------
    ImageError
        If a picture cannot be read.
    """
    path = folder / f"features-{_key(images, classifier)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[NDArray[np.float16]] = []
        done = 0
        for crops in _crops(images, classifier, batch_size):
            (maps,) = classifier.session.run(["feature_map"], {classifier.input_name: crops.astype(np.float32)})
            rows.append(pool(maps).astype(np.float16))
            done += len(crops)
            if progress is not None:
                progress(done, len(images))
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as stream:
            np.save(stream, np.concatenate(rows))
        partial.replace(path)
    features: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return features


def _key(images: Sequence[LabelledImage], classifier: Classifier) -> str:
    card = classifier.card
    key = hashlib.sha256(f"1:{card.files['model.onnx'].sha256}:{card.preprocessing.digest()}".encode())
    for image in images:
        status = image.path.stat()
        key.update(f"\n{image.source}/{image.file}:{status.st_size}:{status.st_mtime_ns}".encode())
    return key.hexdigest()[:24]


def _crops(images: Sequence[LabelledImage], classifier: Classifier, batch_size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield batches of crops in order; two threads decode the next ones while the network works."""
    cv2.setNumThreads(1)
    preprocessing = classifier.card.preprocessing

    def crop(image: LabelledImage) -> NDArray[np.uint8]:
        return preprocessing.apply(read_image(image.path).pixels)

    source = iter(images)
    waiting: deque[Future[NDArray[np.uint8]]] = deque()
    with ThreadPoolExecutor(2, thread_name_prefix="decode") as pool_of_threads:
        waiting.extend(pool_of_threads.submit(crop, image) for image in itertools.islice(source, 3 * batch_size))
        while waiting:
            batch = [waiting.popleft().result() for _ in range(min(batch_size, len(waiting)))]
            waiting.extend(pool_of_threads.submit(crop, image) for image in itertools.islice(source, len(batch)))
            yield np.stack(batch)

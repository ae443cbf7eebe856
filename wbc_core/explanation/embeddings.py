"""Embeddings of labelled pictures: what a network makes of each before its head, computed once and kept on disk."""

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

Progress = Callable[[int, int], None]


def embeddings_of(
    images: Sequence[LabelledImage],
    classifier: Classifier,
    folder: Path,
    *,
    batch_size: int = 8,
    progress: Progress | None = None,
) -> NDArray[np.float16]:
    """Run pictures through a network once, and read its embeddings from an array file afterwards.

    Parameters
    ----------
    images : sequence of LabelledImage
        The pictures, in the order wanted.
    classifier : Classifier
        The model; its network gives ``embedding``.
    folder : Path
        Where the array files lie. A file's name is a digest of the network, its preprocessing and the pictures.
    batch_size : int
        Pictures per call of the network.
    progress : callable, optional
        Called with the number of pictures done and their total.

    Returns
    -------
    ndarray of float16, shape (images, channels)
        Mapped read-only from the file.

    Raises
    ------
    ImageError
        If a picture cannot be read.
    """
    path = folder / f"embeddings-{_key(images, classifier)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[NDArray[np.float16]] = []
        done = 0
        for crops in _crops(images, classifier, batch_size):
            (found,) = classifier.session.run(["embedding"], {classifier.input_name: crops.astype(np.float32)})
            rows.append(found.astype(np.float16))
            done += len(crops)
            if progress is not None:
                progress(done, len(images))
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as stream:
            np.save(stream, np.concatenate(rows))
        partial.replace(path)
    embeddings: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return embeddings


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
    with ThreadPoolExecutor(2, thread_name_prefix="decode") as pool:
        waiting.extend(pool.submit(crop, image) for image in itertools.islice(source, 3 * batch_size))
        while waiting:
            batch = [waiting.popleft().result() for _ in range(min(batch_size, len(waiting)))]
            waiting.extend(pool.submit(crop, image) for image in itertools.islice(source, len(batch)))
            yield np.stack(batch)

"""Pictures decoded once: uint8 crops of a data set in one array file, ready to be mapped into memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.sources import LabelledImage
from wbc_core.imaging.decoding import read_image
from wbc_core.imaging.preprocessing import Preprocessing


def cached_crops(
    images: Sequence[LabelledImage],
    preprocessing: Preprocessing,
    folder: Path,
    *,
    margin: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.uint8]:
    """Decode and crop pictures once and return them from an array file afterwards.

    Parameters
    ----------
    images : sequence of LabelledImage
        The pictures, in the order wanted.
    preprocessing : Preprocessing
        How they are cropped.
    folder : Path
        Where the array files lie. A file's name is a digest of everything its content depends on.
    margin : float
        See :meth:`Preprocessing.apply`.
    progress : callable, optional
        Called with the number of pictures done and their total.

    Returns
    -------
    ndarray of uint8, shape (images, side, side, 3)
        Mapped read-only from the file.

    Raises
    ------
    ImageError
        If a picture cannot be read.
    """
    key = hashlib.sha256(f"1:{preprocessing.digest()}:{margin}".encode())
    for image in images:
        status = image.path.stat()
        key.update(f"\n{image.source}/{image.file}:{status.st_size}:{status.st_mtime_ns}".encode())
    path = folder / f"crops-{key.hexdigest()[:24]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        side = round(preprocessing.size * margin)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        target = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(images), side, side, 3))
        cv2.setNumThreads(1)

        def fill(index: int) -> None:
            target[index] = preprocessing.apply(read_image(images[index].path).pixels, margin=margin)

        with ThreadPoolExecutor(2) as pool:
            for done, _ in enumerate(pool.map(fill, range(len(images))), start=1):
                if progress is not None and (done % 500 == 0 or done == len(images)):
                    progress(done, len(images))
        target.flush()
        del target
        partial.replace(path)
    crops: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return crops

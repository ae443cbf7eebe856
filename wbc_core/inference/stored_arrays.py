"""Arrays in one compressed file of NumPy's format, without any object that would have to be unpickled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return named arrays as the content of an ``.npz`` file.

    Raises
    ------
    ValueError
        If one of them holds Python objects.
    """
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **dict(arrays))
    return stream.getvalue()


def unpacked_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Read the content of an ``.npz`` file.

    Raises
    ------
    ValueError
        If it is none, is damaged, or holds Python objects.

    Examples
    --------
    >>> unpacked_arrays(packed_arrays({"a": np.arange(3)}))["a"].tolist()
    [0, 1, 2]
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise ValueError("no file of arrays")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError("a damaged file of arrays") from error

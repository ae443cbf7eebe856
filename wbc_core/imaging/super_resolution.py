"""Enlarge a small picture with a trained network instead of by interpolation.

The networks enlarge the luminance; the two chrominances, in which eye and camera resolve less, are interpolated.
FSRCNN: Dong et al. 2016, arXiv:1608.00367; ESPCN: Shi et al. 2016, arXiv:1609.05158; LapSRN: Lai et al. 2017,
arXiv:1704.03915. Their files, trained on photographs, are those that OpenCV's super-resolution module documents. The
cell enlarger is this project's own, trained on pictures of blood cells (:mod:`wbc_core.training.enlarging`); its file
lies beside this one, and it predicts what is to be added to a bicubic enlargement.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wbc_core.errors import ModelError
from wbc_core.imaging.wire_format import Field, delimited, fields
from wbc_core.settings import settings


@dataclass(frozen=True)
class Enlarger:
    """One network: its file in the folder of weights or of this package, its factor, and the file's SHA-256.

    Attributes
    ----------
    own : bool
        Whether it is this project's: an ONNX file in the package, which predicts the difference to bicubic enlargement.
    """

    file: str
    factor: int
    sha256: str
    own: bool = False


ENLARGERS: Final[Mapping[str, Enlarger]] = MappingProxyType(
    {
        "fsrcnn_x2": Enlarger("FSRCNN_x2.pb", 2, "366b33f0084c7b3f2bf6724f0a2c77bca94fcec9d7b6d72389d330073b380d5c"),
        "fsrcnn_x3": Enlarger("FSRCNN_x3.pb", 3, "efd38655a815908c6c8954db6052f128e76a735f1de657894c477d0dc0b64481"),
        "fsrcnn_x4": Enlarger("FSRCNN_x4.pb", 4, "5c68d18db561aed8ead4ffedf1b897ea615baaf60ebf6c35f8e641f8fa4a21bf"),
        "fsrcnn_small_x2": Enlarger(
            "FSRCNN-small_x2.pb", 2, "429e4793d049c1ae16ddbbc322fd11c3c08831c0c20137390b4d098976a2b0d9"
        ),
        "espcn_x2": Enlarger("ESPCN_x2.pb", 2, "59f77351e1d7c0057bf6fe088b4a8a07e42c468c8c8aebb674a6b4ea1823221d"),
        "espcn_x3": Enlarger("ESPCN_x3.pb", 3, "0e667db7a431d14c32568ed79bf21701a64df8b1d162e48ca1f8800affe2c2b3"),
        "espcn_x4": Enlarger("ESPCN_x4.pb", 4, "e403f06309229cf36009cd8fb0da032ba7643fae9f15cf94fe562e8edf8fef47"),
        "lapsrn_x2": Enlarger("LapSRN_x2.pb", 2, "f59c86e6835bbca646dbd81588f07820dfe3bd09e3702976ae2d90b5fc0f0b21"),
        "cell_x2": Enlarger(
            "cell_x2.onnx", 2, "6b7c6d30c29b00dc68b0efc5876e575d18522f5fa1c1ab700a5f80b52a26581f", own=True
        ),
    }
)
"""The networks by the name that a recipe gives. Digests are checked: another file would give a model other input."""

OWN_FOLDER: Final = Path(__file__).resolve().parent / "data"
"""Where the project's own network lies."""

_of_this_thread = threading.local()


def enlarge(pixels: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Enlarge a picture by the network's factor.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Picture in RGB.
    name : str
        One of :data:`ENLARGERS`.

    Returns
    -------
    ndarray of uint8, shape (factor * height, factor * width, 3)
        The enlarged picture in RGB.

    Raises
    ------
    ModelError
        If the network's file is missing, is another one, or cannot be read by the installed OpenCV.
    """
    factor = ENLARGERS[name].factor
    height, width = pixels.shape[0] * factor, pixels.shape[1] * factor
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    network = _network(name)
    large = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC)
    scaled = colours[..., 0].astype(np.float32) / 255
    if ENLARGERS[name].own:
        network.setInput(scaled[np.newaxis, ..., np.newaxis])
        luminance = np.asarray(network.forward())[0, ..., 0] + large[..., 0] / np.float32(255)
    else:
        network.setInput(cv2.dnn.blobFromImage(scaled))
        luminance = np.asarray(network.forward())[0, 0]
    large[..., 0] = np.clip(np.rint(luminance * 255), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(large, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _network(name: str) -> Any:
    """Return the network of this thread; OpenCV's networks hold their input and are not safe to share."""
    networks: dict[tuple[str, Path], Any] = _of_this_thread.__dict__.setdefault("networks", {})
    folder = settings().weights_dir
    if (name, folder) not in networks:
        graph = np.frombuffer(_graph(name, folder), np.uint8)
        try:
            read = cv2.dnn.readNetFromONNX if ENLARGERS[name].own else cv2.dnn.readNetFromTensorflow
            networks[name, folder] = read(graph)
        except cv2.error as error:
            raise ModelError(
                f"OpenCV {cv2.__version__} cannot read the super-resolution network {ENLARGERS[name].file}.",
                "Install opencv-python-headless 5.0 or later.",
            ) from error
    return networks[name, folder]


@lru_cache(maxsize=len(ENLARGERS))
def _graph(name: str, folder: Path) -> bytes:
    """Read and check a network's file, once per process."""
    enlarger = ENLARGERS[name]
    path = (OWN_FOLDER if enlarger.own else folder) / enlarger.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The super-resolution network {path.name} is not in {path.parent}.",
            "Set WBC_WEIGHTS_DIR to the folder that holds it.",
        ) from error
    if hashlib.sha256(data).hexdigest() != enlarger.sha256:
        raise ModelError(
            f"The super-resolution network {path} is another one than models are trained with.",
            "Fetch the file again; its SHA-256 stands in wbc_core/imaging/super_resolution.py.",
        )
    return data if enlarger.own else _with_opencv_names(data)


def _with_opencv_names(graph: bytes) -> bytes:
    """Rename the attribute ``block_size`` of the DepthToSpace nodes to ``blocksize``.

    OpenCV's reader of TensorFlow graphs passes attributes on under TensorFlow's names; its layer asks for ONNX's.
    The nodes are field 1 of a GraphDef; of a node, field 2 is the operation and field 5 an entry of the attributes,
    whose field 1 is the name (tensorflow/core/framework/graph.proto and node_def.proto).
    """
    nodes: list[bytes | memoryview] = []
    for number, content, raw in fields(graph):
        if number == 1 and isinstance(content, memoryview) and _is_depth_to_space(content):
            nodes.append(delimited(1, b"".join(_renamed(field) for field in fields(content))))
        else:
            nodes.append(raw)
    return b"".join(nodes)


def _is_depth_to_space(node: memoryview) -> bool:
    return any(field.number == 2 and bytes(field.raw) == delimited(2, b"DepthToSpace") for field in fields(node))


def _renamed(field: Field) -> bytes | memoryview:
    name = delimited(1, b"block_size")
    if field.number == 5 and isinstance(field.content, memoryview) and field.content[: len(name)] == name:
        return delimited(5, delimited(1, b"blocksize") + field.content[len(name) :])
    return field.raw

"""A trained network in an ONNX Runtime session, with its card's preprocessing, temperature and threshold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from wbc_core.errors import ModelError
from wbc_core.inference.cards import CARD, NOVELTY, ModelCard, load_card, read_verified
from wbc_core.inference.novelty import NoveltyScore, read_novelty
from wbc_core.inference.waiting_line import prediction_turn
from wbc_core.inference.watching import crops_seen
from wbc_core.settings import settings

NOT_OPTIMISED = ("Pad_Fusion",)
"""Optimisers of ONNX Runtime that are kept out. This one moves zeros around a picture into the maximum pooling behind
them, where nothing is smaller than the border: wrong wherever all numbers are negative, as before the first activation
of ResNet101V2 (ONNX Runtime 1.31)."""


def open_network(data: bytes, threads: int, model_id: str) -> onnxruntime.InferenceSession:
    """Open an ONNX file.

    Parameters
    ----------
    data : bytes
        The file, its digest checked.
    threads : int
        Threads of one call.
    model_id : str
        For the message.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    ModelError
        If the file is no network that can be run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads must not spin: on a small shared host they would take the cores from decoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        # Without its fall-back: that prints, and opens a file a second time that could not be opened.
        return onnxruntime.InferenceSession(
            data,
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,
            disabled_optimizers=list(NOT_OPTIMISED),
        )
    except Exception as error:  # ONNX Runtime raises bare C++ exceptions of many types
        raise ModelError(f"The network of the model {model_id} cannot be loaded.", str(error)[:200]) from error


class Classifier:
    """One model ready to answer.

    Parameters
    ----------
    folder : Path
        The model's folder, with ``card.json`` and ``model.onnx``.
    threads : int
        Threads of one call.

    Raises
    ------
    ModelError
        If card or file are missing, altered, or do not fit each other.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self.card: ModelCard = load_card(folder)
        data = read_verified(folder, self.card, "model.onnx")
        self.session = open_network(data, threads, self.card.id)
        inputs, outputs = _described(self.session, self.card.id)
        if (outputs.get("logits") or [None])[-1] != len(self.card.labels):
            raise ModelError(
                f"The network of the model {self.card.id} does not answer for its {len(self.card.labels)} labels.",
                "Export the model again with `wbc train`.",
            )
        self.input_name = _picture_input(inputs, self.card)
        self.novelty: NoveltyScore | None = None
        if self.card.novelty is not None:
            self.novelty = read_novelty(read_verified(folder, self.card, NOVELTY), self.card.id)

    def look(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Run the network, and say which cells are unlike all that it was trained on.

        Parameters
        ----------
        crops : ndarray of uint8, shape (images, size, size, 3)
            Preprocessed pictures in RGB.

        Returns
        -------
        logits : ndarray of float32, shape (images, labels)
            As :meth:`logits` gives them.
        unknown : ndarray of bool, shape (images,)
            False throughout for a model without a novelty score.
        """
        crops_seen(self.card.id, crops)
        if self.novelty is None or self.card.novelty is None:
            return self.logits(crops), np.zeros(len(crops), bool)
        logits, embeddings = self._run(["logits", "embedding"], crops)
        strange = self.novelty(np.asarray(embeddings, np.float32), np.asarray(logits, np.float32))
        return np.asarray(logits, np.float32), np.asarray(strange > self.card.novelty.threshold)

    def logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network.

        Parameters
        ----------
        crops : ndarray of uint8, shape (images, size, size, 3)
            Preprocessed pictures in RGB.

        Returns
        -------
        ndarray of float32, shape (images, labels)
            Logits before the temperature.
        """
        (values,) = self._run(["logits"], crops)
        return np.asarray(values, dtype=np.float32)

    @prediction_turn()
    def _run(self, outputs: list[str], crops: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        try:
            found: list[NDArray[np.float32]] = self.session.run(outputs, {self.input_name: crops.astype(np.float32)})
        except Exception as error:  # ONNX Runtime raises bare C++ exceptions of many types
            raise ModelError(f"The network of the model {self.card.id} cannot be run.", str(error)[:200]) from error
        if any(len(values.shape) != 2 or len(values) != len(crops) for values in found):
            raise ModelError(
                f"The network of the model {self.card.id} does not answer picture by picture.",
                "Export the model again with `wbc train`.",
            )
        return found

    def probabilities(self, logits: NDArray[np.float32], labels: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Turn logits into calibrated probabilities.

        Parameters
        ----------
        logits : ndarray of float32, shape (images, labels of the card)
            From :meth:`logits`.
        labels : sequence of str, optional
            Renormalise over these labels only; the card's by default.

        Returns
        -------
        ndarray of float64, shape (images, labels)
            Rows sum to 1, columns in the order of ``labels``.

        Raises
        ------
        ModelError
            If the model does not know one of the labels.
        """
        return softmax(logits[:, self.columns(labels)].astype(np.float64) / self.card.calibration.temperature)

    def columns(self, labels: Sequence[str] | None) -> list[int]:
        """Return the positions of labels in the network's output."""
        if labels is None:
            return list(range(len(self.card.labels)))
        unknown = [label for label in labels if label not in self.card.labels]
        if unknown:
            raise ModelError(
                f"The model {self.card.id} does not know {', '.join(unknown)}.",
                f"It knows {', '.join(self.card.labels)}.",
            )
        if len(set(labels)) < 2:
            raise ModelError("At least two labels are needed to choose between.", "Name two or more, or none for all.")
        return [self.card.labels.index(label) for label in labels]


def _described(
    session: onnxruntime.InferenceSession, model_id: str
) -> tuple[dict[str, tuple[str, list[object]]], dict[str, list[object]]]:
    """Return type and shape of each input of a network, and the shape of each output, by their names."""
    try:
        inputs = {each.name: (each.type, list(each.shape)) for each in session.get_inputs()}
        return inputs, {each.name: list(each.shape) for each in session.get_outputs()}
    except Exception as error:  # names that are no text, and what else ONNX Runtime finds out only now
        raise ModelError(f"The network of the model {model_id} cannot be loaded.", str(error)[:200]) from error


def _picture_input(inputs: dict[str, tuple[str, list[object]]], card: ModelCard) -> str:
    """Return the name of a network's one input; refuse a network that takes other pictures than its card says."""
    for name, (kind, shape) in inputs.items():
        fits = len(shape) == 4 and all(
            not isinstance(side, int) or side == expected
            for side, expected in zip(shape[1:], card.input_size, strict=True)
        )
        if fits and kind == "tensor(float)" and len(inputs) == 1:
            return name
    height, width, _ = card.input_size
    raise ModelError(
        f"The network of the model {card.id} does not take pictures of {height} × {width} pixels in colour.",
        "Export the model again with `wbc train`.",
    )


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    total: NDArray[np.float64] = raised / raised.sum(axis=-1, keepdims=True)
    return total


def load_classifier(folder: Path) -> Classifier:
    """Return the classifier of a model's folder, one per process; loaded again where its card has been replaced.

    Raises
    ------
    ModelError
        If card or file are missing, altered, or do not fit each other.
    """
    try:
        card = (folder / CARD).stat()
    except OSError:
        return Classifier(folder, settings().inference_threads)  # raises what is missing
    return _loaded(folder, card.st_mtime_ns, card.st_size)


@lru_cache(maxsize=4)
def _loaded(folder: Path, card_changed: int, card_size: int) -> Classifier:
    return Classifier(folder, settings().inference_threads)

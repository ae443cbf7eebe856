"""Class activation maps in closed form: how much each place of the feature map adds to each class's logit.

Zhou et al. 2016, "Learning deep features for discriminative localization" (arXiv:1512.04150). Where the head averages
the feature map over its places and applies one dense layer, the logit of a class is the bias plus the average over all
places of *feature map times the class's weights*: those products are the map. It is no approximation of that last step.
The average over mirrored views is no obstacle: the network turns the views' maps back and averages them before the head
(:mod:`wbc_core.zoo.orientations`), and the output ``feature_map`` is that average.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wbc_core.errors import ModelError
from wbc_core.explanation.dense_stack import DenseStack, stack_of
from wbc_core.explanation.linear_head import LinearHead, head_of
from wbc_core.inference.classifier import Classifier


@dataclass(frozen=True)
class MappedAnswer:
    """One picture's answer together with where it comes from, out of one run of the network.

    Attributes
    ----------
    logits : ndarray of float32, shape (labels,)
        Before the temperature.
    maps : ndarray of float32, shape (labels, height, width)
        Contribution of each place; its average plus the constant is the logit.
    constant : ndarray of float32, shape (labels,)
        What no place adds: the bias, or what the biases of several layers come to.
    embedding : ndarray of float32, shape (channels,), or None
        Average of the feature map over its places; None for a dense stack, whose layers see more than that.
    """

    logits: NDArray[np.float32]
    maps: NDArray[np.float32]
    constant: NDArray[np.float32]
    embedding: NDArray[np.float32] | None = None


def mapped_head(classifier: Classifier, folder: Path) -> LinearHead | DenseStack:
    """Return what follows a model's feature map, where that tells exactly which places counted.

    Parameters
    ----------
    classifier : Classifier
        The model.
    folder : Path
        Its folder, with ``model.onnx``.

    Returns
    -------
    LinearHead or DenseStack

    Raises
    ------
    ModelError
        If more than an average and dense layers stands there, or the file differs from its card.
    """
    try:
        return head_of(classifier, folder)
    except ModelError:
        stack = stack_of(classifier, folder)
    if stack is None:
        raise ModelError(
            f"There is no heat map for the model {classifier.card.id}: more than dense layers stands between its "
            f"feature map and its answer.",
            "Only dense layers tell exactly which places counted; docs/explanation.md says more. Choose another model.",
        )
    return stack


def answer_with_maps(classifier: Classifier, head: LinearHead | DenseStack, crop: NDArray[np.uint8]) -> MappedAnswer:
    """Run the network once, for the answer and for every class's map.

    Parameters
    ----------
    classifier : Classifier
        The model.
    head : LinearHead or DenseStack
        What follows its feature map, from :func:`mapped_head`.
    crop : ndarray of uint8, shape (size, size, 3)
        A preprocessed picture in RGB.

    Returns
    -------
    MappedAnswer
    """
    if isinstance(head, DenseStack):
        return MappedAnswer(*head.answer(crop))
    picture = crop[np.newaxis].astype(np.float32)
    logits, feature_map = classifier.session.run(["logits", "feature_map"], {classifier.input_name: picture})
    return MappedAnswer(logits[0], class_maps(feature_map[0], head), head.bias, feature_map[0].mean(axis=(0, 1)))


def class_maps(feature_map: NDArray[np.float32], head: LinearHead) -> NDArray[np.float32]:
    """Return what each place adds to each logit.

    Parameters
    ----------
    feature_map : ndarray of float32, shape (height, width, channels)
        The network's output of that name.
    head : LinearHead
        Weights of the dense layer.

    Returns
    -------
    ndarray of float32, shape (labels, height, width)
        The average over height and width plus the bias is the logit.

    Examples
    --------
    >>> head = LinearHead(np.array([[1.0, -1.0]], np.float32), np.zeros(2, np.float32))
    >>> class_maps(np.array([[[2.0], [0.0]]], np.float32), head).tolist()
    [[[2.0, 0.0]], [[-2.0, 0.0]]]
    """
    return np.ascontiguousarray(np.moveaxis(feature_map @ head.weights, -1, 0))


def against_the_others(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each place adds to each class's lead over the average class.

    What is added to all classes alike changes no probability, and so says nothing of any class: it is taken away.

    Parameters
    ----------
    maps : ndarray of float32, shape (labels, height, width)
        From :func:`class_maps`.

    Returns
    -------
    ndarray of float32, shape (labels, height, width)
        Above 0 where a place speaks for the class, below where it speaks against it; at every place the sum over the
        classes is 0.
    """
    lead: NDArray[np.float32] = maps - maps.mean(axis=0, keepdims=True)
    return lead

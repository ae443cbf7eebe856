"""What explanations need beside a model: attribute probes and reference cells, written by a command into its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wbc_core.datasets.parts import dataset_folder, refuse_leaks
from wbc_core.datasets.sources import LabelledImage, digest_of, read_split
from wbc_core.errors import DatasetError, ModelError
from wbc_core.evaluation.metrics import proportion
from wbc_core.explanation.attribute_fitting import Part, fit_probe, named
from wbc_core.explanation.attribute_labels import ATTRIBUTES, DESCRIBED, DescribedCell, described_cells
from wbc_core.explanation.attribute_probe import (
    CARD_NAME,
    WEIGHTS_NAME,
    AttributeCard,
    AttributeFigures,
    LinearProbe,
    packed,
)
from wbc_core.explanation.embeddings import embeddings_of
from wbc_core.explanation.linear_head import head_of
from wbc_core.explanation.reference_cells import (
    CARD_NAME as REFERENCE_CARD_NAME,
)
from wbc_core.explanation.reference_cells import (
    INDEX_NAME,
    ReferenceCard,
    build_index,
    packed_index,
    spread_choice,
)
from wbc_core.inference.cards import describe_file, load_card, save_card
from wbc_core.inference.classifier import Classifier
from wbc_core.inference.measurements import Estimate
from wbc_core.recipes.sets import recipe_sets
from wbc_core.recipes.spec import read_recipe
from wbc_core.services.models import classifier_for, model_folder
from wbc_core.settings import ROOT, settings

DESCRIBED_SET = "pbc"
RESAMPLES = 2000

Report = Callable[[str], None]


def write_attribute_probes(model_id: str | None = None, *, report: Report | None = None) -> AttributeCard:
    """Fit the eleven attribute probes on a model's embeddings, measure them on test pictures, and write both files.

    Choices fall on validation pictures; the test pictures are read once, at the end.

    Parameters
    ----------
    model_id : str, optional
        The model; the default one if not given. Its head must be an average over the feature map and a dense layer.
    report : callable, optional
        Called with a line on each step.

    Returns
    -------
    AttributeCard

    Raises
    ------
    DatasetError
        If the described cells are not at hand, or a picture stands in two parts.
    ModelError
        If the model has another head, or was trained on pictures of the validation or test part.
    """
    classifier, folder = classifier_for(model_id), model_folder(model_id)
    head_of(classifier, folder)
    source = dataset_folder(DESCRIBED_SET, (settings().data_dir, settings().datasets_dir))
    parts = {part: described_cells(source, read_split(source, part)) for part in ("train", "val", "test")}
    refuse_leaks({part: tuple(cell.image for cell in cells) for part, cells in parts.items()})
    embeddings = {part: _described(parts[part], classifier, part, report) for part in ("train", "val")}
    fitted = {}
    for at, attribute in enumerate(ATTRIBUTES):
        train, validation = (
            Part(embeddings[part], [cell.values[at] for cell in parts[part]]) for part in ("train", "val")
        )
        fitted[attribute] = fit_probe(train, validation)
        if report is not None:
            chosen = fitted[attribute]
            report(f"{attribute}: validation accuracy {chosen.validation_accuracy:.4f} (strength {chosen.strength:g})")
    test = _described(parts["test"], classifier, "test", report)
    figures, right = {}, []
    for at, attribute in enumerate(ATTRIBUTES):
        chosen = fitted[attribute]
        truth = np.array([cell.values[at] for cell in parts["test"]])
        answer = named(chosen.probe, np.asarray(test, np.float32), chosen.values)
        frequent = Counter(cell.values[at] for cell in parts["train"]).most_common(1)[0][0]
        accuracy = proportion(int((answer == truth).sum()), len(truth))
        assert accuracy is not None
        right.append(answer == truth)
        figures[attribute] = AttributeFigures(
            values=chosen.values,
            strength=chosen.strength,
            validation_accuracy=chosen.validation_accuracy,
            accuracy=accuracy,
            balanced_accuracy=float(
                np.mean([(answer == truth)[truth == value].mean() for value in sorted(set(truth))])
            ),
            most_frequent=float((truth == frequent).mean()),
        )
    card = AttributeCard(
        model_id=classifier.card.id,
        network_sha256=classifier.card.files["model.onnx"].sha256,
        method="multinomial logistic regression on the network's embedding; the network itself was not "
        "trained on the attributes",
        source="WBCAtt, Tsutsui et al. 2023 (arXiv:2306.13531), on pictures of the PBC set (Acevedo et al. 2020)",
        licence="MIT (attributes); CC BY 4.0 (pictures)",
        labels=DESCRIBED,
        images={part: len(cells) for part, cells in parts.items()},
        test_sha256=digest_of([cell.image for cell in parts["test"]]),
        attributes=figures,
        mean_accuracy=_mean_by_group(np.array(right).mean(axis=0), [cell.image.group for cell in parts["test"]]),
    )
    probes: Mapping[str, LinearProbe] = {name: chosen.probe for name, chosen in fitted.items()}
    put_beside(folder, {CARD_NAME: _json(card), WEIGHTS_NAME: packed(probes)})
    return card


def _described(
    cells: Sequence[DescribedCell], classifier: Classifier, part: str, report: Report | None
) -> NDArray[np.float16]:
    def progress(done: int, total: int) -> None:
        if report is not None and (done % 1024 == 0 or done == total):
            report(f"{part}: {done:,} of {total:,} pictures seen")

    return embeddings_of([cell.image for cell in cells], classifier, settings().cache_dir, progress=progress)


def _mean_by_group(shares: NDArray[np.float64], groups: Sequence[str]) -> Estimate:
    """Return a mean over pictures with the 95 % percentile interval of a bootstrap that draws whole groups."""
    _, members = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(members, shares), np.bincount(members)
    random = np.random.default_rng(0)
    draws = random.integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Estimate(value=float(shares.mean()), low=float(low), high=float(high))


def write_reference_cells(
    model_id: str | None = None,
    *,
    sets: Sequence[str] = (),
    per_class: int = 250,
    axes: int = 256,
    report: Report | None = None,
) -> ReferenceCard:
    """Write an index of a model's training cells into its folder: embeddings, names and labels, no pictures.

    Parameters
    ----------
    model_id : str, optional
        The model; the default one if not given.
    sets : sequence of str, optional
        Only cells of these of its training sets; all if none is named.
    per_class : int
        Most cells of a class.
    axes : int
        Numbers kept of each embedding.
    report : callable, optional
        Called with a line on each step.

    Returns
    -------
    ReferenceCard

    Raises
    ------
    DatasetError
        If a training set is not at hand, or not as it was when the model was trained.
    ModelError
        If the model has another head than an average over the feature map and a dense layer.
    """
    classifier, folder = classifier_for(model_id), model_folder(model_id)
    head_of(classifier, folder)
    trained = {part.name: part for part in classifier.card.training.sets}
    foreign = sorted(set(sets) - set(trained))
    if foreign:
        raise ModelError(
            f"The model {classifier.card.id} was not trained on {', '.join(foreign)}.",
            f"It was trained on {', '.join(trained)}.",
        )
    recipe = read_recipe(ROOT / classifier.card.training.recipe)
    parts = [
        part
        for part in recipe_sets(recipe, (settings().data_dir, settings().datasets_dir))
        if not sets or part.name in sets
    ]
    for part in parts:
        if part.digests["train"] != trained[part.name].train_sha256:
            raise DatasetError(
                f"The training pictures of {part.name} are not those that {classifier.card.id} was trained on.",
                "Restore the set as it was, or train the model again.",
            )
    chosen = spread_choice([image for part in parts for image in part.train], per_class)
    if report is not None:
        report(f"{len(chosen):,} cells of {', '.join(part.name for part in parts)}")
    embeddings = embedded(chosen, classifier)
    index = build_index(chosen, embeddings, axes)
    spread = embeddings - index.centre
    agrees = {}
    for part in parts:
        held = part.validation
        nearest = index.similarities(embedded(held, classifier)).argmax(axis=1)
        hits = sum(index.names[at][2] == image.label for at, image in zip(nearest, held, strict=True))
        if (share := proportion(hits, len(held))) is not None:
            agrees[part.name] = share
    cells: dict[str, dict[str, int]] = {}
    for (label, name), count in sorted(Counter((image.label, image.source) for image in chosen).items()):
        cells.setdefault(label, {})[name] = count
    card = ReferenceCard(
        model_id=classifier.card.id,
        network_sha256=classifier.card.files["model.onnx"].sha256,
        cells=cells,
        axes=axes,
        kept_variance=float(((spread @ index.axes.astype(np.float32)) ** 2).sum() / (spread**2).sum()),
        nearest_agrees=agrees,
    )
    put_beside(folder, {REFERENCE_CARD_NAME: _json(card), INDEX_NAME: packed_index(index)})
    return card


def embedded(images: Sequence[LabelledImage], classifier: Classifier) -> NDArray[np.float32]:
    """Return the embeddings of pictures, float32 (pictures, channels), from the cache where they are known."""
    return np.asarray(embeddings_of(images, classifier, settings().cache_dir), np.float32)


def _json(card: AttributeCard | ReferenceCard) -> bytes:
    return (card.model_dump_json(indent=1) + "\n").encode()


def put_beside(folder: Path, contents: Mapping[str, bytes], **facts: object) -> None:
    """Write files into a model's folder, and their digests and further fields into its card."""
    for name, content in contents.items():
        partial = folder / f"{name}.partial"
        partial.write_bytes(content)
        partial.replace(folder / name)
    card = load_card(folder)
    listed = card.files | {name: describe_file(folder / name) for name in contents}
    save_card(card.model_copy(update={"files": listed, **facts}), folder)

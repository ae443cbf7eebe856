"""The parts of a data set that a recipe uses: found by name, filtered, merged, and checked before hours are spent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wbc_core.biology.labels import Merge
from wbc_core.datasets.sources import LabelledImage, digest_of, hold_out_groups, read_split
from wbc_core.errors import DatasetError

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Classes:
    """Which labels count, and as what.

    Attributes
    ----------
    labels : tuple of str
        Labels that pictures may carry, before any merge.
    merges : tuple of Merge
        Labels counted as one.
    """

    labels: tuple[str, ...]
    merges: tuple[Merge, ...] = ()

    def counted(self, images: Sequence[LabelledImage], keep: Sequence[str] | None) -> tuple[LabelledImage, ...]:
        """Return the pictures under the classes they count as.

        Parameters
        ----------
        images : sequence of LabelledImage
            Under their own labels.
        keep : sequence of str or None
            Leave out pictures of other labels; None keeps all.

        Raises
        ------
        DatasetError
            If a picture's label does not count.
        """
        renamed = {member: merge.name for merge in self.merges for member in merge.members}
        chosen = [image for image in images if keep is None or image.label in keep]
        foreign = sorted({image.label for image in chosen} - set(self.labels))
        if foreign:
            raise DatasetError(
                f"The set {chosen[0].source} holds pictures of {', '.join(foreign)}, which are not among the recipe's "
                f"labels.",
                f"Add them to labels, or name the set's labels to use in data; the recipe's: {', '.join(self.labels)}.",
            )
        return tuple(replace(image, label=renamed.get(image.label, image.label)) for image in chosen)


@dataclass(frozen=True)
class SplitSet:
    """Training and validation pictures of one data set."""

    name: str
    share: float
    train: tuple[LabelledImage, ...]
    validation: tuple[LabelledImage, ...]

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of the two lists of pictures."""
        return {"train": digest_of(self.train), "validation": digest_of(self.validation)}


def dataset_folder(name: str, folders: Sequence[Path]) -> Path:
    """Return the first of ``folders`` / ``name`` that holds a ``split.csv``.

    Raises
    ------
    DatasetError
        If none does; the message lists the sets that are there.
    """
    for folder in folders:
        if (folder / name / "split.csv").is_file():
            return folder / name
    known = sorted({path.parent.name for folder in folders for path in folder.glob("*/split.csv")})
    raise DatasetError(
        f"There is no data set {name!r} with a split.csv in {' or '.join(str(folder) for folder in folders)}.",
        f"Sets found: {', '.join(known) or 'none'}. Import one with `wbc datasets import`, or set WBC_DATA_DIR.",
    )


def train_and_validation(
    folder: Path, classes: Classes, keep: Sequence[str] | None, *, share: float, hold_out: float, seed: int
) -> SplitSet:
    """Read the training and the validation part of a set.

    Parameters
    ----------
    folder : Path
        The set's folder, with its ``split.csv``.
    classes : Classes
        Which labels count.
    keep : sequence of str or None
        Only pictures of these labels.
    share : float
        Share of a batch.
    hold_out : float
        Where above 0, this share of training is parted off by group as validation.
    seed : int
        Seed of that parting.

    Raises
    ------
    DatasetError
        If a part is empty, a label does not count, or a group or a file stands in two parts.
    """
    train = classes.counted(read_split(folder, "train"), keep)
    if hold_out:
        train, validation = hold_out_groups(train, hold_out, seed)
    else:
        validation = classes.counted(read_split(folder, "val"), keep)
    if not train or not validation:
        empty = "training" if not train else "validation"
        raise DatasetError(
            f"The set {folder.name} has no {empty} pictures of the recipe's labels.",
            "Split it with `wbc datasets split`, or give hold_out a share.",
        )
    refuse_leaks({"train": train, "validation": validation})
    return SplitSet(folder.name, share, train, validation)


def refuse_leaks(parts: dict[str, tuple[LabelledImage, ...]]) -> None:
    """Raise DatasetError where a file or a group of pictures stands in two parts."""
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    for part, images in parts.items():
        for image in images:
            places["picture", image.file].add(part)
            if image.group:
                places["group", f"{image.source}/{image.group}"].add(part)
    for (kind, name), found in places.items():
        if len(found) > 1:
            raise DatasetError(
                f"The {kind} {name} stands in {' and in '.join(sorted(found))}.",
                "Figures would flatter: split again by group with `wbc datasets split`.",
            )


def refuse_missing_classes(labels: Sequence[str], sets: Sequence[SplitSet]) -> None:
    """Raise DatasetError where a class has no picture for training, or none for validation, in any set."""
    for part in ("train", "validation"):
        present = {image.label for each in sets for image in getattr(each, part)}
        missing = [label for label in labels if label not in present]
        if missing:
            raise DatasetError(
                f"No {'training' if part == 'train' else part} picture shows {', '.join(missing)}.",
                "Add pictures of it, take it out of labels, or split the data again.",
            )

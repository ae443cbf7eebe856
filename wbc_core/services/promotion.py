"""From a run's export to a model that everybody may choose: checked, copied, and there all at once or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from wbc_core.errors import ModelError, WbcError
from wbc_core.inference.cards import CARD, load_card, read_verified
from wbc_core.inference.classifier import Classifier
from wbc_core.runs.folder import EXPORT
from wbc_core.settings import settings


def install_model(run_dir: Path, *, replace: bool = False) -> str:
    """Copy a run's export into the models folder.

    Parameters
    ----------
    run_dir : Path
        The run's folder.
    replace : bool
        Whether a model of that id may be replaced.

    Returns
    -------
    str
        The model's id.

    Raises
    ------
    ModelError
        If there is no export, its card or a file of it is not sound, or the id is taken.
    WbcError
        If the models folder cannot be written.
    """
    source = run_dir / EXPORT
    if not (source / CARD).is_file():
        raise ModelError(f"The run {run_dir.name} has left no model.", "Its log says why; resume it, or run it again.")
    card = load_card(source)
    for name in sorted(card.files):
        read_verified(source, card, name)
    Classifier(source, settings().inference_threads)
    target = settings().models_dir / card.id
    if target.exists() and not replace:
        raise ModelError(
            f"A model named {card.id!r} is installed already.",
            "Say that it is to be replaced, or keep the run as it is.",
        )
    try:
        _put_in_place(source, target, (*card.files, CARD))
    except OSError as error:
        raise WbcError(
            f"The model {card.id} cannot be copied to {target}: {error.strerror or error}.",
            "Make room, and check WBC_MODELS_DIR and the right to write there.",
        ) from error
    return card.id


def _put_in_place(source: Path, target: Path, names: tuple[str, ...]) -> None:
    """Copy into a folder beside the target, then swap the two; without a card no folder counts as a model."""
    incoming = target.with_name(f".{target.name}.incoming")
    outgoing = target.with_name(f".{target.name}.outgoing")
    for leftover in (incoming, outgoing):
        shutil.rmtree(leftover, ignore_errors=True)
    incoming.mkdir(parents=True)
    for name in names:
        shutil.copyfile(source / name, incoming / (f"{CARD}.incoming" if name == CARD else name))
    if target.exists():
        target.rename(outgoing)
    incoming.rename(target)
    (target / f"{CARD}.incoming").rename(target / CARD)
    shutil.rmtree(outgoing, ignore_errors=True)

"""Hand in a batch, and go on with one that has ended early."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, cast

from wbc_core.batches.folder import BatchFolder, Request, Standing, batch_folder, forget_older
from wbc_core.batches.left_out import no_picture_among
from wbc_core.batches.listing import Listing, Upload, list_paths, list_uploads
from wbc_core.batches.local_engine import local_rows
from wbc_core.batches.ray_engine import ray_rows
from wbc_core.batches.rows import BatchRow
from wbc_core.batches.worker import Rows, Work
from wbc_core.errors import WbcError
from wbc_core.services.access import refuse_paths_to_the_public, require, spend
from wbc_core.services.batches import exists, list_batches, worker
from wbc_core.services.models import classifier_for, model_folder
from wbc_core.services.prediction_counts import predictions, refused
from wbc_core.services.roles import Action
from wbc_core.settings import settings

Engine = Literal["local", "ray"]


def submit_uploads(
    uploads: Sequence[Upload], *, model_id: str | None = None, labels: Sequence[str] | None = None
) -> str:
    """Hand in files that lie in memory; return the id of their batch.

    Raises
    ------
    WbcError
        If there is no picture among them, or no room for them in memory.
    """
    require(Action.CLASSIFY)
    try:
        return _submit_uploads(uploads, model_id, labels)
    except WbcError as error:
        refused(error)
        raise


def _submit_uploads(uploads: Sequence[Upload], model_id: str | None, labels: Sequence[str] | None) -> str:
    size = sum(len(upload.data) for upload in uploads)
    listing = list_uploads(uploads)
    spend(len(listing.pictures))
    folder = _create(listing, _title([upload.name for upload in uploads]), model_id, labels)
    try:
        worker().submit(_work(folder, listing, "local", size))
    except WbcError:
        folder.delete()
        raise
    return folder.path.name


def submit_paths(
    paths: Sequence[Path],
    *,
    model_id: str | None = None,
    labels: Sequence[str] | None = None,
    engine: Engine = "local",
    batch_id: str | None = None,
) -> str:
    """Hand in files, folders and archives on this machine; return the id of their batch.

    Parameters
    ----------
    batch_id : str, optional
        Name of the batch; a new one if not given. Naming one that exists continues it.

    Raises
    ------
    WbcError
        If there is no picture under the paths, or the public asks.
    """
    require(Action.CLASSIFY)
    refuse_paths_to_the_public()
    if batch_id is not None and exists(batch_id):
        continue_batch(batch_id)
        return batch_id
    listing = list_paths(paths)
    sources = tuple(str(path.absolute()) for path in paths)
    folder = _create(listing, _title([path.name for path in paths]), model_id, labels, sources, engine, batch_id)
    worker().submit(_work(folder, listing, engine))
    return folder.path.name


def allowed_path(text: str) -> Path:
    """Return a folder or file of the server that a visitor of the page may name.

    Raises
    ------
    WbcError
        If the administrator allows none, or not this one.
    """
    require(Action.CLASSIFY)
    refuse_paths_to_the_public()
    root = settings().batch_root
    if root is None:
        raise WbcError("Folders of the server are not open to this page.", "The administrator sets WBC_BATCH_ROOT.")
    path = (root / text.strip().replace("\0", "")).resolve()
    if "\0" in text or not path.is_relative_to(root.resolve()) or not path.exists():
        raise WbcError(
            "There is no such folder or file among those open to this page.", f"Name one by its path inside {root}."
        )
    return path


def continue_batch(batch_id: str, uploads: Sequence[Upload] = ()) -> None:
    """Go on with a batch that has ended early; pictures that were uploaded are handed in again.

    Parameters
    ----------
    uploads : sequence of Upload
        The same files again, where the server no longer has them; what is done is not done again.

    Raises
    ------
    WbcError
        If another process works on it, its pictures are missing, or other ones were handed in.
    """
    require(Action.CLASSIFY)
    folder = batch_folder(settings().batches_dir, batch_id)
    request, present = folder.request(), worker().work(batch_id)
    size = 0
    if uploads:
        listing, size = list_uploads(uploads), sum(len(upload.data) for upload in uploads)
        spend(len(listing.pictures))
        done = folder.done()
        if done and not done & {(picture.name, picture.size) for picture in listing.pictures}:
            raise WbcError(
                "None of the pictures handed in belongs to this batch.",
                "Hand in the same files as before, or begin a new batch.",
            )
    elif request.sources:
        listing = list_paths([Path(source) for source in request.sources])
    elif present is not None:
        listing, size = present.listing, present.in_memory
    else:
        raise WbcError(
            "The server no longer has the pictures of this batch; they were kept in memory only.",
            "Hand in the same files again; what is done is not done again.",
        )
    if folder.held():
        raise WbcError(f"Another process works on the batch {batch_id}.", "Wait for it, or cancel it there.")
    standing = folder.standing().model_copy(
        update={"state": "waiting", "message": "", "hint": "", "total": len(listing.pictures)}
    )
    folder.write_standing(standing)
    worker().submit(_work(folder, listing, cast("Engine", request.engine), size))


def continue_interrupted() -> int:
    """Go on with what an earlier process left unfinished and whose pictures lie on the disk; return how many."""
    forget_older(settings().batches_dir, settings().batch_days)
    count = 0
    for view in list_batches():
        if view.standing.state == "interrupted" and view.request.sources and not view.active:
            continue_batch(view.request.id)
            count += 1
    return count


def _create(
    listing: Listing,
    title: str,
    model_id: str | None,
    labels: Sequence[str] | None,
    sources: tuple[str, ...] = (),
    engine: Engine = "local",
    batch_id: str | None = None,
) -> BatchFolder:
    if not listing.pictures:
        raise WbcError(
            no_picture_among(listing.left_out),
            "Hand in JPEG, PNG, BMP, TIFF or WebP files, or a zip of them.",
        )
    forget_older(settings().batches_dir, settings().batch_days)
    classifier = classifier_for(model_id)
    classifier.columns(labels)
    card = classifier.card
    request = Request(
        id=batch_id or f"{time.strftime('%Y%m%d')}-{secrets.token_hex(8)}",
        title=title,
        created=time.time(),
        model_id=card.id,
        model_title=card.title,
        network=card.files["model.onnx"].sha256,
        labels=tuple(labels) if labels is not None else card.labels,
        chosen=labels is not None,
        sources=sources,
        engine=engine,
    )
    standing = Standing(state="waiting", total=len(listing.pictures))
    return BatchFolder.create(settings().batches_dir, request, standing, listing.left_out)


def _work(folder: BatchFolder, listing: Listing, engine: Engine, in_memory: int = 0) -> Work:
    make: Rows
    if engine == "ray":
        make = ray_rows(model_folder, settings().batch_size)
    else:
        make = local_rows(classifier_for, settings().batch_size)

    def counted(folder: BatchFolder, listing: Listing) -> Iterator[BatchRow]:
        request = folder.request()
        return predictions().counted(request.model_id, make(folder, listing), chosen=request.chosen)

    return Work(folder, listing, counted, in_memory, folder.standing())


def _title(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{names[0]} and {len(names) - 1:,} more"

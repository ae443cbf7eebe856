"""Fields handed in by a page: worked off beside it, one after the other, and kept in memory for an hour.

They belong to the process, not to a visitor: a closed tab stops nothing, and the address of the page leads back.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wbc_core.batches.left_out import no_picture_among
from wbc_core.batches.listing import Listing, Upload, list_uploads
from wbc_core.errors import WbcError
from wbc_core.imaging.decoding import decode_image
from wbc_core.services.access import FIELD_COSTS, require, spend
from wbc_core.services.field_joining import joined
from wbc_core.services.field_pictures import decoded_fields
from wbc_core.services.field_results import FieldResult
from wbc_core.services.fields import find_in_listing
from wbc_core.services.models import classifier_for
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.smear.decisions import Decisions
from wbc_core.smear.fields.cells import FieldCell

log = logging.getLogger("wbc_core.fields")

MOST_FIELDS = 500
KEPT_S = 3600.0
"""How long after its end a run and its pictures stay in memory."""

CellKey = tuple[int, int]
"""Number of a field in its run, and of a cell in its field."""


@dataclass
class FieldRun:
    """Fields at work or done.

    Attributes
    ----------
    id, title : str
        Address and name.
    labels : tuple of str
        What the model can answer.
    results : list of FieldResult
        Of the fields done so far, in their order, as they were found.
    decisions, added : Decisions, dict
        What a person calls cells, and those that the search had missed.
    error, hint : str
        Why it ended early; empty while all is well.
    """

    id: str
    title: str
    model_id: str
    model_title: str
    labels: tuple[str, ...]
    scale: float | None
    listing: Listing
    in_memory: int
    results: list[FieldResult] = field(default_factory=list)
    decisions: Decisions[CellKey] = field(default_factory=Decisions)
    added: dict[CellKey, FieldCell] = field(default_factory=dict)
    error: str = ""
    hint: str = ""
    cancelled: bool = False
    ended: float | None = None

    @property
    def total(self) -> int:
        """Return how many fields were handed in."""
        return len(self.listing.pictures)

    @property
    def left_out(self) -> Mapping[str, str]:
        """Return the files that were no pictures."""
        return self.listing.left_out

    @property
    def active(self) -> bool:
        """Return whether fields are still to be done."""
        return self.ended is None


class FieldRunner:
    """Works off runs of fields in one thread."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._runs: OrderedDict[str, FieldRun] = OrderedDict()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, run: FieldRun) -> None:
        """Take a run.

        Raises
        ------
        WbcError
            If its pictures do not fit into memory beside those of other visitors.
        """
        with self._change:
            self._forget_old(run.in_memory)
            self._runs[run.id] = run
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="fields", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def run(self, run_id: str) -> FieldRun | None:
        """Return a run; None where it is not, or no longer, in memory."""
        with self._change:
            return self._runs.get(run_id)

    def forget(self, run_id: str) -> None:
        """Let go of a run and its pictures."""
        with self._change:
            run = self._runs.pop(run_id, None)
            if run is not None:
                run.cancelled = True
        decoded_fields().forget(run_id)

    def wait(self, run_id: str, timeout: float | None = None) -> bool:
        """Wait until a run has ended; return whether it has."""
        with self._change:
            return self._change.wait_for(
                lambda: not (run_id in self._runs and self._runs[run_id].active), timeout=timeout
            )

    def _forget_old(self, size: int) -> None:
        now = time.monotonic()
        for run_id, run in list(self._runs.items()):
            full = sum(other.in_memory for other in self._runs.values()) + size > self._memory
            if run.ended is not None and (full or now - run.ended > KEPT_S):
                del self._runs[run_id]
                decoded_fields().forget(run_id)
        held = sum(run.in_memory for run in self._runs.values())
        if held + size > self._memory:
            raise WbcError(
                f"The fields have {size / 1e6:,.0f} MB, and {held / 1e6:,.0f} MB of the {self._memory / 1e6:,.0f} MB"
                " set aside for uploads are taken.",
                "Wait until other fields are done, hand in fewer, or raise WBC_BATCH_MEMORY_MB.",
            )

    def _work(self) -> None:
        while True:
            with self._change:
                run = next((run for run in self._runs.values() if run.active), None)
                if run is None:
                    if not self._change.wait(timeout=60):
                        self._forget_old(0)
                    continue
            _work_off(run)
            with self._change:
                self._change.notify_all()


def _work_off(run: FieldRun) -> None:
    try:
        for result in find_in_listing(run.listing, model_id=run.model_id, scale=run.scale):
            run.results.append(result)
            if run.cancelled:
                break
    except WbcError as error:
        run.error, run.hint = error.message, error.hint
    except Exception:  # the thread serves every visitor: one broken run must not end it
        log.exception("A run of fields failed")
        run.error, run.hint = "The fields could not all be worked off.", "Hand in the others alone."
    run.results[:] = joined(run.results, run.scale)
    run.ended = time.monotonic()


@lru_cache(maxsize=1)
def runner() -> FieldRunner:
    """Return the runner of this process."""
    return FieldRunner(settings().batch_memory_mb * 1_000_000)


def submit_fields(uploads: Sequence[Upload], *, model_id: str | None = None, scale: float | None = None) -> str:
    """Hand in fields; return the id of their run.

    Parameters
    ----------
    uploads : sequence of Upload
        Pictures and zip archives of them.
    model_id : str, optional
        Model that names the leukocytes; the default one if not given.
    scale : float, optional
        Micrometres per pixel.

    Raises
    ------
    WbcError
        If there is no picture among them, there are too many, or no room for them in memory.
    """
    require(Action.CLASSIFY)
    listing = list_uploads(uploads)
    if not listing.pictures:
        raise WbcError(
            no_picture_among(listing.left_out),
            "Hand in JPEG, PNG, BMP, TIFF or WebP files of whole fields, or a zip of them.",
        )
    if len(listing.pictures) > MOST_FIELDS:
        raise WbcError(
            f"{len(listing.pictures):,} pictures are too many fields for one run; the limit is {MOST_FIELDS}.",
            "Pictures of single cells go to the page Batch; hand in fields by the slide.",
        )
    spend(FIELD_COSTS * len(listing.pictures))
    card = classifier_for(model_id).card
    name, more = uploads[0].name, len(uploads) - 1
    run = FieldRun(
        id=secrets.token_hex(12),
        title=f"{name} and {more} more" if more else name,
        model_id=card.id,
        model_title=card.title,
        labels=card.labels,
        scale=scale,
        listing=listing,
        in_memory=sum(len(upload.data) for upload in uploads),
    )
    runner().submit(run)
    return run.id


def field_run(run_id: str) -> FieldRun:
    """Return a run by its id.

    Raises
    ------
    WbcError
        If it is not, or no longer, in memory.
    """
    require(Action.CLASSIFY)
    run = runner().run(run_id)
    if run is None:
        raise WbcError(
            "The server no longer has these fields.",
            "Pictures are kept in memory only, for an hour: hand them in again.",
        )
    return run


def forget_fields(run_id: str) -> None:
    """Remove a run and its pictures from memory."""
    require(Action.CLASSIFY)
    runner().forget(run_id)


def field_pixels(run: FieldRun, number: int) -> NDArray[np.uint8]:
    """Return the picture of one field: uint8, shape (height, width, 3), RGB; the last ones are kept decoded.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    require(Action.CLASSIFY)
    picture = run.listing.pictures[number]
    pixels = decoded_fields().field(run.id, number, lambda: decode_image(picture.read(), picture.name).pixels)
    if runner().run(run.id) is None:
        decoded_fields().forget(run.id)  # it was forgotten while its picture was decoded
    return pixels

"""Models run on somebody's pictures beside the page: with progress, to be cancelled, and with what is done so far."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event, Thread
from typing import Literal

from wbc_core.errors import WbcError
from wbc_core.evaluation.labelled import predict_labelled
from wbc_core.evaluation.prediction_table import PredictionTable, table_of
from wbc_core.services.access import require, spend
from wbc_core.services.live_set import LiveSet
from wbc_core.services.models import classifier_for
from wbc_core.services.roles import Action
from wbc_core.settings import settings

log = logging.getLogger("wbc_core.live_run")

State = Literal["running", "done", "cancelled"]


class _CancelledError(Exception):
    """Leaves the prediction of a model that nobody waits for any more."""


class LiveRun:
    """Models on a set, one after the other, in a thread of their own.

    Parameters
    ----------
    live : LiveSet
        The pictures.
    model_ids : sequence of str
        The models.

    Attributes
    ----------
    live : LiveSet
        The pictures.
    model_ids : tuple of str
        The models.
    tables : dict of str to PredictionTable
        Answers by model, of those that are done; a model that was cancelled half way has none.
    failures : dict of str to WbcError
        Why a model has no answers; the others go on.
    """

    def __init__(self, live: LiveSet, model_ids: Sequence[str]) -> None:
        self.live = live
        self.model_ids = tuple(model_ids)
        self.tables: dict[str, PredictionTable] = {}
        self.failures: dict[str, WbcError] = {}
        self._at = (0, 0)  # models done, pictures of the next
        self._cancelled = Event()
        self._thread = Thread(target=self._run, name="live-run", daemon=True)

    def start(self) -> None:
        """Begin; returns at once.

        Raises
        ------
        AccessError
            If a public server's visitor has asked for too many pictures.
        """
        require(Action.CLASSIFY)
        spend(len(self.live.images) * len(self.model_ids))
        self._thread.start()

    def cancel(self) -> None:
        """Stop at the next picture."""
        self._cancelled.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended, or for some seconds."""
        self._thread.join(seconds)

    @property
    def state(self) -> State:
        """Whether it still runs, and how it ended."""
        if self._thread.is_alive():
            return "running"
        return "cancelled" if len(self.tables) + len(self.failures) < len(self.model_ids) else "done"

    @property
    def progress(self) -> tuple[int, int]:
        """Return the number of answers given and asked for, over all models."""
        models, pictures = self._at
        total = len(self.live.images)
        return min(models * total + pictures, total * len(self.model_ids)), total * len(self.model_ids)

    @property
    def model_at_work(self) -> str:
        """Return the id of the model that runs, or ran last."""
        return self.model_ids[min(self._at[0], len(self.model_ids) - 1)]

    def _run(self) -> None:
        for number, model_id in enumerate(self.model_ids):
            self._at = (number, 0)
            try:
                self.tables[model_id] = self._answers(number, model_id)
            except _CancelledError:
                return
            except WbcError as error:
                self.failures[model_id] = error
            except Exception:
                log.exception("A model could not be run")
                self.failures[model_id] = WbcError(
                    "The model could not be run.", "Something went wrong on our side; try other pictures."
                )
        self._at = (len(self.model_ids), 0)

    def _answers(self, number: int, model_id: str) -> PredictionTable:
        def told(done: int, total: int) -> None:
            if self._cancelled.is_set():
                raise _CancelledError
            self._at = (number, done)

        told(0, 0)
        predictions = predict_labelled(
            classifier_for(model_id), self.live.images, batch_size=settings().batch_size, progress=told
        )
        return table_of(predictions, model_id)

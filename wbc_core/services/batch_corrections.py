"""What a person makes of the pictures of a batch: other names, steps that can be taken back, how far the review is.

Decisions lie beside the rows in the batch's folder, one line each, and go with it; on a public server that folder lies
in memory. The rows themselves stay as the model wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wbc_core.batches.folder import BatchFolder, batch_folder
from wbc_core.batches.rows import BatchRow, repeated
from wbc_core.batches.tally import Tally
from wbc_core.errors import WbcError
from wbc_core.services.access import require
from wbc_core.services.batches import view_batch
from wbc_core.services.roles import Action
from wbc_core.settings import settings
from wbc_core.smear.decisions import UNIDENTIFIED, Decisions, Step, checked_choice

LEFT_OPEN = "left_open"
"""Reason of a picture that a person has seen and not named."""


@dataclass(frozen=True)
class BatchReview:
    """How far a person has looked through a batch.

    Attributes
    ----------
    tally : Tally
        Counts with every picture as a person calls it.
    pictures, seen : int
        Pictures that were read, repeats left out, and how many of them a person has named or let stand.
    left_open, corrected : int
        Seen but not decided; called something else.
    steps : int
        Steps that can be taken back.
    """

    tally: Tally
    pictures: int
    seen: int
    left_open: int
    corrected: int
    steps: int

    @property
    def finished(self) -> bool:
        """Whether every picture was seen and decided."""
        return self.pictures > 0 and self.seen == self.pictures and not self.left_open


def corrected_rows(batch_id: str) -> list[BatchRow]:
    """Return the rows done so far with every picture as a person calls it; repeats are called what their first is."""
    require(Action.CLASSIFY)
    folder = batch_folder(settings().batches_dir, batch_id)
    rows, said = folder.table(), _decisions(folder).standing()
    if not said:
        return rows
    by_digest = {row.digest: said[row.file] for row in rows if row.file in said and row.digest}
    return [_called(row, by_digest[row.digest]) if row.digest in by_digest else row for row in rows]


def decide_pictures(batch_id: str, files: Sequence[str], label: str) -> None:
    """Say what pictures show.

    Parameters
    ----------
    batch_id : str
        The batch.
    files : sequence of str
        Their names in the batch.
    label : str
        One of :func:`wbc_core.smear.decisions.choices_for`.

    Raises
    ------
    WbcError
        If the batch is gone or at work, the name is none, or a picture could not be read or is not counted.
    """
    require(Action.REVIEW)
    folder = _ended(batch_id)
    checked_choice(label, folder.request().labels)
    _take(folder, [(row.file, label) for row in _countable(folder, files)])


def confirm_pictures(batch_id: str, files: Sequence[str]) -> int:
    """Let the model's names of pictures stand, those without a name aside; return how many.

    Raises
    ------
    WbcError
        As in :func:`decide_pictures`.
    """
    require(Action.REVIEW)
    folder = _ended(batch_id)
    named = [row for row in _countable(folder, files) if row.status == "classified"]
    _take(folder, [(row.file, str(row.label)) for row in named])
    return len(named)


def take_back_decision(batch_id: str) -> bool:
    """Take back the last step; return whether there was one."""
    require(Action.REVIEW)
    folder = _ended(batch_id)
    if not _decisions(folder).steps:
        return False
    folder.add_decision({"take_back": True})
    return True


def review_of_batch(batch_id: str) -> BatchReview:
    """Return how far a person has looked through a batch."""
    require(Action.CLASSIFY)
    rows = corrected_rows(batch_id)
    steps = len(_decisions(batch_folder(settings().batches_dir, batch_id)).steps)
    tally = Tally()
    tally.add(rows)
    again = repeated(rows)
    read = [row for row in rows if row.status != "failed" and row.file not in again]
    return BatchReview(
        tally,
        pictures=len(read),
        seen=sum(row.reviewed for row in read),
        left_open=sum(row.reason == LEFT_OPEN for row in read),
        corrected=sum(row.corrected_from != "" for row in read),
        steps=steps,
    )


def _ended(batch_id: str) -> BatchFolder:
    if view_batch(batch_id).active:
        raise WbcError("This batch is still being worked off.", "Correct its pictures when all are done.")
    return batch_folder(settings().batches_dir, batch_id)


def _countable(folder: BatchFolder, files: Sequence[str]) -> list[BatchRow]:
    rows = {row.file: row for row in folder.table()}
    again = repeated(rows.values())
    for file in files:
        if file not in rows:
            raise WbcError(f"There is no picture {file[:60]} in this batch.", "Reload the page and choose it again.")
        if rows[file].status == "failed":
            raise WbcError(f"{file} could not be read: nothing is counted of it.", rows[file].hint)
        if file in again:
            raise WbcError(f"{file} is the same picture as {again[file]}.", "Correct that one.")
    return [rows[file] for file in files]


def _take(folder: BatchFolder, labels: Iterable[tuple[str, str]]) -> None:
    said = dict(labels)
    if said:
        folder.add_decision({"labels": said})


def _decisions(folder: BatchFolder) -> Decisions[str]:
    decisions = Decisions[str]()
    for said in folder.decisions():
        labels = said.get("labels")
        if said.get("take_back"):
            decisions.take_back()
        elif isinstance(labels, dict):
            decisions.take(Step(tuple((str(file), str(label)) for file, label in labels.items())))
    return decisions


def _called(row: BatchRow, label: str) -> BatchRow:
    before = str(row.label) if row.status == "classified" else UNIDENTIFIED
    status, reason = (UNIDENTIFIED, LEFT_OPEN) if label == UNIDENTIFIED else ("classified", "")
    changed = "" if before == label else before
    return replace(row, label=label, status=status, reason=reason, reviewed=True, corrected_from=changed)

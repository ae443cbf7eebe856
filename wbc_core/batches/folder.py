"""The folder of one batch: what was asked, how it stands, and its rows, one line each, added as they are done.

No picture is ever written there. Every file but the rows is complete or absent; of the rows only the last line can be
torn by a power cut, and it is dropped when the folder is opened again.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wbc_core.batches.listing import Picture
from wbc_core.batches.rows import BatchRow, row_of_line
from wbc_core.errors import WbcError

REQUEST, STATE, ROWS, LEFT_OUT, LOCK = "batch.json", "state.json", "rows.jsonl", "left_out.json", "lock"
DECISIONS: Final = "decisions.jsonl"
ID_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9-]{2,60}")
State = Literal["waiting", "running", "finished", "cancelled", "interrupted", "failed"]
YEAR_10000: Final = 253_402_300_800
"""The first second that no calendar of the standard library can name."""

ENDED: Final = frozenset({"finished", "cancelled", "failed"})


class Request(BaseModel):
    """What was asked for; it never changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    title: str
    created: float = Field(ge=0, lt=YEAR_10000, allow_inf_nan=False)
    """Seconds since 1970."""
    model_id: str
    model_title: str
    network: str
    """SHA-256 of the network that answers; another one may not go on with the batch."""
    labels: tuple[str, ...]
    """Labels to choose between, in the order of the rows' probabilities."""
    chosen: bool
    """Whether they are a choice among the model's own."""
    sources: tuple[str, ...] = ()
    """Files, folders and archives on the server; none where the pictures were uploaded."""
    engine: str = "local"

    @property
    def asked(self) -> tuple[str, ...] | None:
        """Labels to renormalise over; None where the model chooses among its own."""
        return self.labels if self.chosen else None


class Standing(BaseModel):
    """How far the batch is; ``total`` pictures, of which the rows tell how many are done."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State
    total: int = Field(default=0, ge=0)
    message: str = ""
    hint: str = ""
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Time worked on it."""


class BatchFolder:
    """A batch on disk.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, parent: Path, request: Request, standing: Standing, left_out: Mapping[str, str]) -> BatchFolder:
        """Make the folder of a new batch.

        Raises
        ------
        WbcError
            If its id could lead to another folder, or it cannot be written.
        """
        if not ID_PATTERN.fullmatch(request.id):
            raise WbcError(
                f"{request.id[:60]!r} cannot name a batch.",
                "Use 3 to 61 small letters, digits and hyphens, beginning with a letter or a digit.",
            )
        folder = cls(parent / request.id)
        try:
            folder.path.mkdir(parents=True, exist_ok=False)
            folder._replace(LEFT_OUT, json.dumps(dict(left_out), ensure_ascii=True))
            folder.write_standing(standing)
            folder._replace(REQUEST, request.model_dump_json(indent=1))
        except OSError as error:
            raise WbcError(
                f"The batch cannot be written to {parent}: {error.strerror}.",
                "Make room there, or set WBC_BATCHES_DIR to another folder.",
            ) from error
        return folder

    def request(self) -> Request:
        """Return what was asked for.

        Raises
        ------
        WbcError
            If there is no such batch.
        """
        try:
            return Request.model_validate_json((self.path / REQUEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise WbcError(
                f"There is no batch {self.path.name}.", "It may have been deleted; `wbc batch --list` shows those kept."
            ) from error

    def standing(self) -> Standing:
        """Return how far it is."""
        try:
            return Standing.model_validate_json((self.path / STATE).read_bytes())
        except (OSError, ValidationError):
            return Standing(state="interrupted")

    def write_standing(self, standing: Standing) -> None:
        """Replace the state, atomically."""
        self._replace(STATE, standing.model_dump_json())

    def left_out(self) -> dict[str, str]:
        """Return the files that were no pictures, with the reason."""
        try:
            content = json.loads((self.path / LEFT_OUT).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return {str(name): str(reason) for name, reason in content.items()} if isinstance(content, dict) else {}

    def rows(self) -> Iterator[BatchRow]:
        """Yield the rows in the order they were done; a torn or foreign line is passed over."""
        try:
            with (self.path / ROWS).open("rb") as stream:
                for line in stream:
                    if line.endswith(b"\n"):
                        try:
                            yield row_of_line(line)
                        except (ValueError, TypeError, KeyError, RecursionError):
                            continue
        except FileNotFoundError:
            return

    def table(self) -> list[BatchRow]:
        """Return one row for each picture, in the order they were handed in."""
        newest = {row.file: row for row in self.rows()}
        return sorted(newest.values(), key=lambda row: (row.place, row.file))

    def done(self) -> set[tuple[str, int]]:
        """Return name and size of every picture that has a row."""
        return {(row.file, row.size) for row in self.rows()}

    def remaining(self, pictures: Sequence[Picture]) -> list[tuple[int, Picture]]:
        """Return the pictures that have no row yet, with their places."""
        done = self.done()
        return [(place, picture) for place, picture in enumerate(pictures) if (picture.name, picture.size) not in done]

    def add(self, rows: Sequence[BatchRow]) -> None:
        """Write rows down and see them safe on the disk.

        Raises
        ------
        WbcError
            If they cannot be written.
        """
        try:
            with (self.path / ROWS).open("ab") as stream:
                stream.write("".join(row.to_line() for row in rows).encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise WbcError(
                f"The results of the batch cannot be written: {error.strerror}.",
                "Make room on the disk and continue the batch; what is done is kept.",
            ) from error

    def decisions(self) -> Iterator[dict[str, Any]]:
        """Yield what persons have decided about its pictures, in that order; a torn or foreign line is passed over."""
        try:
            with (self.path / DECISIONS).open("rb") as stream:
                for line in stream:
                    with suppress(ValueError, RecursionError):
                        said = json.loads(line)
                        if isinstance(said, dict):
                            yield said
        except FileNotFoundError:
            return

    def add_decision(self, said: Mapping[str, Any]) -> None:
        """Write down what a person has decided, and see it safe on the disk; raises a WbcError where that fails."""
        try:
            with (self.path / DECISIONS).open("ab") as stream:
                # a line of its own even behind one that a power cut has torn
                stream.write(("\n" + json.dumps(said, ensure_ascii=True, separators=(",", ":")) + "\n").encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            said_so = f"The correction cannot be written: {error.strerror}."
            raise WbcError(said_so, "Make room on the disk and correct it again.") from error

    def mend(self) -> None:
        """Drop a last line that a power cut has torn, so that the next row does not stick to it."""
        try:
            with (self.path / ROWS).open("rb+") as stream:
                content_end = stream.seek(0, os.SEEK_END)
                back = min(content_end, 1 << 20)
                stream.seek(content_end - back)
                tail = stream.read(back)
                if tail and not tail.endswith(b"\n"):
                    stream.truncate(content_end - back + tail.rfind(b"\n") + 1)
        except FileNotFoundError:
            return

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the batch for this process alone.

        Raises
        ------
        WbcError
            If another process works on it.
        """
        with (self.path / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WbcError(
                    f"Another process works on the batch {self.path.name}.", "Wait for it, or cancel it there."
                ) from error
            yield

    def held(self) -> bool:
        """Return whether some process works on it."""
        try:
            with self.alone():
                return False
        except WbcError:
            return True
        except OSError:
            return False

    def delete(self) -> None:
        """Remove everything that was written of it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _replace(self, name: str, text: str) -> None:
        partial = self.path / f"{name}.{os.getpid()}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.path / name)


def batch_folder(parent: Path, batch_id: str) -> BatchFolder:
    """Return a batch by its id.

    Raises
    ------
    WbcError
        If there is none.
    """
    folder = BatchFolder(parent / batch_id)
    if not ID_PATTERN.fullmatch(batch_id) or not (folder.path / REQUEST).is_file():
        raise WbcError(
            f"There is no batch {batch_id[:60]}.", "It may have been deleted; `wbc batch --list` shows those kept."
        )
    return folder


def batch_folders(parent: Path) -> list[BatchFolder]:
    """Return all batches, the newest first."""
    found = [BatchFolder(path.parent) for path in parent.glob(f"*/{REQUEST}")]
    return sorted(found, key=lambda folder: -folder.path.stat().st_mtime)


def forget_older(parent: Path, days: float) -> int:
    """Delete the batches that ended longer ago than some days; return how many."""
    count = 0
    for folder in batch_folders(parent):
        old = time.time() - (folder.path / STATE).stat().st_mtime > days * 86_400
        if old and folder.standing().state in ENDED and not folder.held():
            folder.delete()
            count += 1
    return count

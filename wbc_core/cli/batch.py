"""The ``wbc batch`` command: many pictures, written down as they are done, continued after a kill."""

from __future__ import annotations

import hashlib
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wbc_core.errors import WbcError

if TYPE_CHECKING:
    from wbc_core.services.batches import BatchView


class Engine(StrEnum):
    """Where a batch runs."""

    LOCAL = "local"
    RAY = "ray"


_ENDINGS = (".csv", ".json", ".xlsx")
_NAMED = 20  # files named on the screen; the file of results names all
_NOTES = {
    "several_cells": "pictures of several stained cells, of which the most prominent was judged",
    "crowded": "pictures crammed with stain, to be looked at",
}


def batch(
    paths: Annotated[list[Path] | None, typer.Argument(help="Pictures of single cells, folders, zip archives.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Model id; the default model if not given.")] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="Choose between these labels only: a,b,c.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write .csv, .json or .xlsx here.")] = None,
    name: Annotated[
        str | None,
        typer.Option("--id", help="Name of the batch; found from paths, model and labels if not given."),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="local, or ray for a Ray cluster (WBC_RAY_CLUSTER).")] = Engine.LOCAL,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again, even if such a batch exists.")] = False,
    show_all: Annotated[bool, typer.Option("--list", help="List the batches kept here instead.")] = False,
    delete: Annotated[str | None, typer.Option(help="Delete the batch of this id instead.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Classify many pictures; the same command given again after an interruption goes on from what is done."""
    from wbc_core.services import batch_submission, batches
    from wbc_core.services.batch_files import batch_file
    from wbc_core.services.prediction import labels_asked

    if delete is not None:
        batches.delete_batch(delete)
        print(f"The batch {delete} is deleted.")
        return
    if show_all:
        for view in batches.list_batches():
            done = f"{view.tally.done:,} of {view.standing.total:,}"
            print(f"{view.request.id}\t{view.standing.state}\t{done}\t{view.request.title}")
        return
    if not paths:
        raise WbcError("No picture, folder or archive was named.", "Name one, or use --list.")
    if out is not None and out.suffix.lower() not in _ENDINGS:
        raise WbcError(f"The result file {out} ends in none of {', '.join(_ENDINGS)}.", "Choose one of them.")
    chosen = labels_asked(labels, model) if labels else None
    batch_id = name or _id_of(paths, model, chosen)
    if fresh and batches.exists(batch_id):
        batches.delete_batch(batch_id)
    batch_submission.submit_paths(paths, model_id=model, labels=chosen, engine=engine.value, batch_id=batch_id)
    try:
        view = batches.wait_for(batch_id, _report if sys.stderr.isatty() else lambda view: None)
    finally:
        batches.end_batches()
    if view.standing.state != "finished":
        raise WbcError(f"The batch {batch_id} is {view.standing.state}: {view.standing.message}", view.standing.hint)
    if out is not None:
        try:
            out.write_bytes(batch_file(batch_id, out.suffix.lower()))
        except OSError as error:
            raise WbcError(f"The file {out} cannot be written: {error.strerror}.", "Choose another place.") from error
    _print(view, as_json)
    _say_what_is_missing(view)
    if view.tally.statuses["failed"] == view.tally.done:
        raise typer.Exit(1)


def _id_of(paths: list[Path], model: str | None, labels: tuple[str, ...] | None) -> str:
    """Return a name that the same request always has."""
    asked = json.dumps([[str(path.absolute()) for path in paths], model, labels])
    return f"batch-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"


def _report(view: BatchView) -> None:
    rate = f", {view.rate:.0f} a second" if view.rate else ""
    left = f", {view.eta_s:.0f} s left" if view.eta_s else ""
    print(
        f"\r{view.tally.done:,} of {view.standing.total:,} pictures{rate}{left}    ",
        end="",
        file=sys.stderr,
        flush=True,
    )


def _print(view: BatchView, as_json: bool) -> None:
    tally = view.tally
    counts = {label: tally.labels[label] for label in view.request.labels}
    if as_json:
        print(
            json.dumps(
                {
                    "id": view.request.id,
                    "model": view.request.model_id,
                    "pictures": tally.done,
                    "same_as_another": tally.repeats,
                    "classified": counts,
                    "unidentified": dict(tally.reasons),
                    "notes": dict(tally.notes),
                    "failed": tally.statuses["failed"],
                    "left_out": view.left_out,
                },
                indent=1,
            )
        )
        return
    print(f"batch {view.request.id}: {tally.done:,} pictures by {view.request.model_id}")
    for label, count in counts.items():
        print(f"{label:<24}{count:>8,}")
    print(f"{'unidentified':<24}{tally.statuses['unidentified']:>8,}")
    for reason, count in tally.reasons.most_common():
        print(f"  {reason:<22}{count:>8,}")
    print(f"{'failed':<24}{tally.statuses['failed']:>8,}")


def _say_what_is_missing(view: BatchView) -> None:
    """Say on stderr what the counts leave out or must be looked at, by file where there is one."""
    tally = view.tally
    for row in tally.failures[:_NAMED]:
        print(f"wbc: {row.error} {row.hint}", file=sys.stderr)
    _say_how_many_more(tally.statuses["failed"])
    for note, count in tally.notes.items():
        print(f"wbc: {_NOTES.get(note, note)}: {count:,}.", file=sys.stderr)
    if tally.repeats:
        print(f"wbc: {tally.repeats:,} pictures repeat another one and are not counted.", file=sys.stderr)
    for file, reason in list(view.left_out.items())[:_NAMED]:
        print(f"wbc: {file} {reason}.", file=sys.stderr)
    _say_how_many_more(len(view.left_out))


def _say_how_many_more(count: int) -> None:
    if count > _NAMED:
        print(f"wbc: {count - _NAMED:,} more; a file of results (--out, .xlsx or .json) names all.", file=sys.stderr)

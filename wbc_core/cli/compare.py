"""The ``wbc compare`` command: models side by side on the same pictures."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wbc_core.errors import WbcError

if TYPE_CHECKING:
    from wbc_core.evaluation.figures import Figure
    from wbc_core.services.comparing import ModelComparison

_SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auroc", "log_loss", "ece")


def compare(
    models: Annotated[list[str], typer.Argument(help="Ids of two models or more.")],
    on: Annotated[
        Path | None,
        typer.Option(
            help="Run them on this folder of class folders or CSV; on their own test predictions if not given."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="With --on: only the rows of this part.")] = None,
    test_set: Annotated[
        str | None,
        typer.Option("--set", help="Which set of the test predictions; the first that all have if not given."),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Choose between these labels only, e.g. a,b,c.")] = None,
    merge: Annotated[list[str] | None, typer.Option(help="Count classes as one: new=a+b. May be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write .json (everything) or .csv (one row a model) here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare models on the same pictures: figures with intervals, and whether chance explains each difference."""
    from wbc_core.biology.labels import ALL_LABELS, parse_labels, parse_merge
    from wbc_core.inference.cards import load_card
    from wbc_core.services.comparing import compare_models, compare_tables, live_predictions
    from wbc_core.services.models import model_folder

    if len(models) < 2:
        raise WbcError(f"One model was named: {models[0]}.", "Name two or more, or use `wbc evaluate` for one.")
    if out is not None and out.suffix.lower() not in (".csv", ".json"):
        raise WbcError(f"The result file {out} ends neither in .csv nor in .json.", "Choose one of the two.")
    merges = [parse_merge(text) for text in merge or ()]
    known = [*ALL_LABELS, *(merged.name for merged in merges)]
    for model in models:
        known += load_card(model_folder(model)).labels
    chosen = parse_labels(labels, tuple(dict.fromkeys(known))) if labels else None
    if on is None:
        comparison = compare_models(models, source=test_set, labels=chosen, merges=merges)
    else:
        tables = live_predictions(models, on, split=split, progress=_progress())
        comparison = compare_tables(tables, source=test_set, labels=chosen, merges=merges)
    if out is not None:
        _write(comparison, out)
    if as_json:
        from wbc_core.services.compare_report import as_report

        print(json.dumps(as_report(comparison), indent=1))
    else:
        _print(comparison)


def _write(comparison: ModelComparison, out: Path) -> None:
    from wbc_core.services.compare_report import as_report, as_rows

    try:
        with out.open("w", newline="", encoding="utf-8") as stream:
            if out.suffix.lower() == ".json":
                stream.write(json.dumps(as_report(comparison), indent=1) + "\n")
                return
            rows = as_rows(comparison)
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise WbcError(f"The file {out} cannot be written: {error.strerror}.", "Choose another place.") from error


def _print(comparison: ModelComparison) -> None:
    """Print a table, one sentence for each pair, and what a reader must know."""
    from wbc_core.evaluation.figures import METRICS

    titles = {metric.key: metric.title for metric in METRICS}
    print(f"{comparison.source}: {len(comparison.lineup):,} pictures, {', '.join(comparison.lineup.labels)}")
    width = max(len(row.name) for row in comparison.measures)
    print(f"{'':<{width}}  " + "  ".join(f"{titles[key]:<24}" for key in _SHOWN))
    for row in comparison.measures:
        print(f"{row.name:<{width}}  " + "  ".join(f"{_shown(row.figures[key]):<24}" for key in _SHOWN))
    for pair in comparison.pairs:
        print(pair.sentence)
    for note in comparison.lineup.notes:
        print(f"note: {note}")
    others = [name for name in comparison.sets if name != comparison.source]
    if others:
        print(f"note: other sets that all have: {', '.join(others)}; choose one with --set.")


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return "not defined"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.4f}-{figure.high:.4f})"


def _progress() -> Callable[[str, int, int], None] | None:
    """Return a function that shows progress on a terminal, None where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def show(model: str, done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{model}: {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)

    return show

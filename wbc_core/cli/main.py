"""The ``wbc`` command. Heavy rooms are imported by the command that needs them, so that the others start at once."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from wbc_core import __version__
from wbc_core.cli.backup import backup, restore
from wbc_core.cli.batch import batch
from wbc_core.cli.compare import compare
from wbc_core.cli.database import database_app
from wbc_core.cli.datasets import datasets_app
from wbc_core.cli.detect import detect
from wbc_core.cli.differential import differential
from wbc_core.cli.drift import add_drift_command
from wbc_core.cli.enlarging import train_enlarger
from wbc_core.cli.explaining import add_explanation_commands
from wbc_core.cli.jobs import jobs_app
from wbc_core.cli.serving import doctor, serve
from wbc_core.errors import WbcError
from wbc_core.services.faults import fault_in_words
from wbc_core.services.single_image import ImageResult

app = typer.Typer(
    name="wbc",
    help="Name blood cells in smear images; measure, train and keep the models that do. For research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="Look at the installed models.", no_args_is_help=True)
app.add_typer(models_app, name="models")
add_explanation_commands(models_app)
add_drift_command(models_app)
app.add_typer(datasets_app, name="datasets")
app.add_typer(jobs_app, name="jobs")
app.add_typer(database_app, name="database")
app.command()(batch)
app.command()(compare)
app.command()(detect)
app.command()(differential)
app.command()(train_enlarger)
app.command()(serve)
app.command()(backup)
app.command()(restore)
app.command()(doctor)

ModelOption = Annotated[str | None, typer.Option("--model", help="Model id; the default model if not given.")]
LabelsOption = Annotated[str | None, typer.Option("--labels", help="Choose between these labels only, e.g. a,b,c.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors go to stderr as one sentence and a hint."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app([argument for argument in given if argument != "--debug"])
    except Exception as error:  # only what was said in words, or a fault of the machine explains, is caught
        told = fault_in_words(error)
        if "--debug" in given or told is None:
            raise
        fail(told)


def fail(error: WbcError) -> None:
    """Print an error as one sentence and a hint, and leave with exit code 1."""
    print(f"wbc: {error}", file=sys.stderr)
    raise SystemExit(1)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"wbc {__version__}")
        raise typer.Exit


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Pictures of single cells, folders of them, zip archives.")],
    model: ModelOption = None,
    out: Annotated[Path | None, typer.Option(help="Write .csv or .json here instead of printing CSV.")] = None,
    labels: LabelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the cell in each picture: one row per picture, a bad file is a row too."""
    from wbc_core.services.models import classifier_for
    from wbc_core.services.prediction import labels_asked, predict_paths

    if out is not None and out.suffix.lower() not in (".csv", ".json"):
        raise WbcError(f"The result file {out} ends neither in .csv nor in .json.", "Choose one of the two.")
    chosen = labels_asked(labels, model) if labels else None
    shown = chosen or classifier_for(model).card.labels
    results = predict_paths(paths, model_id=model, labels=chosen)
    with _target(out) as stream:
        if as_json or (out is not None and out.suffix.lower() == ".json"):
            total, failed = _write_json(stream, results)
        else:
            total, failed = _write_csv(stream, results, shown)
    _say_what_is_left_out(paths)
    if total == 0:
        raise WbcError(
            "No picture was found under the given paths.", "Name picture files, folders that hold some, or a zip."
        )
    if failed:
        print(f"wbc: {failed} of {total} pictures could not be read; their rows say why.", file=sys.stderr)
    if failed == total:
        raise typer.Exit(1)


def _say_what_is_left_out(paths: list[Path]) -> None:
    from wbc_core.batches.listing import list_paths

    left_out = [f"{file} {why}." for file, why in list_paths(paths).left_out.items()]
    more = [f"{len(left_out) - 20:,} more files were left out."] if len(left_out) > 20 else []
    for sentence in (*left_out[:20], *more):
        print(f"wbc: {sentence}", file=sys.stderr)


@contextmanager
def _target(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("w", newline="", encoding="utf-8") as stream:
            yield stream
    except OSError as error:
        raise WbcError(f"The file {out} cannot be written: {error.strerror}.", "Choose another place.") from error


def _write_csv(stream: IO[str], results: Iterator[ImageResult], labels: Sequence[str]) -> tuple[int, int]:
    from wbc_core.reports.tables import on_one_line
    from wbc_core.services.prediction import COLUMNS, as_row

    writer = csv.DictWriter(stream, [*COLUMNS, *(f"p_{label}" for label in labels)], lineterminator="\n")
    writer.writeheader()
    total = failed = 0
    for result in results:
        # A spreadsheet that opens the table must not take the name of a file for a formula.
        writer.writerow({key: on_one_line(value) for key, value in as_row(result, labels).items()})
        total += 1
        failed += result.status == "failed"
    return total, failed


def _write_json(stream: IO[str], results: Iterator[ImageResult]) -> tuple[int, int]:
    from wbc_core.biology.statements import RESEARCH_USE

    keys = ("file", "label", "confidence", "status", "reason", "error", "hint", "probabilities")
    rows = [{key: result.as_dict()[key] for key in keys} for result in results]
    json.dump({"statement": RESEARCH_USE, "results": rows}, stream, indent=1)
    stream.write("\n")
    return len(rows), sum(row["status"] == "failed" for row in rows)


@app.command()
def evaluate(
    source: Annotated[Path, typer.Argument(help="Folder of class folders, or CSV with the columns file and label.")],
    model: ModelOption = None,
    out: Annotated[Path | None, typer.Option(help="Write the JSON report here as well.")] = None,
    labels: LabelsOption = None,
    merge: Annotated[list[str] | None, typer.Option(help="Count classes as one: new=a+b. May be repeated.")] = None,
    split: Annotated[str | None, typer.Option(help="Only the rows of this part, of a CSV with a split column.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on labelled pictures."""
    from wbc_core.biology.labels import parse_merge
    from wbc_core.services.evaluating import as_report, evaluate_source
    from wbc_core.services.prediction import labels_asked

    report = as_report(
        evaluate_source(
            source,
            model_id=model,
            labels=labels_asked(labels, model) if labels else None,
            merges=[parse_merge(text) for text in merge or ()],
            split=split,
        )
    )
    if out is not None:
        with _target(out) as stream:
            stream.write(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1) if as_json or out is None else _headline(report))


def _headline(report: dict[str, Any]) -> str:
    low, high = report["intervals_95"]["accuracy"]
    return (
        f"{report['source']}: accuracy {report['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f}), "
        f"macro F1 {report['macro_f1']:.4f}, calibration error {report['ece']:.4f}, n = {report['n']:,}"
    )


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe, one YAML file; see models/recipes.")],
    run: Annotated[Path | None, typer.Option(help="The run's folder; runs/<recipe id> if not given.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    install: Annotated[bool, typer.Option(help="Copy the result into the models folder.")] = False,
    export: Annotated[bool, typer.Option(help="Stop after the last epoch without --export.")] = True,
) -> None:
    """Train a recipe, or continue its run from the last epoch; then calibrate, export, measure and write the card.

    Ended by a signal, it leaves with exit code 3 and continues when the same command is given again.
    """
    from wbc_core.services.training import RunStopped, train_recipe

    try:
        card, folder = train_recipe(recipe, run_dir=run, device=device, install=install, export=export)
    except RunStopped as stop:
        print(f"wbc: {stop}", file=sys.stderr)
        raise typer.Exit(3) from stop
    if card is None:
        print(f"The run in {folder} has trained its last epoch; without --no-export the same command goes on.")
        return
    print(f"{card.id} is in {folder}")
    for row in card.evaluations:
        print(f"{row.source}: accuracy {row.accuracy.value:.4f}, calibration error {row.ece.value:.4f}, n = {row.n:,}")


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the installed models, the default one first."""
    from dataclasses import asdict

    from wbc_core.services.models import available_models

    rows = available_models()
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    for row in rows:
        print(f"{row.id}\t{row.title}\t{row.headline}")


@models_app.command("show")
def show_model(
    model: Annotated[str | None, typer.Argument(help="Model id; the default model if not given.")] = None,
) -> None:
    """Print a model's card as JSON."""
    from wbc_core.services.models import model_details

    print(model_details(model).model_dump_json(indent=1))


@models_app.command("verify")
def verify_models(
    models: Annotated[
        list[str] | None, typer.Argument(help="Model ids; all installed models if none is given.")
    ] = None,
) -> None:
    """Check cards, digests and networks."""
    from wbc_core.services.models import installed_ids, verify_model

    for model_id in models or installed_ids():
        card = verify_model(model_id)
        print(f"{card.id}: sound, {len(card.files)} files")


@models_app.command("export")
def export(
    model: Annotated[str, typer.Argument(help="Model id.")],
    file_format: Annotated[str, typer.Option("--format", help="onnx, keras or tflite.")] = "onnx",
    to: Annotated[Path, typer.Option(help="Folder to write into.")] = Path(),
) -> None:
    """Write a model's network to a file."""
    from wbc_core.services.exporting import export_model

    print(export_model(model, to, file_format))


@models_app.command("measure")
def measure_speed(
    model: Annotated[str, typer.Argument(help="Model id.")],
    images: Annotated[Path, typer.Argument(help="Folder of pictures to time the model on.")],
) -> None:
    """Measure a model's speed on this host and write it into its card."""
    from wbc_core.services.card_facts import measure_model_speed

    print(measure_model_speed(model, images).model_dump_json(indent=1))


@models_app.command("compare")
def add_comparison(
    model: Annotated[str, typer.Argument(help="Model whose card gets the row.")],
    other: Annotated[str, typer.Argument(help="Model whose figures the row states.")],
) -> None:
    """Write another installed model's figures as a row into a model's card."""
    from wbc_core.services.card_facts import add_comparison_row

    print(add_comparison_row(model, other).model_dump_json(indent=1))

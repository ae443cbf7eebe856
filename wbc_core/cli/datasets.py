"""The ``wbc datasets`` commands: import, check, split, describe and list sets of labelled pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

datasets_app = typer.Typer(help="Import, check and split sets of labelled pictures.", no_args_is_help=True)

SourceArgument = Annotated[str, typer.Argument(help="Name of a set, or path of a folder or a CSV table.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@datasets_app.command("import")
def import_set(
    path: Annotated[Path, typer.Argument(help="Folder, archive (.zip, .tar, .tar.gz), CSV table or .npz file.")],
    name: Annotated[str | None, typer.Option(help="Name of the set; the source's own if not given.")] = None,
    layout: Annotated[str | None, typer.Option(help="Read it in this layout; found out if not given.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="What a label means: SOURCE=cell type. May be repeated.")
    ] = None,
    skip_label: Annotated[
        list[str] | None, typer.Option(help="Leave out pictures of this label. May be repeated.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Write it into this folder; WBC_DATASETS_DIR if not given.")] = None,
    licence: Annotated[str, typer.Option(help="Under which terms the pictures may be used.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="An imported set of this name gives way.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy labelled pictures of any known layout into a set that recipes can name."""
    from wbc_core.datasets.importers.labelling import parse_meanings
    from wbc_core.services.datasets import import_dataset

    folder, record = import_dataset(
        path,
        name=name,
        layout=layout,
        labels=parse_meanings(label or ()),
        leave_out=skip_label or (),
        to=to,
        licence=licence,
        replace=replace,
        progress=_progress(),
    )
    if as_json:
        print(record.model_dump_json(indent=1))
        return
    print(f"{record.pictures:,} pictures of {record.source}, read as {record.layout}, are in {folder}")
    _print_counts(record.counts)
    for left in record.left_out:
        example = f", such as {left.files[0]}" if left.files else ""
        print(f"left out: {left.count:,} {'file' if left.count == 1 else 'files'}, {left.reason}{example}")
    for note in record.notes:
        print(f"note: {note}")
    if not any(row.get("train") for row in record.counts.values()):
        print(f"No picture is marked for training yet: wbc datasets split {record.name}")


@datasets_app.command("check")
def check_set(source: SourceArgument, as_json: JsonOption = False) -> None:
    """Look for duplicates, leaks between parts, wrong labels and unreadable files; exit code 1 if results would lie."""
    from wbc_core.services.datasets import check_dataset

    report = check_dataset(source, progress=_progress())
    if as_json:
        print(json.dumps({**asdict(report), "trustworthy": report.trustworthy}, indent=1))
    else:
        found = report.statistics
        print(f"{report.name}: {found.pictures:,} pictures in {found.groups:,} groups")
        _print_counts(found.counts)
        for finding in report.findings:
            print(f"{'SERIOUS: ' if finding.serious else ''}{finding.text}")
            for example in finding.examples:
                print(f"  {example}")
        print("Nothing makes results untrustworthy." if report.trustworthy else "Results on this set would mislead.")
    if not report.trustworthy:
        raise typer.Exit(1)


@datasets_app.command("split")
def split_set(
    source: SourceArgument,
    fractions: Annotated[str, typer.Option(help="Shares of train, val and test.")] = "0.7,0.15,0.15",
    seed: Annotated[int, typer.Option(help="Decides among equals; the same seed gives the same split.")] = 0,
    by: Annotated[str, typer.Option(help="What stays together: group.")] = "group",
    join_duplicates: Annotated[
        bool, typer.Option("--join-duplicates/--keep-duplicates-apart", help="Duplicates form one group.")
    ] = True,
    resplit: Annotated[bool, typer.Option("--resplit", help="Part a published test part too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Part a set into train, val and test: by group, each class as asked, the same for the same seed."""
    from wbc_core.datasets.splitting import parse_fractions
    from wbc_core.errors import DatasetError
    from wbc_core.services.datasets import split_dataset

    if by != "group":
        raise DatasetError(f"A set cannot be split by {by!r}.", "Only --by group exists: groups never cross parts.")
    report = split_dataset(
        source,
        fractions=parse_fractions(fractions),
        seed=seed,
        join_duplicates=join_duplicates,
        resplit=resplit,
        progress=_progress(),
    )
    if as_json:
        content = {"table": str(report.table), **report.record.model_dump(), "notes": report.notes}
        print(json.dumps(content, indent=1))
        return
    kept = " The published test part was kept." if report.record.kept_published_test else ""
    print(f"Wrote {report.table} (seed {seed}, SHA-256 {report.record.digest[:16]}).{kept}")
    _print_counts(report.record.counts)
    if report.record.joined_duplicates:
        print(f"{report.record.joined_duplicates:,} links between duplicates were kept within one part.")
    for note in report.notes:
        print(f"note: {note}")


@datasets_app.command("stats")
def stats(source: SourceArgument, as_json: JsonOption = False) -> None:
    """Count pictures by label and part, and measure their sizes and colours."""
    from wbc_core.services.datasets import describe_dataset

    found = describe_dataset(source, progress=_progress())
    if as_json:
        print(json.dumps(asdict(found), indent=1))
        return
    print(f"{found.pictures:,} pictures, {found.readable:,} of them readable, in {found.groups:,} groups")
    _print_counts(found.counts)
    for label, row in found.subtypes.items():
        print(f"{label}: {', '.join(f'{name} {count:,}' for name, count in row.items())}")
    print(f"sizes: {', '.join(f'{size} ({count:,})' for size, count in found.sizes.items())}")
    print("colours, red green blue from 0 to 255: mean, deviation within pictures, between pictures")
    for label, colours in found.colours.items():
        shown = ("  ".join(f"{value:5.1f}" for value in row) for row in asdict(colours).values())
        print(f"  {label:<22}{'   |   '.join(shown)}")


@datasets_app.command("list")
def list_sets(as_json: JsonOption = False) -> None:
    """List the sets that recipes can name."""
    from wbc_core.services.datasets import installed_datasets

    sets = installed_datasets()
    if as_json:
        rows = [
            {**asdict(each), "path": str(each.path), "pictures": each.pictures, "parts": each.parts} for each in sets
        ]
        print(json.dumps(rows, indent=1))
        return
    for each in sets:
        parts = ", ".join(each.parts) or "not split"
        print(f"{each.name}\t{each.pictures:,} pictures\t{', '.join(each.counts)}\t{parts}")


@datasets_app.command("layouts")
def list_layouts() -> None:
    """List the layouts that can be imported."""
    from wbc_core.services.datasets import layouts

    for name, title, form in layouts():
        print(f"{name:<14}  {title}: {form}")


def _print_counts(counts: Mapping[str, Mapping[str, int]]) -> None:
    """Print a table of pictures by label and part."""
    parts = [part for part in ("train", "val", "test", "") if any(row.get(part) for row in counts.values())]
    print(f"  {'':<22}" + "".join(f"{part or 'no part':>9}" for part in parts))
    for label, row in counts.items():
        print(f"  {label:<22}" + "".join(f"{row.get(part, 0):>9,}" for part in parts))


def _progress() -> Callable[[str, int, int], None] | None:
    """Return a function that shows progress on a terminal, None where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def show(doing: str, done: int, total: int) -> None:
        end = "\n" if done == total else ""
        print(f"\r{doing}: {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)

    return show

"""Tables, histories, recipes and what is stored beside runs and batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tests.curve_files import event_file
from tests.drawn_cells import cell, write
from tests.fuzz import mutations
from tests.fuzz.engine import Target
from tests.fuzz.mutations import Mutation
from wbc_core.batches.folder import LEFT_OUT, REQUEST, ROWS, STATE, Request, Standing
from wbc_core.batches.rows import BatchRow
from wbc_core.biology.own_ranges import COLUMNS as RANGES
from wbc_core.biology.own_ranges import read_own_ranges
from wbc_core.datasets.sources import read_source
from wbc_core.errors import WbcError
from wbc_core.recipes.spec import parse_recipe, read_recipe, recipe_yaml
from wbc_core.runs.overfitting import overfitting
from wbc_core.services.batch_files import ENDINGS, batch_file
from wbc_core.services.batches import view_batch
from wbc_core.services.comparing import compare_tables, uploaded_predictions
from wbc_core.services.curves import curves_csv, load_run, load_uploads
from wbc_core.services.differential import as_rows, compare_with_table, count_table
from wbc_core.services.live_set import uploaded_set
from wbc_core.settings import ROOT
from wbc_core.smear.case import Case

CELLS = (
    b"",
    b"0",
    b"1",
    b"-1",
    b"0.5",
    b"1e309",
    b"-1e309",
    b"nan",
    b"inf",
    b"NaN",
    b"9" * 400,
    b"1_000",
    b"0x10",
    b"neutrophil",
    b"Neutrophil ",
    b"blast",
    b"epoch",
    b"loss",
    b"p_monocyte",
    b"=1+1",
    b"\xd9\xa3",
    "½".encode(),
    b'"',
    b'""',
    b'"a\nb"',
    b"../../etc/passwd",
    b"http://127.0.0.1/a.jpg",
    b"a\0b",
    b"2026-02-30",
    b"classified",
    b"failed",
    b"{}",
    b"\xff",
)
TABLE: tuple[Mutation, ...] = (
    mutations.change_a_cell(CELLS),
    mutations.change_a_cell(CELLS),
    mutations.change_lines,
    mutations.write_differently,
)
JSON_VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    10**30,
    10**400,
    "",
    "x" * 3000,
    "../../etc/passwd",
    "\ud800",
    "\0",
    "<script>",
    [],
    {},
    [[]],
    {"a": {"b": 1}},
    ["monocyte"],
)
JSON: tuple[Mutation, ...] = (
    mutations.change_json(JSON_VALUES),
    mutations.change_json(JSON_VALUES),
    mutations.change_json(JSON_VALUES),
    mutations.nest,
    mutations.with_tokens(
        (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"\\ud800", b"\xef\xbb\xbf", b"//")
    ),
)
YAML: tuple[Mutation, ...] = (
    mutations.change_lines,
    mutations.write_differently,
    mutations.nest,
    mutations.with_tokens(
        (
            b"!!python/object/apply:os.system [id]",
            b"!!timestamp x",
            b"!!int ''",
            b"!!bool x",
            b"!!float x",
            b"!!binary x",
            b"!!set {a}",
            b"&a [*a]",
            b"*a",
            b"&a ",
            b"<<: ",
            b"? ",
            b"2020-13-45",
            b"1:00" + b":00" * 200 + b".0",
            b"0x" + b"f" * 4000,
            b"9" * 5000,
            b"0b_",
            b".inf",
            b".nan",
            b"~",
            b"|",
            b">",
            b"%YAML 9.9\n---\n",
            b"---\n",
            b"...\n",
            b"\t",
            b"- ",
            b"{",
            b"[",
            b"'",
            b"\xc2\x85",
        )
    ),
)


def _texts(*texts: str) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


def predictions(data: bytes, place: Path) -> None:
    """Bring a table of predictions to the page Compare; what it compares is drawn."""
    table = uploaded_predictions(data, "theirs.csv")
    assert len(table)
    compare_tables([table])


def curves(data: bytes, place: Path) -> None:
    """Bring a history to the page Training curves."""
    for run in load_uploads([("history.csv", data)]):
        if run.curve is None:
            assert run.problem is not None
            raise run.problem
        assert overfitting(run.curve).sentences
        assert curves_csv({run.title: run.curve})


def counts(data: bytes, place: Path) -> None:
    """Bring a count, a table of predictions or an analyser's percentages to a differential."""
    ours = count_table(b"label,count\nneutrophil,60\nlymphocyte,40\n", "ours.csv", Case())
    try:
        theirs = count_table(data, "theirs.csv", Case())
    finally:
        try:
            compare_with_table(ours, data, "theirs.csv")
        except WbcError as error:
            assert str(error)
    assert as_rows(theirs)


def labels(data: bytes, place: Path) -> None:
    """Bring a table of labels beside pictures, uploaded and as a source of the commands."""
    folder = place / "labelled"
    if not folder.exists():
        write(folder / "a.png", cell("monocyte", 1))
    (folder / "labels.csv").write_bytes(data)
    unfolded = place / "unfolded"
    unfolded.mkdir(exist_ok=True)
    picture = (folder / "a.png").read_bytes()
    try:
        for image in read_source(folder / "labels.csv"):
            assert str(image.path).startswith(str(folder)) or image.file
    finally:
        try:
            found = uploaded_set([("labels.csv", data), ("a.png", picture)], unfolded)
            assert all(image.path.is_relative_to(unfolded) for image in found.images)
        except WbcError as error:
            assert str(error)


def ranges(data: bytes, place: Path) -> None:
    """Read a laboratory's own reference ranges."""
    path = place / "ranges.csv"
    path.write_bytes(data)
    assert read_own_ranges(path)


def recipe(data: bytes, place: Path) -> None:
    """Read a recipe as the commands do, and write it again."""
    path = place / "recipe.yaml"
    path.write_bytes(data)
    found = read_recipe(path)
    assert parse_recipe(recipe_yaml(found)) == found
    assert found.epochs >= 1
    assert found.digest()


@lru_cache(maxsize=1)
def _recipes() -> tuple[bytes, ...]:
    return _texts(
        "id: small\ntitle: Small\nseed: 7\ndata:\n- name: pbc\n",
        "id: a-b\ntitle: 'Two: sets'\nseed: 1\nlabels: [neutrophil, monocyte]\ndata:\n- {name: pbc, share: 0.5}\n"
        "- name: own\n  labels:\n  - neutrophil\npreprocessing:\n  size: 64\nnetwork:\n  architecture: baseline_cnn\n"
        "  initial_weights: random\n",
        "id: merged\ntitle: Merged\nseed: 0x10\nmerges: [granulocyte=eosinophil+basophil]\n"
        "labels: [granulocyte, monocyte]\ndata: [{name: pbc}]\noptimisation:\n  learning_rate: 1.0e-3\n"
        "  schedule: {kind: step, every: 3}\n",
    )


def stored_run(data: bytes, place: Path) -> None:
    """Show a run whose status, recipe and history are what they are; nothing of it may stop the page."""
    folder = place / "runs" / "a-run"
    folder.mkdir(exist_ok=True)
    parts = [*data.split(b"\n=====\n"), b"", b"", b""][:3]
    for name, part in zip(("status.json", "spec.yaml", "history.csv"), parts, strict=True):
        (folder / name).write_bytes(part)
    run = load_run("a-run")
    assert run.curve is not None or run.problem is not None


@lru_cache(maxsize=1)
def _runs() -> tuple[bytes, ...]:
    status = json.dumps({"state": "running", "heartbeat": 1.7e9, "epoch": 1, "epochs": 3, "pid": 4, "host": "here"})
    history = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.4,1.1\n1,0.6,0.9,0.5,1.0\n"
    return tuple("\n=====\n".join((status, text.decode(), history)).encode() for text in _recipes()[:2])


def stored_batch(data: bytes, place: Path) -> None:
    """Show and export a batch whose files are what they are."""
    folder = place / "batches" / "a-batch"
    folder.mkdir(exist_ok=True)
    parts = [*data.split(b"\n=====\n"), b"", b"", b"", b""][:4]
    for name, part in zip((REQUEST, STATE, LEFT_OUT, ROWS), parts, strict=True):
        (folder / name).write_bytes(part)
    view_batch("a-batch")
    for ending in ENDINGS:
        assert batch_file("a-batch", ending)


@lru_cache(maxsize=1)
def _batches() -> tuple[bytes, ...]:
    names = ("monocyte", "neutrophil")
    request = Request(
        id="a-batch",
        title="a.png",
        created=1.7e9,
        model_id="wbc8-lite0",
        model_title="Eight",
        network="0" * 64,
        labels=names,
        chosen=False,
    )
    rows = (
        BatchRow(0, "a.png", 9, "d" * 64, "monocyte", 0.9, "classified", probabilities=(0.9, 0.1)),
        BatchRow(1, "b.png", 9, "", None, 0.0, "failed", error="It is damaged.", hint="Copy it."),
    )
    parts = (
        request.model_dump_json(),
        Standing(state="finished", total=2).model_dump_json(),
        json.dumps({"x.txt": "is no picture"}),
        "".join(row.to_line() for row in rows),
    )
    return _texts("\n=====\n".join(parts))


def _history() -> Sequence[bytes]:
    return _texts(
        "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.4,1.1\n1,0.6,0.9,0.5,1.0\n",
        "epoch;acc;loss;lr\n0;50;1,0;0.1\n1;60;0.5;0.1\n",
        "loss,val_loss,seconds\n1,2,3\n0.5,NA,3\n",
    )


def _events() -> Sequence[bytes]:
    scalars = {"epoch_loss": [1.0, 0.5], "val_loss": [1.0, 0.75]}
    return event_file(scalars), event_file(scalars, tensors=True)


def text_targets() -> list[Target]:
    split = "file,label,group,split,subtype\na.png,monocyte,d1,train,\n../b.png,Neutrophils,d2,test,band\n"
    head = "source,file,truth,label,confidence,p_monocyte,p_neutrophil\n"
    rows = "".join(
        f"pbc,{n}.png,monocyte,monocyte,0.9,0.9,0.1\npbc,n{n}.png,neutrophil,monocyte,0.7,0.7,0.3\n" for n in range(6)
    )
    predicted = "file,label,confidence,status,reason,error,p_monocyte,p_neutrophil\n"
    predicted += "a.png,monocyte,0.9,classified,,,0.9,0.1\nb.png,monocyte,0.5,unidentified,low_confidence,,0.5,0.5\n"
    own = ",".join(RANGES) + "\nneutrophil,18 y,,1.8,7.5,40,75,own study,Dr A,2026-03-01\n"
    return [
        Target("predictions", lambda: _texts(head + rows), predictions, TABLE, 450),
        Target("curves", _history, curves, TABLE, 900),
        Target("events", _events, curves, (mutations.edit_a_length,), 700),
        Target(
            "counts",
            lambda: _texts(predicted, "label,count\nneutrophil,60\nlymphocyte,40\n"),
            counts,
            TABLE,
            900,
        ),
        Target("labels", lambda: _texts(split, "file,label\na.png,monocyte\n"), labels, TABLE, 900),
        Target("ranges", lambda: _texts(own + own.partition("\n")[2].replace("neutro", "eosino")), ranges, TABLE, 700),
        Target("run", _runs, stored_run, (*YAML, *TABLE), 400),
        Target("batch", _batches, stored_batch, (mutations.change_lines, *JSON[3:]), 300),
    ]


def recipe_targets() -> list[Target]:
    own = tuple((ROOT / "models" / "recipes").glob("wbc8-lite0.yaml"))
    return [Target("recipe", lambda: (*_recipes(), *(path.read_bytes() for path in own)), recipe, YAML, 1000)]

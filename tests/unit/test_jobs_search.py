"""A search compares trials by their validation figures, gives poor ones up early, and goes on where it was killed."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in_worker import COMMAND, QUICK

from tests.drawn_cells import draw_set
from tests.tiny_training import at_the_gate, tiny_recipe, until
from wbc_core.datasets.checks import counted
from wbc_core.errors import WbcError
from wbc_core.jobs.search_space import own_values, sizes, varied
from wbc_core.recipes.spec import parse_recipe, read_recipe
from wbc_core.runs.folder import EXPORT
from wbc_core.services import jobs
from wbc_core.services.searching import search_recipe
from wbc_core.settings import settings

RECIPE = tiny_recipe(epochs=6, steps=6, note="slow")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A small data set of drawn cells, without a test part: a search needs none."""
    root = tmp_path_factory.mktemp("drawn")
    draw_set(root / "made", test=0)
    return root


@pytest.fixture
def place(drawn, tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_DATA_DIR", str(drawn))
    for name in ("datasets_dir", "runs_dir", "models_dir", "cache_dir"):
        monkeypatch.setenv(f"WBC_{name.upper()}", str(tmp_path / name))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


@pytest.fixture
def write(place):
    """Return a function that writes a recipe's file."""

    def written(text=RECIPE):
        path = place / "tiny.yaml"
        path.write_text(text)
        return path

    return written


def search(path, trials, **choices):
    choices = {"epochs": 3, "parameters": ("dropout",), "command": COMMAND, "timing": QUICK} | choices
    return search_recipe(path, trials=trials, **choices)


@pytest.mark.slow
def test_poor_trials_are_given_up_and_the_best_becomes_a_recipe(write):
    path = write()
    result = search(path, 8)
    assert [row.number for row in result.rows] == list(range(8))
    assert result.rows[0].values == {"dropout": 0.2}  # the recipe's own
    outcomes = [row.outcome for row in result.rows]
    assert outcomes[:4] == ["finished"] * 4
    assert set(outcomes) == {"finished", "given up"}
    for row in result.rows:
        job = jobs.job_details(row.job_id)
        assert job.search_id == "tiny"
        assert not (job.run_dir / EXPORT).exists()
        if row.outcome == "given up":
            assert job.state == "cancelled"
            assert job.message == f"Given up after {counted(row.epochs, 'epoch')}: others were better by then."
            assert row.epochs < 3
            assert row.values["dropout"] > min(other.values["dropout"] for other in result.rows)
    least = min((row for row in result.rows if row.outcome == "finished"), key=lambda row: row.values["dropout"])
    assert result.best == least.number
    best = read_recipe(result.best_recipe)
    assert (best.id, best.epochs, best.network.dropout) == ("tiny-best", 6, least.values["dropout"])
    assert best.note == "slow Chosen by validation log loss among 8 trials of 3 epochs: dropout."
    with (result.folder / "trials.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert [row["job"] for row in table] == [row.job_id for row in result.rows]
    assert list(table[0]) == ["trial", "job", "outcome", "dropout", "epochs", "val_loss", "val_accuracy"]
    assert result.table().splitlines()[1].startswith(f"{result.best},")
    again = search(path, 8)  # nothing is left to do
    assert again == result


def test_a_killed_search_goes_on_with_the_trial_it_was_at(write, place):
    path = write(RECIPE.replace("note: slow", "note: wait 1"))
    program = (
        "import sys; from pathlib import Path; from wbc_core.services.searching import search_recipe;"
        "search_recipe(Path(sys.argv[1]), trials=2, epochs=2, parameters=('dropout',), command=tuple(sys.argv[2:]))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    first = subprocess.Popen([sys.executable, "-c", program, str(path), *COMMAND], env=environment)
    try:
        (job,) = until(jobs.list_jobs, "no trial was submitted")
        pid = at_the_gate(job)
    finally:
        first.kill()
        first.wait()
    (job.run_dir / "go").touch()
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WbcError) as caught:
        search(path, 1, epochs=1)
    assert caught.value.message == "The search 'tiny' was started with another value of epochs."
    result = search(path, 1, epochs=2)
    assert [(row.job_id, row.outcome, row.epochs) for row in result.rows] == [(job.id, "finished", 2)]
    assert jobs.job_details(job.id).attempts == 2


def test_a_search_whose_trials_all_fail_says_why(write):
    with pytest.raises(WbcError) as caught:
        search(write(RECIPE.replace("note: slow", "note: refuse")), 8)
    assert caught.value.message == "The first 3 trials failed: The data set nothing is not there."
    assert len(jobs.list_jobs(search_id="tiny")) == 3


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"parameters": ("colour",)}, "A search cannot vary 'colour'."),
        ({"parameters": ()}, "A search has nothing to vary."),
        ({"name": "No Name"}, "A search cannot be named 'No Name'."),
        ({"backend": "cloud"}, "There is no backend 'cloud'."),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(write, choices, message):
    with pytest.raises(WbcError) as caught:
        search(write(), 2, **choices)
    assert caught.value.message == message
    assert jobs.list_jobs() == ()


def test_a_trial_is_the_recipe_with_other_values_and_fewer_epochs():
    recipe = parse_recipe(
        RECIPE.replace("epochs: 6, ", "epochs: 6, warmup_steps: 12, ")
        + "settling: {from_epoch: 4}\nphases:\n"
        + "- {epochs: 2, frozen_through: backbone, learning_rate: 0.01}\n- {epochs: 4, learning_rate: 0.001}\n"
    )
    values = {"learning_rate": 0.02, "dropout": 0.5, "augmentation_strength": 0.3, "input_size": 48}
    trial = varied(recipe, values, epochs=3, suffix="-t7", title="(trial 7)")
    assert [(phase.epochs, phase.learning_rate) for phase in trial.phases] == [(1, 0.02), (2, 0.002)]
    assert (trial.id, trial.title, trial.seed) == ("tiny-t7", "Tiny (trial 7)", 5)
    assert (trial.network.dropout, trial.augmentation_strength, trial.preprocessing.size) == (0.5, 0.3, 48)
    assert (trial.settling.from_epoch, trial.optimisation.warmup_steps) == (2, 6)
    same = varied(recipe, own_values(recipe, tuple(values)), epochs=6, suffix="", title="")
    assert same.model_copy(update={"title": recipe.title}) == recipe
    long = varied(recipe.model_copy(update={"id": "a" * 41}), {}, epochs=1, suffix="-t12", title="")
    assert long.id == "a" * 37 + "-t12"
    assert long.settling is None


@pytest.mark.parametrize(("size", "offered"), [(96, [64, 96, 128]), (32, [32, 48]), (224, [144, 224, 304])])
def test_the_input_sizes_offered_lie_around_the_recipes(size, offered):
    assert sizes(size) == offered


@pytest.mark.slow
def test_a_tiny_trial_trains_for_real_and_touches_no_test_picture(write):
    result = search(write(), 1, epochs=2, parameters=("learning_rate", "input_size"), command=(), timing=None)
    (row,) = result.rows
    assert (row.outcome, row.epochs) == ("finished", 2)
    assert row.val_loss > 0
    assert row.values == {"learning_rate": 0.001, "input_size": 32}
    assert read_recipe(result.best_recipe).epochs == 6
    # The set has no test part, so reading one would have failed.
    assert not (jobs.job_details(row.job_id).run_dir / EXPORT).exists()

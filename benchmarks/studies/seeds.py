"""How much of a figure is the luck of the draw? One recipe is trained with several seeds, and every seed is reported.

The seed decides batches, variation of pictures and random weights. The first row is the model that ships.

``python -m benchmarks.studies.seeds [--recipe a-mobilenetv2] [--seeds 1 2] --write`` writes ``docs/studies/seeds.csv``
and the page beside it. Trainings that are done are not done again.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.studies.own_trainings import trained
from benchmarks.studies.sampling import cells
from wbc_core.inference.cards import Evaluation, ModelCard, load_card
from wbc_core.inference.measurements import Estimate
from wbc_core.settings import ROOT

STUDIES = ROOT / "docs" / "studies"


@dataclass(frozen=True)
class Row:
    """What one seed came to."""

    seed: int
    best_epoch: int
    validation: float
    test: Evaluation

    @property
    def figures(self) -> dict[str, Estimate | None]:
        """Figures of the test part by name."""
        return {"accuracy": self.test.accuracy, "macro F1": self.test.macro_f1, "AUROC": self.test.auroc}


def row_of(card: ModelCard) -> Row:
    """Read a row from a card."""
    (source,) = card.training.sets
    return Row(card.training.seed, card.training.best_epoch, source.validation_balanced_accuracy, card.evaluations[0])


def rows_of(recipe: str, seeds: list[int]) -> list[Row]:
    """Return the row of the shipped model, then one for each further seed."""
    text = yaml.safe_load((ROOT / "models" / "recipes" / f"{recipe}.yaml").read_text(encoding="utf-8"))
    cards = [load_card(ROOT / "models" / recipe)]
    for seed in seeds:
        name = f"{recipe}-seed-{seed}"
        spec = yaml.safe_dump(text | {"id": name, "seed": seed}, sort_keys=False)
        cards.append(load_card(trained(name, spec)))
    return [row_of(card) for card in cards]


def shown(estimate: Estimate | None) -> str:
    """Return a figure with its interval."""
    return "–" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def table(rows: list[Row]) -> str:
    """Return one line for each seed."""
    names = list(rows[0].figures)
    lines = [
        f"| seed | best epoch | balanced accuracy, validation | {', test | '.join(names)}, test |",
        f"|{'---|' * (3 + len(names))}",
    ]
    lines += [
        f"| {row.seed} | {row.best_epoch} | {row.validation:.3f} | {' | '.join(map(shown, row.figures.values()))} |"
        for row in rows
    ]
    return "\n".join(lines)


def spread(rows: list[Row]) -> str:
    """Return mean and standard deviation over the seeds in a sentence."""
    parts = []
    for name in rows[0].figures:
        values = [figure.value for row in rows if (figure := row.figures[name]) is not None]
        if len(values) == len(rows):
            parts.append(f"{name} {statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}")
    return f"Mean and standard deviation over {len(rows)} seeds: {', '.join(parts)}."


def page(rows: list[Row], recipe: str) -> str:
    """Return the study's page."""
    return f"""# How much is the luck of the draw?

Written by `python -m benchmarks.studies.seeds --write`; the figures are those of [seeds.csv](seeds.csv).

The recipe [{recipe}](../../models/recipes/{recipe}.yaml) was trained with {len(rows)} seeds; everything else is equal.
The first row is the model that ships, and stays so: no seed is chosen by its test figures. Intervals are those of each
model's card, over pictures or groups of the same test part; they do not contain what another seed would change.

{table(rows)}

{spread(rows)}

It is the cheapest recipe of the reference systems; the others were trained with one seed each.
"""


def write_csv(rows: list[Row], path: Path) -> None:
    """Write every figure with its interval."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        named = [f"test_{name.replace(' ', '_').lower()}" for name in rows[0].figures]
        heads = [f"{name}{suffix}" for name in named for suffix in ("", "_low", "_high")]
        writer.writerow(["seed", "best_epoch", "val_balanced_accuracy", *heads])
        for row in rows:
            values = [cell for estimate in row.figures.values() for cell in cells(estimate)]
            writer.writerow([row.seed, row.best_epoch, f"{row.validation:.4f}", *values])


def main() -> None:
    """Print the table; with ``--write`` put it into the studies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="a-mobilenetv2", help="a recipe of models/recipes whose model ships")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="further seeds")
    parser.add_argument("--write", action="store_true", help="write the study's files")
    arguments = parser.parse_args()
    rows = rows_of(arguments.recipe, arguments.seeds)
    print(f"{table(rows)}\n\n{spread(rows)}")
    if arguments.write:
        STUDIES.mkdir(parents=True, exist_ok=True)
        write_csv(rows, STUDIES / "seeds.csv")
        (STUDIES / "seeds.md").write_text(page(rows, arguments.recipe), encoding="utf-8")


if __name__ == "__main__":
    main()

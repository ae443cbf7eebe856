"""The commands ``wbc models attributes|references|novelty|threshold``: what is fitted beside a trained model."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

ModelArgument = Annotated[str | None, typer.Argument(help="Model id; the default model if not given.")]


def add_explanation_commands(models_app: typer.Typer) -> None:
    """Add the commands to ``wbc models``."""
    models_app.command("attributes")(write_attributes)
    models_app.command("references")(write_references)
    models_app.command("novelty")(write_novelty_score)
    models_app.command("threshold")(choose_threshold)


def write_attributes(model: ModelArgument = None) -> None:
    """Teach small probes the eleven morphology attributes on a model's embeddings, and write them beside the model."""
    from wbc_core.services.explanation_files import write_attribute_probes

    card = write_attribute_probes(model, report=_say)
    for name, row in card.attributes.items():
        print(
            f"{name}: {row.accuracy.value:.4f} (95 % interval {row.accuracy.low:.4f} to {row.accuracy.high:.4f}), "
            f"balanced {row.balanced_accuracy:.4f}, most frequent value alone {row.most_frequent:.4f}"
        )
    mean = card.mean_accuracy
    print(
        f"mean of {len(card.attributes)}: {mean.value:.4f} ({mean.low:.4f} to {mean.high:.4f}), "
        f"n = {card.images['test']:,}"
    )


def write_references(
    model: ModelArgument = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="Only cells of this training set. May be repeated.")
    ] = None,
    per_class: Annotated[int, typer.Option(min=1, max=2000, help="Most cells of a class.")] = 250,
    axes: Annotated[int, typer.Option(min=2, max=1024, help="Numbers kept of each embedding.")] = 256,
) -> None:
    """Write embeddings, names and labels of training cells beside a model, to find the nearest ones by; no pictures."""
    from wbc_core.services.explanation_files import write_reference_cells

    card = write_reference_cells(model, sets=sets or (), per_class=per_class, axes=axes, report=_say)
    print(
        f"{sum(sum(row.values()) for row in card.cells.values()):,} cells, {100 * card.kept_variance:.1f} % of variance"
    )
    for name, share in card.nearest_agrees.items():
        print(
            f"{name} validation: nearest cell has the label in {share.value:.4f} ({share.low:.4f} to {share.high:.4f})"
        )


def write_novelty_score(
    model: ModelArgument = None,
    score: Annotated[str | None, typer.Option(help="Which novelty score; discriminant if not given.")] = None,
) -> None:
    """Fit what tells cells of no known type from known ones, choose its threshold, and write both beside the model."""
    from wbc_core.services.novelty_files import SCORE, write_novelty

    facts = write_novelty(model, score=score or SCORE, report=_say)
    print(f"{facts.score}: unknown from {facts.threshold:.6g} on, {facts.rule}")
    for words, table in (("accepted", facts.accepted), ("AUROC", facts.separation), ("refused", facts.refused)):
        for name, row in table.items():
            print(f"{words}, {name}: {row.value:.4f} (95 % interval {row.low:.4f} to {row.high:.4f})")


def choose_threshold(model: ModelArgument = None) -> None:
    """Choose on validation pictures again from which confidence on a model answers, and measure what it answers."""
    from wbc_core.services.abstaining import choose_threshold_again

    card = choose_threshold_again(model, report=_say)
    print(f"answers from a confidence of {card.abstention.threshold:.6f} on: {card.abstention.rule}")
    for row in card.evaluations:
        right = row.accuracy_classified
        words = "" if right is None else f", right {right.value:.4f} ({right.low:.4f} to {right.high:.4f})"
        print(f"{row.source}: answered {row.coverage.value:.4f} of {row.n:,}{words}")


def _say(line: str) -> None:
    print(line, file=sys.stderr)

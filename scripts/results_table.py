"""Write the results of the README from the models' cards, so that no figure there is typed by hand.

``python -m scripts.results_table`` rewrites what stands between the two markers; a test holds the README to it.
"""

from __future__ import annotations

from pathlib import Path

from wbc_core.inference.measurements import Comparison, Estimate
from wbc_core.recipes.spec import read_recipe
from wbc_core.services.models import model_details
from wbc_core.services.reference_systems import reference_rows

README = Path(__file__).resolve().parents[1] / "README.md"
START, END = "<!-- results: written by scripts/results_table.py -->", "<!-- end of results -->"
REFERENCES_START, REFERENCES_END = "<!-- references: by the same script -->", "<!-- end of references -->"


def percent(estimate: Estimate | None) -> str:
    """Return a share and its interval in percent."""
    if estimate is None:
        return "–"
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f}–{100 * estimate.high:.1f})"


def stopped(other: Comparison | None) -> str:
    """Say so where the other model's run was ended before its recipe's last epoch."""
    if other is None:
        return ""
    facts = model_details(other.model_id).training
    planned = read_recipe(README.parent / facts.recipe).epochs
    if facts.epochs == planned:
        return ""
    return f"\nThat run was stopped after {facts.epochs} of {planned} epochs."


def results() -> str:
    """Return the block of the README, from the default model's card."""
    card = model_details()
    other = card.comparisons[0] if card.comparisons else None
    lines = [
        f"Default model `{card.id}` on test pictures it never saw; 95 % intervals: one model, one temperature;",
        "where a set lacks some of the eight types, the choice is among those it has (`--labels`).",
        "",
        "| test set | pictures | accuracy | macro F1 | calib. error | answered | right of these | from pbc alone |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| `{row.source}` | {row.n:,} | {percent(row.accuracy)} | {row.macro_f1.value:.3f} | {row.ece.value:.3f} "
            f"| {100 * row.coverage.value:.1f} % | {percent(row.accuracy_classified)} "
            f"| {percent(other.accuracy.get(row.source) if other else None)} |"
            for row in card.evaluations
        ),
    ]
    home = card.evaluations[0]
    lines += [
        "",
        "*Answered* is the share named with enough confidence; the rest is called unidentified. The last column is the",
        "same recipe trained in one laboratory alone: what leaving the others out costs." + stopped(other),
        "",
        f"Each type on `{home.source}`, and the precision it would have if types came as often as in a smear:",
        "",
        "| type | pictures | recall | precision | precision at smear shares |",
        "|---|---|---|---|---|",
    ]
    for label, measures in home.per_class.items():
        prevalent = card.precision_at_smear_prevalence.get(label)
        lines.append(
            f"| {label.replace('_', ' ')} | {measures.support} | {percent(measures.recall)} "
            f"| {percent(measures.precision)} | {percent(prevalent)} |"
        )
    speed = card.speed
    if speed is not None:
        lines += [
            "",
            f"{speed.images_per_second:.0f} pictures a second from file to answer, {speed.single_image_ms:.0f} ms for "
            f"one, on {speed.host}. How the test sets are parted from training:",
        ]
    lines += ["", *(f"- `{name}`: {text}." for name, text in card.splits.items())]
    return "\n".join(lines)


def references() -> str:
    """Return the table of the reference systems, from the cards of their models here."""
    lines = [
        "| system | claims | model here | test set | pictures | accuracy | macro F1 | AUROC |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in reference_rows():
        claim = row.claim
        start = f"| {claim.system}: {claim.title} | {claim.words} | `{claim.model_id}` "
        if not row.measured:
            lines.append(f"{start}| not trained yet | | | | |")
        for found in row.measured:
            figures = (percent(found.accuracy), spread(found.macro_f1), spread(found.auroc))
            lines.append(f"{start}| `{found.source}` | {found.n:,} | {' | '.join(figures)} |")
            start = "| | | "
    return "\n".join(lines)


def spread(estimate: Estimate | None) -> str:
    """Return a figure between 0 and 1 and its interval; it is given for two classes alone where None."""
    if estimate is None:
        return "–"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def rewritten(text: str) -> str:
    """Return the README's text with both blocks renewed."""
    text = _between(text, START, END, results())
    return _between(text, REFERENCES_START, REFERENCES_END, references())


def _between(text: str, start: str, end: str, block: str) -> str:
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{block}\n{end}{after}"


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")

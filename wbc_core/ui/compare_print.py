"""A comparison as one HTML page: figures, sentences, charts and what to keep in mind, for paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from wbc_core.biology.statements import RESEARCH_USE
from wbc_core.evaluation.figures import METRICS
from wbc_core.ui.compare_choice import Compared
from wbc_core.ui.compare_classes import KINDS, class_table
from wbc_core.ui.compare_table import missing_in_words, sorted_rows, words_table
from wbc_core.ui.compare_words import sentence, sizes, telling_first

_STYLE = """
body { font: 11pt/1.45 system-ui, sans-serif; color: #16101f; background: #fff; max-width: 52rem; margin: 2rem auto;
  padding: 0 1rem }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt; margin: 0.5rem 0 1rem }
th, td { border-bottom: 1px solid #ddd5e8; padding: 0.25rem 0.5rem; text-align: left; vertical-align: top }
figure { margin: 1rem 0; break-inside: avoid }
figcaption { font-weight: 600; margin-bottom: 0.3rem }
svg { max-width: 100%; height: auto }
h2 { break-after: avoid; margin-top: 1.8rem }
@media print { body { margin: 0; max-width: none } }
"""


def page_to_print(compared: Compared, pictures: Mapping[str, str]) -> str:
    """Return the page.

    Parameters
    ----------
    compared : Compared
        The comparison.
    pictures : mapping of str to str
        Charts as SVG, by their titles.
    """
    comparison, names = compared.comparison, compared.names
    lineup = comparison.lineup
    rows = sorted_rows(comparison.measures, "accuracy")
    upright = words_table(rows, METRICS, names).set_index("Model").T
    parts = [
        f"<h1>{escape(', '.join(compared.shown))}</h1>",
        f"<p>{len(lineup):,} pictures of {escape(comparison.source)}, {len(lineup.labels)} classes. "
        f"<strong>{escape(RESEARCH_USE)}</strong></p>",
        _list(lineup.notes),
        "<h2>Figures</h2><p>In brackets the 95 % interval.</p>",
        _table(["Figure", *upright.columns], [[metric, *upright.loc[metric]] for metric in upright.index]),
        _list(missing_in_words(rows, METRICS, names)),
    ]
    if comparison.pairs:
        parts.append("<h2>Significance</h2>")
        pairs = telling_first(comparison.pairs)
        parts.append(_list([f"{sentence(pair, names)} {sizes(pair, names)}" for pair in pairs]))
    parts.append("<h2>Classes</h2>")
    for kind, (title, meaning) in KINDS.items():
        table = class_table(comparison.measures, kind, names)
        parts.append(f"<h3>{title}: {meaning}</h3>{_table(list(table), table.to_numpy().tolist())}")
    parts.append("<h2>Charts</h2>")
    parts += [
        f"<figure><figcaption>{escape(title)}</figcaption>{picture}</figure>" for title, picture in pictures.items()
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Models compared</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    cells = "".join(f'<th scope="col">{escape(str(cell))}</th>' for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in sentences)}</ul>" if sentences else ""

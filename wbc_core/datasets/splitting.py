"""Splits by group: no group stands in two parts, every class is shared out as asked, and the seed decides alone.

Groups are given out one by one, the largest first, each to the part where it brings the counts of its classes and of
all pictures nearest to what was asked: greedy stratification after Sechidis, Tsoumakas and Vlahavas, *On the
Stratification of Multi-Label Data*, ECML PKDD 2011, doi:10.1007/978-3-642-23808-6_10, with groups in place of
multi-labelled examples. Groups of one size are taken in the order of a seeded digest of their names, so that neither
the order of files nor the machine matters.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from wbc_core.datasets.statistics import PARTS
from wbc_core.errors import DatasetError


def parse_fractions(text: str) -> dict[str, float]:
    """Read fractions of train, val and test such as ``0.7,0.15,0.15``.

    Raises
    ------
    DatasetError
        If there are not three numbers from 0 to 1 that sum to 1, or train gets nothing.

    Examples
    --------
    >>> parse_fractions("0.8,0.1,0.1")
    {'train': 0.8, 'val': 0.1, 'test': 0.1}
    """
    hint = "Give the shares of train, val and test, such as --fractions 0.7,0.15,0.15."
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise DatasetError(f'"{text}" are no fractions.', hint) from error
    if len(values) != len(PARTS) or not all(0 <= value <= 1 for value in values) or abs(sum(values) - 1) > 1e-6:
        raise DatasetError(f'"{text}" are not three fractions that sum to 1.', hint)
    if values[0] == 0:
        raise DatasetError("The fraction of train is 0.", hint)
    return dict(zip(PARTS, values, strict=True))


def assign_parts(
    labels: Sequence[str], groups: Sequence[str], fractions: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Give every group a part.

    Parameters
    ----------
    labels : sequence of str
        Label of each picture.
    groups : sequence of str
        Group of each picture.
    fractions : mapping of str to float
        Share of pictures that each part should get; parts of share 0 get none.
    seed : int
        Decides among equals.

    Returns
    -------
    dict of str to str
        Group to part. A class that has as many groups as there are parts is in every part, unless its groups hold
        other classes that would be lost by it.
    """
    contents: dict[str, Counter[str]] = defaultdict(Counter)
    for label, group in zip(labels, groups, strict=True):
        contents[group][label] += 1
    parts = [part for part in fractions if fractions[part] > 0]
    share = sum(fractions[part] for part in parts)
    totals = Counter(labels)
    wanted = {part: {label: fractions[part] / share * count for label, count in totals.items()} for part in parts}
    given: dict[str, Counter[str]] = {part: Counter() for part in parts}
    chosen: dict[str, str] = {}
    for group in sorted(contents, key=lambda name: (-contents[name].total(), _order(name, seed))):
        best = min(parts, key=lambda part: _cost(contents[group], given[part], wanted[part], totals))
        given[best] += contents[group]
        chosen[group] = best
    _fill_empty(contents, chosen, given, seed)
    return chosen


def _cost(group: Counter[str], given: Counter[str], wanted: Mapping[str, float], totals: Mapping[str, int]) -> float:
    """Return how much farther from what is wanted a part gets with a group; negative where it gets nearer.

    The sum over the group's classes and over all pictures of the change in squared distance, each as a share of the
    class, so that rare classes weigh as much as frequent ones.
    """
    change = 0.0
    for label, count in group.items():
        before = given[label] - wanted[label]
        change += ((before + count) ** 2 - before**2) / (totals[label] * max(wanted[label], 1e-9))
    size, everything = group.total(), sum(totals.values())
    before = given.total() - sum(wanted.values())
    return change + ((before + size) ** 2 - before**2) / (everything * max(sum(wanted.values()), 1e-9))


def _fill_empty(
    contents: Mapping[str, Counter[str]], chosen: dict[str, str], given: Mapping[str, Counter[str]], seed: int
) -> None:
    """Move small groups so that no part lacks a class that has groups enough."""
    for label in sorted({label for group in contents.values() for label in group}):
        for part in given:
            if given[part][label]:
                continue
            movable = [
                group
                for group, content in contents.items()
                if content[label] and all(given[chosen[group]][other] > content[other] for other in content)
            ]
            if movable:
                group = min(movable, key=lambda name: (contents[name].total(), _order(name, seed)))
                given[chosen[group]].subtract(contents[group])
                given[part].update(contents[group])
                chosen[group] = part


def _order(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()

"""What makes results on a data set untrustworthy, and what else its users should know: in words, counts first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from wbc_core.datasets.duplicates import exact_groups, near_pairs
from wbc_core.datasets.fingerprints import Fingerprint
from wbc_core.datasets.sources import LabelledImage
from wbc_core.datasets.statistics import PARTS, Statistics, describe, group_of
from wbc_core.errors import ImageError

Case = TypeVar("Case")

MOST_EXAMPLES = 5
"""Examples named for one finding."""

SMALL_CLASS = 10
"""Pictures of a class below which its figures mean little: one mistake is a tenth."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    kind : str
        Name for scripts, such as ``duplicate_in_two_parts``.
    count : int
        How many cases.
    serious : bool
        Whether figures on this set cannot be trusted because of it.
    text : str
        One sentence that begins with the count.
    examples : tuple of str
        At most `MOST_EXAMPLES` cases.
    """

    kind: str
    count: int
    serious: bool
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """All that a check found.

    Attributes
    ----------
    name : str
        The data set.
    findings : tuple of Finding
        Serious ones first.
    statistics : Statistics
        What the set holds.
    """

    name: str
    findings: tuple[Finding, ...]
    statistics: Statistics

    @property
    def trustworthy(self) -> bool:
        """Whether nothing serious was found."""
        return not any(finding.serious for finding in self.findings)


def check(name: str, images: Sequence[LabelledImage], marks: Sequence[Fingerprint | ImageError]) -> CheckReport:
    """Check a data set.

    Parameters
    ----------
    name : str
        Its name.
    images : sequence of LabelledImage
        Its pictures.
    marks : sequence of Fingerprint or ImageError
        What was found when each was decoded, in the same order.
    """
    decoded = {at: mark for at, mark in enumerate(marks) if isinstance(mark, Fingerprint)}
    exact = exact_groups(decoded)
    near = tuple((pair.first, pair.second) for pair in near_pairs(decoded))
    findings = [
        *_crossing_groups(images),
        *_shared(images, exact, "duplicate", "the same picture", serious_labels=True),
        *_shared(images, near, "near_duplicate", "nearly the same picture", serious_labels=True),
        *_unreadable(images, marks),
        *_balance(images),
    ]
    findings.sort(key=lambda finding: not finding.serious)
    return CheckReport(name, tuple(findings), describe(images, marks))


def _crossing_groups(images: Sequence[LabelledImage]) -> Iterable[Finding]:
    parts: dict[str, set[str]] = defaultdict(set)
    for image in images:
        if image.split:
            parts[group_of(image)].add(image.split)
    crossing = sorted(group for group, found in parts.items() if len(found) > 1)
    if crossing:
        yield Finding(
            "group_in_two_parts",
            len(crossing),
            True,
            f"{counted(len(crossing), 'group')} {'stands' if len(crossing) == 1 else 'stand'} in more than one part of "
            f"the split: figures would flatter.",
            _some(crossing, lambda group: f"{group} in {' and '.join(sorted(parts[group]))}"),
        )


def _shared(
    images: Sequence[LabelledImage], sets: Sequence[Sequence[int]], kind: str, words: str, *, serious_labels: bool
) -> Iterable[Finding]:
    """Yield findings about sets of positions that show (nearly) the same picture."""

    def shown(members: Sequence[int]) -> str:
        return " = ".join(
            f"{images[at].file} ({images[at].label}{', ' + images[at].split if images[at].split else ''})"
            for at in members
        )

    labels = [members for members in sets if len({images[at].label for at in members}) > 1]
    if labels:
        yield Finding(
            f"{kind}_under_two_labels",
            len(labels),
            serious_labels,
            f"{counted(len(labels), 'time')} {words} stands under two labels: one of them is wrong.",
            _some(labels, shown),
        )
    parts = [members for members in sets if len({images[at].split for at in members} - {""}) > 1]
    if parts:
        yield Finding(
            f"{kind}_in_two_parts",
            len(parts),
            True,
            f"{counted(len(parts), 'time')} {words} stands in two parts of the split: figures would flatter.",
            _some(parts, shown),
        )
    if sets:
        yield Finding(
            kind,
            len(sets),
            False,
            f"{counted(len(sets), 'time')} {words} occurs more than once.",
            _some(sets, shown),
        )


def _unreadable(images: Sequence[LabelledImage], marks: Sequence[Fingerprint | ImageError]) -> Iterable[Finding]:
    faults = [(image, mark) for image, mark in zip(images, marks, strict=True) if isinstance(mark, ImageError)]
    if faults:
        yield Finding(
            "unreadable",
            len(faults),
            False,
            f"{counted(len(faults), 'picture')} cannot be read.",
            _some(faults, lambda fault: f"{fault[0].file}: {fault[1].message}"),
        )


def _balance(images: Sequence[LabelledImage]) -> Iterable[Finding]:
    counts: dict[str, dict[str, int]] = {label: defaultdict(int) for label in sorted({i.label for i in images})}
    for image in images:
        counts[image.label][image.split] += 1
    present = [part for part in PARTS if any(row[part] for row in counts.values())]
    unassigned = sum(row[""] for row in counts.values())
    if unassigned:
        yield Finding(
            "without_part",
            unassigned,
            False,
            f"{counted(unassigned, 'picture')} {'belongs' if unassigned == 1 else 'belong'} to no part of the split"
            f"{'' if present else ': split the set before training'}.",
        )
    missing = [(label, part) for part in present for label in counts if not counts[label][part]]
    if missing:
        yield Finding(
            "class_missing_in_part",
            len(missing),
            False,
            f"{counted(len(missing), 'time')} a class has no picture in a part: no figure on it can be given there.",
            tuple(f"no {label} in {part}" for label, part in missing),
        )
    small = [
        (label, part, counts[label][part])
        for part in present
        for label in counts
        if 0 < counts[label][part] < SMALL_CLASS
    ]
    if small:
        yield Finding(
            "small_class",
            len(small),
            False,
            f"{counted(len(small), 'time')} a class has fewer than {SMALL_CLASS} pictures in a part.",
            _some(small, lambda case: f"{case[2]} {case[0]} in {case[1]}"),
        )
    totals = {label: sum(row.values()) for label, row in counts.items()}
    if totals and max(totals.values()) >= 3 * min(totals.values()):
        most, least = (choose(totals, key=lambda label: totals[label]) for choose in (max, min))
        ratio = totals[most] / totals[least]
        yield Finding(
            "imbalance",
            round(ratio),
            False,
            f"{ratio:.0f} times as many pictures show {most} ({totals[most]:,}) as show {least} ({totals[least]:,}).",
        )


def counted(number: int, word: str) -> str:
    """Return a number with its noun, such as ``1 group`` or ``1,200 groups``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _some(cases: Sequence[Case], shown: Callable[[Case], str]) -> tuple[str, ...]:
    return tuple(shown(case) for case in cases[:MOST_EXAMPLES])

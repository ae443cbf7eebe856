"""Each cell of a film counts once, however many overlapping fields show it: in the first one that shows it whole."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wbc_core.smear.fields.cells import FieldCell
from wbc_core.smear.fields.overlaps import LEAST_SIDE, Overlap

ASTRAY: Final = 0.5
"""How far, in red cells, a cell may lie from where it is expected."""

LEAST_SHARED: Final = 0.5
"""Share of the cells that two fields should both show that must be found in both."""

SAME_KIND, OTHER_KIND = 0.35, 0.5
"""Least intersection over union, within the overlap, of one cell's boxes in two fields, by whether both call it a cell
of one kind."""

_LEAST_TO_SETTLE: Final = 3

Place = tuple[float, float]
Size = tuple[int, int]
Seen = tuple[int, int]  # a field and the number of a cell in it
_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class CountedOnce:
    """What overlapping fields share.

    Attributes
    ----------
    elsewhere : dict of (int, int) to int
        Field and number of each cell that another field counts, and which field does.
    partners : dict of int to dict of int to float
        Of each field the fields that overlap it, with the share of the picture that they have in common.
    """

    elsewhere: dict[Seen, int]
    partners: dict[int, dict[int, float]]


def count_once(
    fields: Sequence[Sequence[FieldCell]], overlaps: Sequence[Overlap], size: Size, red_cell: float
) -> CountedOnce:
    """Decide in which field each cell counts.

    Parameters
    ----------
    fields : sequence of sequences of FieldCell
        Cells of each field, in pixels of the picture.
    overlaps : sequence of Overlap
        Pairs of these fields, ``x`` and ``y`` in pixels of the picture.
    size : (int, int)
        Width and height of all fields in pixels.
    red_cell : float
        Usual diameter of their red cells in pixels.

    Returns
    -------
    CountedOnce
        A cell that is whole in several fields counts in the first of them; one that is whole in none counts in the
        first that counts it by the rule of the border.
    """
    sure = [pair for pair in overlaps if _share_cells(fields, pair, size, red_cell)]
    partners: dict[int, dict[int, float]] = defaultdict(dict)
    found: list[tuple[float, Seen, Seen]] = []
    for first, second, x, y in _pairs(_placed(sure), size, red_cell):
        x, y = _settled(fields[first], fields[second], (x, y), size, red_cell)
        share = (size[0] - abs(x)) * (size[1] - abs(y)) / (size[0] * size[1])
        partners[first][second] = partners[second][first] = share
        found.extend(
            (level, (first, one), (second, other))
            for level, one, other in _same(fields[first], fields[second], (x, y), size, 2 * red_cell)
        )
    found.sort(key=lambda pair: -pair[0])
    elsewhere = {}
    for group in _groups(found):
        whole = [seen for seen in group if not fields[seen[0]][seen[1]].cut]
        counting = [seen for seen in group if fields[seen[0]][seen[1]].counted]
        if not (whole or counting):
            continue
        keeper = min(whole or counting)
        elsewhere.update({seen: keeper[0] for seen in counting if seen != keeper})
    return CountedOnce(elsewhere, dict(partners))


def _placed(overlaps: Sequence[Overlap]) -> list[dict[int, Place]]:
    """Lay fields that hang together into one plane, by the surest pairs."""
    member: dict[int, dict[int, Place]] = {}
    for pair in sorted(overlaps, key=lambda pair: -pair.evidence):
        one = member.setdefault(pair.first, {pair.first: (0.0, 0.0)})
        other = member.setdefault(pair.second, {pair.second: (0.0, 0.0)})
        if one is other:
            continue  # two ways to one field: the surer one stands
        right = one[pair.first][0] + pair.x - other[pair.second][0]
        below = one[pair.first][1] + pair.y - other[pair.second][1]
        for number, (x, y) in other.items():
            one[number] = (x + right, y + below)
            member[number] = one
    unique = {id(plane): plane for plane in member.values()}
    return list(unique.values())


def _pairs(
    planes: Sequence[Mapping[int, Place]], size: Size, red_cell: float
) -> Iterator[tuple[int, int, float, float]]:
    """Yield all pairs that overlap in their planes, with the place of the second one in the first."""
    for plane in planes:
        numbers = sorted(plane)
        for at, first in enumerate(numbers):
            for second in numbers[at + 1 :]:
                x, y = plane[second][0] - plane[first][0], plane[second][1] - plane[first][1]
                if min(size[0] - abs(x), size[1] - abs(y)) >= LEAST_SIDE * red_cell:
                    yield first, second, x, y


def _middle(cell: FieldCell) -> Place:
    return (cell.xmin + cell.xmax) / 2, (cell.ymin + cell.ymax) / 2


class _Grid:
    """The cells of a field by their middles."""

    def __init__(self, cells: Sequence[FieldCell], step: float) -> None:
        self._step = step
        self._squares: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, cell in enumerate(cells):
            self._squares[self._square(*_middle(cell))].append(number)

    def around(self, x: float, y: float) -> Iterator[int]:
        """Yield the cells in the squares at and next to a point, among them all within a step of it."""
        column, row = self._square(x, y)
        for near in ((column + right, row + below) for right in (-1, 0, 1) for below in (-1, 0, 1)):
            yield from self._squares.get(near, ())

    def _square(self, x: float, y: float) -> tuple[int, int]:
        return int(x // self._step), int(y // self._step)


def _offsets(
    cells: Sequence[FieldCell], others: Sequence[FieldCell], at: Place, size: Size, red_cell: float
) -> list[Place | None]:
    """Return, for each whole cell that a second field at a place shows well inside, how far astray it is found there.

    None for one that is not found within ``ASTRAY``.
    """
    grid, margin = _Grid(others, red_cell), 0.5 * red_cell
    found: list[Place | None] = []
    for cell in cells:
        middle = _middle(cell)
        x, y = middle[0] - at[0], middle[1] - at[1]
        if cell.cut or not (margin <= x <= size[0] - margin and margin <= y <= size[1] - margin):
            continue
        ways = [(there[0] - x, there[1] - y) for there in (_middle(others[near]) for near in grid.around(x, y))]
        nearest = min(ways, key=lambda way: math.hypot(*way), default=(math.inf, math.inf))
        found.append(nearest if math.hypot(*nearest) <= ASTRAY * red_cell else None)
    return found


def _share_cells(fields: Sequence[Sequence[FieldCell]], pair: Overlap, size: Size, red_cell: float) -> bool:
    """Whether the cells that two fields should both show were found in both."""
    one, other = fields[pair.first], fields[pair.second]
    expected = [
        *_offsets(one, other, (pair.x, pair.y), size, red_cell),
        *_offsets(other, one, (-pair.x, -pair.y), size, red_cell),
    ]
    return sum(way is not None for way in expected) >= LEAST_SHARED * len(expected)


def _settled(one: Sequence[FieldCell], other: Sequence[FieldCell], at: Place, size: Size, red_cell: float) -> Place:
    """Return where a second field lies in a first one by the cells that both show: errors of a chain do not add up."""
    ways = [way for way in _offsets(one, other, at, size, red_cell) if way is not None]
    if len(ways) < _LEAST_TO_SETTLE:
        return at
    return at[0] - statistics.median(x for x, _ in ways), at[1] - statistics.median(y for _, y in ways)


def _same(
    one: Sequence[FieldCell], other: Sequence[FieldCell], at: Place, size: Size, step: float
) -> Iterator[tuple[float, int, int]]:
    """Yield the cells of two fields that may be one, with the intersection over union of what both fields show."""
    grid = _Grid(other, step)
    shown = (max(0.0, at[0]), max(0.0, at[1]), min(size[0], size[0] + at[0]), min(size[1], size[1] + at[1]))
    for first, cell in enumerate(one):
        here = _clipped((cell.xmin, cell.ymin, cell.xmax, cell.ymax), shown)
        if here is None:
            continue
        x, y = _middle(cell)
        for second in grid.around(x - at[0], y - at[1]):
            seen = other[second]
            there = _clipped((seen.xmin + at[0], seen.ymin + at[1], seen.xmax + at[0], seen.ymax + at[1]), shown)
            if there is None:
                continue
            level = _overlap(here, there)
            if level >= (SAME_KIND if cell.kind == seen.kind else OTHER_KIND):
                # Two fields that both call it the same go before those that do not.
                yield level + (cell.kind == seen.kind), first, second


def _clipped(box: _Box, to: _Box) -> _Box | None:
    left, top, right, bottom = max(box[0], to[0]), max(box[1], to[1]), min(box[2], to[2]), min(box[3], to[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _overlap(one: _Box, other: _Box) -> float:
    common = _clipped(one, other)
    if common is None:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other, common)]
    return areas[2] / (areas[0] + areas[1] - areas[2])


def _groups(found: Sequence[tuple[float, Seen, Seen]]) -> list[list[Seen]]:
    """Return the cells that were seen more than once, each with all fields that show it, a field once."""
    group_of: dict[Seen, dict[int, Seen]] = {}
    for _, one, other in found:
        first, second = group_of.setdefault(one, {one[0]: one}), group_of.setdefault(other, {other[0]: other})
        if first.keys() & second.keys():
            continue  # two cells of one field are not one, and those that are one are together already
        first.update(second)
        for seen in second.values():
            group_of[seen] = first
    unique = {id(group): sorted(group.values()) for group in group_of.values()}
    return [group for group in unique.values() if len(group) > 1]

"""A check finds what makes results untrustworthy, says it in words with counts, and does not cry wolf."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drawn_cells import cell
from wbc_core.datasets.checks import CheckReport, check
from wbc_core.datasets.duplicates import MOST_BITS, content_correlation, exact_groups, joined, near_pairs
from wbc_core.datasets.fingerprints import Fingerprint, fingerprint, fingerprints_of
from wbc_core.datasets.sources import LabelledImage, read_source
from wbc_core.datasets.statistics import describe

SIDE = 96


class Bench:
    """Pictures on disk, to be checked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.images = folder, []

    def add(
        self, name: str, pixels: np.ndarray | bytes, label: str = "monocyte", split: str = "", group: str = ""
    ) -> None:
        path = self.folder / name
        path.write_bytes(pixels if isinstance(pixels, bytes) else cv2.imencode(path.suffix, pixels[..., ::-1])[1])
        self.images.append(LabelledImage(path, label, name, "set", group, "", split))

    def report(self) -> CheckReport:
        return check("set", self.images, fingerprints_of(self.images))

    def kinds(self) -> dict[str, int]:
        return {finding.kind: finding.count for finding in self.report().findings}


@pytest.fixture
def bench(tmp_path) -> Bench:
    """Eleven cells of one type for each part, all different, so that nothing else is remarked."""
    found = Bench(tmp_path)
    for at in range(33):
        found.add(f"{at}.png", cell("monocyte", at, SIDE), split=("train", "val", "test")[at % 3])
    return found


def test_a_sound_set_is_trustworthy(bench):
    report = bench.report()
    assert report.findings == ()
    assert report.trustworthy
    assert report.statistics.counts == {"monocyte": {"test": 11, "train": 11, "val": 11}}


@pytest.mark.parametrize(
    ("label", "split", "kinds", "trustworthy"),
    [
        ("monocyte", "train", {"duplicate": 1}, True),
        ("monocyte", "test", {"duplicate_in_two_parts": 1, "duplicate": 1}, False),
        ("monocyte", "", {"duplicate": 1, "without_part": 1}, True),
    ],
)
def test_the_same_pixels_in_another_file_format_are_one_picture(bench, label, split, kinds, trustworthy):
    bench.add("again.bmp", cell("monocyte", 0, SIDE), label, split)
    assert bench.kinds() == kinds
    assert bench.report().trustworthy is trustworthy


def test_one_picture_under_two_labels_is_serious_and_named(bench):
    bench.add("again.png", cell("monocyte", 0, SIDE), "neutrophil", "train")
    finding = bench.report().findings[0]
    assert (finding.kind, finding.serious) == ("duplicate_under_two_labels", True)
    assert finding.text == "1 time the same picture stands under two labels: one of them is wrong."
    assert finding.examples == ("0.png (monocyte, train) = again.png (neutrophil, train)",)


@pytest.mark.parametrize("change", ["recompressed", "resized", "brighter", "cropped"])
def test_a_picture_that_was_saved_anew_is_a_near_duplicate(bench, change):
    pixels = cell("monocyte", 0, SIDE)
    altered = {
        "recompressed": pixels,
        "resized": cv2.resize(pixels, (160, 150), interpolation=cv2.INTER_CUBIC),
        "brighter": np.clip(pixels.astype(int) + 12, 0, 255).astype(np.uint8),
        "cropped": pixels[1:, :-1],
    }[change]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 70]
    bench.add("again.jpg", cv2.imencode(".jpg", altered[..., ::-1], quality)[1].tobytes(), split="val")
    report = bench.report()
    assert {f.kind: f.count for f in report.findings} == {"near_duplicate_in_two_parts": 1, "near_duplicate": 1}
    assert not report.trustworthy


def test_cut_out_cells_on_black_are_not_alike_for_being_round(tmp_path):
    bench = Bench(tmp_path)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = np.hypot(rows - SIDE / 2, columns - SIDE / 2) < SIDE * 0.4
    for at in range(12):
        bench.add(
            f"{at}.png", cell("lymphocyte", at, SIDE) * inside[..., None].astype(np.uint8), "lymphoblast", "train"
        )
    assert "near_duplicate" not in bench.kinds()
    bench.add("again.jpg", cell("lymphocyte", 3, SIDE) * inside[..., None].astype(np.uint8), "lymphoblast", "train")
    assert bench.kinds()["near_duplicate"] == 1


def test_plain_pictures_are_no_near_duplicates_of_each_other():
    flat = [np.full((32, 32, 3), level, np.uint8) for level in (0, 128, 250)]
    assert [content_correlation(one, other) for one in flat for other in flat] == [0.0] * 9


def test_a_group_in_two_parts_is_serious(bench):
    bench.add("a.png", cell("monocyte", 50, SIDE), split="train", group="slide7")
    bench.add("b.png", cell("monocyte", 51, SIDE), split="test", group="slide7")
    finding = bench.report().findings[0]
    assert finding.serious
    assert finding.text == "1 group stands in more than one part of the split: figures would flatter."
    assert finding.examples == ("group slide7 in test and train",)


def test_an_unreadable_file_is_named_and_does_not_stop_the_check(bench):
    bench.add("bad.png", b"no picture", split="train")
    report = bench.report()
    assert [(f.kind, f.text) for f in report.findings] == [("unreadable", "1 picture cannot be read.")]
    assert report.findings[0].examples[0].startswith("bad.png: 'bad.png' is not an accepted picture")
    assert report.statistics.readable == 33
    assert report.trustworthy


def test_missing_and_small_classes_and_imbalance_are_remarked(bench):
    for at in range(4):
        bench.add(f"n{at}.png", cell("neutrophil", at, SIDE), "neutrophil", "train")
    findings = {finding.kind: finding for finding in bench.report().findings}
    assert findings["class_missing_in_part"].examples == ("no neutrophil in val", "no neutrophil in test")
    assert findings["small_class"].examples == ("4 neutrophil in train",)
    assert findings["imbalance"].text == "8 times as many pictures show monocyte (33) as show neutrophil (4)."


def test_statistics_measure_sizes_and_colours(tmp_path):
    bench = Bench(tmp_path)
    for level, name in ((100, "a.png"), (140, "b.png")):
        pixels = np.full((30, 40, 3), (level, 0, 200), np.uint8)
        pixels[:, :20, 2] = 100
        bench.add(name, pixels, group="slide")
    found = describe(bench.images, fingerprints_of(bench.images))
    assert (found.groups, found.sizes, found.distinct_sizes) == (1, {"40×30": 2}, 1)
    assert found.colours["monocyte"].mean == (120.0, 0.0, 150.0)
    assert found.colours["monocyte"].deviation == (0.0, 0.0, 50.0)
    assert found.colours["monocyte"].between == (20.0, 0.0, 0.0)


def marked(gradients: int, content: str) -> Fingerprint:
    thumbnail = np.arange(32 * 32 * 3, dtype=np.uint16).reshape(32, 32, 3) % 200 + 50
    return Fingerprint(64, 64, content, gradients, thumbnail.astype(np.uint8), (0, 0, 0), (0, 0, 0))


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sets(st.integers(0, 63), max_size=7)), min_size=1, max_size=25),
)
def test_no_pair_within_the_allowed_bits_is_missed_and_none_beyond_is_taken(bases, changes):
    values = [bases[which % len(bases)] ^ sum(1 << bit for bit in bits) for which, bits in changes]
    marks = {at: marked(value, str(at)) for at, value in enumerate(values)}
    expected = {
        (one, other)
        for one in range(len(values))
        for other in range(one + 1, len(values))
        if (values[one] ^ values[other]).bit_count() <= MOST_BITS
    }
    assert {(pair.first, pair.second) for pair in near_pairs(marks)} == expected


def test_identical_pictures_are_no_near_pairs_and_are_compared_once():
    marks = {0: marked(5, "a"), 1: marked(5, "a"), 2: marked(4, "b")}
    assert exact_groups(marks) == ((0, 1),)
    assert [(pair.first, pair.second) for pair in near_pairs(marks)] == [(0, 2)]
    assert near_pairs({}) == ()


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_joining_is_the_smallest_equivalence(links):
    roots = joined(20, links)
    neighbours = defaultdict(set)
    for one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
    for start in range(20):
        reached, ahead = {start}, [start]
        while ahead:
            ahead = list({other for at in ahead for other in neighbours[at]} - reached)
            reached |= set(ahead)
        assert {at for at in range(20) if roots[at] == roots[start]} == reached
        assert roots[start] == min(reached)


def test_a_fingerprint_depends_on_the_pixels_alone():
    pixels = cell("monocyte", 1, SIDE)
    assert fingerprint(pixels) == fingerprint(np.ascontiguousarray(pixels[:, ::-1])[:, ::-1])
    assert fingerprint(pixels).sha256 != fingerprint(pixels.reshape(SIDE // 2, SIDE * 2, 3)).sha256


@pytest.mark.data
@pytest.mark.parametrize("name", ["pbc", "kaggle", "raabin", "cnmc"])
def test_no_group_of_the_shared_sets_stands_in_two_parts(data_dir, name):
    images = read_source(data_dir / name)
    parts = defaultdict(set)
    for image in images:
        parts[image.group].add(image.split)
    assert all(len(found) == 1 for found in parts.values())
    assert {image.split for image in images} <= {"train", "val", "test"}


@pytest.mark.data
def test_the_known_duplicates_of_pbc_are_found_and_no_others(data_dir):
    images = read_source(data_dir / "pbc")
    sizes = Counter(image.group for image in images)
    chosen = [image for at, image in enumerate(images) if sizes[image.group] > 1 or at % 60 == 0]
    marks = dict(enumerate(fingerprints_of(chosen)))
    found = [*exact_groups(marks), *((pair.first, pair.second) for pair in near_pairs(marks))]
    assert all(len({chosen[at].group for at in members}) == 1 for members in found)
    assert len(found) >= 15  # of 16; the last pair shows one cell in two crops


@pytest.mark.data
def test_cells_of_two_subjects_are_never_taken_for_one(data_dir):
    with (data_dir / "cnmc" / "split.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))[::6]
    images = [
        LabelledImage(data_dir / "cnmc" / row["file"], row["label"], row["file"], "cnmc", row["group"]) for row in rows
    ]
    pairs = near_pairs(dict(enumerate(fingerprints_of(images))))
    assert all(images[pair.first].group == images[pair.second].group for pair in pairs)

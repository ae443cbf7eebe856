"""Foreign text is shown letter by letter, and no figure claims certainty."""

from __future__ import annotations

import pytest

from wbc_core.ui.wording import confidence_in_words, listed, percent, plain, short_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cell.png", r"cell\.png"),
        ("<b>", r"\<b\>"),
        ("a\nb\tc", "a b c"),
        (":red[x] $y$", r"\:red\[x\] \$y\$"),
        ("evil\u202egnp.exe", r"evil gnp\.exe"),  # the mark would turn the end of the name around
        ("größe µm", "größe µm"),
    ],
)
def test_plain_escapes_every_mark_that_means_something(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "< 0.1 %"), (0.0009, "< 0.1 %"), (0.001, "0.1 %"), (0.5, "50.0 %"), (0.9994, "99.9 %"), (1.0, "> 99.9 %")],
)
def test_percentages_never_claim_none_or_all(share: float, text: str) -> None:
    assert percent(share) == text


def test_words_get_weaker_with_confidence() -> None:
    words = [confidence_in_words(value) for value in (1.0, 0.97, 0.9, 0.6, 0.2, 0.0)]
    assert words == ["Very sure", "Sure", "Fairly sure", "Unsure", "Very unsure", "Very unsure"]


def test_a_long_name_keeps_its_start_and_its_ending() -> None:
    name = short_name("a" * 300 + ".tiff")
    assert len(name) == 48
    assert name.endswith(".tiff")
    assert short_name("short.png") == "short.png"


def test_an_enumeration_ends_with_a_word() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "or") == "a, b or c"

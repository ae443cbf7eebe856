"""How the eleven attributes read: *cell big and round; nucleus in two lobes, chromatin dense; granules round, red*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wbc_core.explanation.attribute_probe import Reading

UNSURE = 0.7
"""A value less probable than this is marked in the sentence."""

TITLES: Mapping[str, str] = {
    "cell_size": "Cell size",
    "cell_shape": "Cell shape",
    "nucleus_shape": "Nucleus",
    "nuclear_cytoplasmic_ratio": "Nuclear-cytoplasmic ratio",
    "chromatin_density": "Chromatin",
    "cytoplasm_vacuole": "Vacuoles",
    "cytoplasm_texture": "Cytoplasm texture",
    "cytoplasm_colour": "Cytoplasm colour",
    "granule_type": "Granule type",
    "granule_colour": "Granule colour",
    "granularity": "Granules",
}

_WORDS: Mapping[str, Mapping[str, str]] = {
    "nucleus_shape": {
        "segmented-bilobed": "segmented in two lobes",
        "segmented-multilobed": "segmented in several lobes",
        "unsegmented-band": "an unsegmented band",
        "unsegmented-indented": "unsegmented, indented",
        "unsegmented-round": "unsegmented, round",
    },
    "chromatin_density": {"densely": "dense", "loosely": "loose"},
    "cytoplasm_vacuole": {"yes": "vacuoles", "no": "no vacuoles"},
    "granule_type": {"nil": "none"},
    "granule_colour": {"nil": "none"},
    "granularity": {"yes": "granules", "no": "no granules"},
}


def value_in_words(attribute: str, value: str) -> str:
    """Return a value as a reader expects it.

    Examples
    --------
    >>> value_in_words("chromatin_density", "densely"), value_in_words("cytoplasm_colour", "light blue")
    ('dense', 'light blue')
    """
    return _WORDS.get(attribute, {}).get(value, value)


def in_a_sentence(readings: Sequence[Reading]) -> str:
    """Return all readings as one line, the unsure ones marked; granules that are said to be absent get no type.

    Parameters
    ----------
    readings : sequence of Reading
        All eleven attributes.

    Returns
    -------
    str
    """
    by_name = {reading.attribute: reading for reading in readings}

    def word(attribute: str) -> str:
        reading = by_name[attribute]
        mark = " (unsure)" if reading.probability < UNSURE else ""
        return f"{value_in_words(attribute, reading.value)}{mark}"

    kinds = [name for name in ("granule_type", "granule_colour") if by_name[name].value != "nil"]
    granules = word("granularity")
    if by_name["granularity"].value == "yes" and kinds:
        granules += " " + ", ".join(word(name) for name in kinds)
    return "; ".join(
        (
            f"Cell {word('cell_size')}, {word('cell_shape')}",
            f"nucleus {word('nucleus_shape')}, chromatin {word('chromatin_density')}, "
            f"nuclear-cytoplasmic ratio {word('nuclear_cytoplasmic_ratio')}",
            f"cytoplasm {word('cytoplasm_colour')}, {word('cytoplasm_texture')}, {word('cytoplasm_vacuole')}",
            granules,
        )
    )

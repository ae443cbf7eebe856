"""The README's figures are those of the cards."""

from scripts.results_table import README, rewritten


def test_the_readme_states_the_figures_of_the_card():
    text = README.read_text(encoding="utf-8")
    assert text == rewritten(text), "run python -m scripts.results_table"

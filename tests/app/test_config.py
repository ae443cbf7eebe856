"""The server's settings repeat the program's, and the colours can be read."""

from __future__ import annotations

import tomllib

import pytest

from wbc_core.settings import ROOT, Settings

CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


def luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_server_takes_no_larger_upload_than_the_largest_archive_of_a_batch() -> None:
    assert CONFIG["server"]["maxUploadSize"] == Settings.model_fields["max_archive_mb"].default


def test_visitors_see_no_traceback_and_nobody_is_counted() -> None:
    assert CONFIG["client"] == {"toolbarMode": "viewer", "showErrorDetails": "none"}
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert "enableAgentApi" not in CONFIG["server"]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_and_buttons_reach_the_contrast_of_wcag_aa(mode: str) -> None:
    theme = CONFIG["theme"][mode]
    grounds = (theme["backgroundColor"], theme["secondaryBackgroundColor"])
    for ground in grounds:
        assert contrast(theme["textColor"], ground) >= 7
        assert contrast(theme["linkColor"], ground) >= 4.5
    assert contrast(theme["primaryColor"], "#ffffff") >= 4.5  # a primary button's text
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 4.5  # the open tab's name

"""The error of counting: limits equal to SciPy's exact binomial, and Rümke's table when rounded outward."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from wbc_core.smear.intervals import exact_limits, limits_per_hundred, rounded_outward

# Percent seen; exact limits and their outward rounding at n = 100, 200, 500. A printed copy of Rümke's table can differ
# by one where a limit lies within 0.05 of an integer (14 of these 114 limits).
TABLE = """
0   0.00–3.62 (0–4)      0.00–1.83 (0–2)      0.00–0.74 (0–1)
1   0.03–5.45 (0–6)      0.12–3.57 (0–4)      0.33–2.32 (0–3)
2   0.24–7.04 (0–8)      0.55–5.04 (0–6)      0.96–3.65 (0–4)
3   0.62–8.52 (0–9)      1.11–6.42 (1–7)      1.69–4.90 (1–5)
4   1.10–9.93 (1–10)     1.74–7.73 (1–8)      2.46–6.11 (2–7)
5   1.64–11.28 (1–12)    2.42–9.003 (2–10)    3.26–7.29 (3–8)
6   2.23–12.60 (2–13)    3.14–10.25 (3–11)    4.08–8.45 (4–9)
7   2.86–13.89 (2–14)    3.88–11.47 (3–12)    4.92–9.60 (4–10)
8   3.52–15.16 (3–16)    4.64–12.67 (4–13)    5.78–10.73 (5–11)
9   4.20–16.40 (4–17)    5.42–13.85 (5–14)    6.64–11.86 (6–12)
10  4.90–17.62 (4–18)    6.22–15.02 (6–16)    7.51–12.97 (7–13)
15  8.65–23.53 (8–24)    10.35–20.72 (10–21)  11.98–18.44 (11–19)
20  12.67–29.18 (12–30)  14.69–26.22 (14–27)  16.58–23.78 (16–24)
25  16.88–34.66 (16–35)  19.16–31.60 (19–32)  21.26–29.04 (21–30)
30  21.24–39.98 (21–40)  23.74–36.86 (23–37)  26.01–34.23 (26–35)
35  25.73–45.18 (25–46)  28.41–42.05 (28–43)  30.82–39.36 (30–40)
40  30.33–50.28 (30–51)  33.15–47.15 (33–48)  35.68–44.44 (35–45)
45  35.03–55.27 (35–56)  37.98–52.18 (37–53)  40.58–49.48 (40–50)
50  39.83–60.17 (39–61)  42.87–57.13 (42–58)  45.53–54.47 (45–55)
"""


def rows() -> list[tuple[int, int, str, str, str, str]]:
    found = []
    for text in TABLE.strip().splitlines():
        percent, *cells = text.replace("(", "").replace(")", "").split()
        for total, exact, outward in zip((100, 200, 500), cells[::2], cells[1::2], strict=True):
            found.append((int(percent), total, *exact.split("–"), *outward.split("–")))
    return found


def test_the_table_is_whole() -> None:
    assert len(rows()) == 57


@pytest.mark.parametrize(("percent", "total", "low", "high", "down", "up"), rows())
def test_the_published_table_is_reproduced(percent: int, total: int, low: str, high: str, down: str, up: str) -> None:
    limits = exact_limits(percent * total // 100, total)
    for limit, text in zip(limits, (low, high), strict=True):
        assert f"{limit:.{len(text.partition('.')[2])}f}" == text
    assert rounded_outward(*limits) == (int(down), int(up))


@pytest.mark.parametrize(("percent", "total", "low", "high", "down", "up"), rows())
def test_above_fifty_percent_the_table_is_mirrored(
    percent: int, total: int, low: str, high: str, down: str, up: str
) -> None:
    count = total - percent * total // 100
    assert rounded_outward(*exact_limits(count, total)) == (100 - int(up), 100 - int(down))


@pytest.mark.parametrize(("total", "step"), [(1, 1), (2, 1), (7, 1), (100, 1), (200, 7), (500, 23), (12_345, 617)])
def test_the_limits_are_those_of_scipy(total: int, step: int) -> None:
    for count in {*range(0, total + 1, step), total}:
        expected = binomtest(count, total).proportion_ci(0.95, method="exact")
        low, high = exact_limits(count, total)
        assert math.isclose(low / 100, expected.low, abs_tol=1e-9)
        assert math.isclose(high / 100, expected.high, abs_tol=1e-9)


def test_nothing_seen_and_everything_seen_reach_the_ends_exactly() -> None:
    assert exact_limits(0, 100)[0] == 0
    assert exact_limits(100, 100)[1] == 100


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(2.42, 9.003, (2, 10)), (0.0, 100.0, (0, 100)), (3.0, 4.0, (3, 4)), (99.2, 100.0, (99, 100))],
)
def test_limits_are_rounded_outward(low: float, high: float, shown: tuple[int, int]) -> None:
    assert rounded_outward(low, high) == shown


def test_limits_per_hundred_leukocytes_follow_from_the_share_of_both_kinds() -> None:
    low, high = limits_per_hundred(6, 200)
    expected = binomtest(6, 206).proportion_ci(0.95, method="exact")
    assert low == pytest.approx(100 * expected.low / (1 - expected.low))
    assert high == pytest.approx(100 * expected.high / (1 - expected.high))
    assert low < 3 < high


def test_more_erythroblasts_than_leukocytes_are_above_one_hundred() -> None:
    low, high = limits_per_hundred(300, 100)
    assert 200 < low < 300 < high < 500
